/** The race as rows of a table. */
import { output, type Row } from '../measure.ts';
import { type Race, type Score, spinInstalled, type Variant } from './race.ts';

const VARIANTS: readonly Variant[] = ['GET', 'PIN'];
export const NO_SPIN = 'SPIN IS NOT MEASURED: `spin` and `gcc` have to be installed';

/** Two rows for each variant, the engine's and SPIN's; one that says so where SPIN is missing. */
export function spinRows(
  model: string,
  pageCounts: readonly number[] = [3, 4],
  reductions: readonly boolean[] = [false],
): Row[] {
  if (!spinInstalled()) {
    console.error(`bench: ${NO_SPIN}`);
    return [{ what: NO_SPIN, figure: '', aim: '' }];
  }
  return pageCounts.flatMap((pages) =>
    reductions.flatMap((reduction) =>
      VARIANTS.flatMap((variant) => rows(raceAlone(model, variant, pages, reduction))),
    ),
  );
}

function raceAlone(model: string, variant: Variant, pages: number, reduction: boolean): Race {
  const args = ['scripts/run.mjs', 'bench/spin/one.ts', model, variant, `${pages}`, reduction ? 'on' : 'off'];
  return JSON.parse(output(process.execPath, args, process.cwd()));
}

function rows({ variant, pages, reduction, spin, engine }: Race): Row[] {
  const what = `case 5, ${variant}, ${pages} pages${reduction ? ', reduction on' : ''}`;
  // Equal states but for one: the ratio of speeds is that of times, the other way round.
  const ratio = (spin.seconds / engine.seconds).toFixed(2);
  const userRatio = (spin.userSeconds / engine.userSeconds).toFixed(2);
  const same = engine.lostWrite === spin.lostWrite ? 'same verdict' : 'ANOTHER VERDICT';
  return [
    { what: `SPIN, ${what}`, figure: figures(spin), aim: '' },
    {
      what: `explore(), ${what}`,
      figure: `${figures(engine)}, ${ratio} × SPIN (${userRatio} by user time), ${same}`,
      aim: reduction ? 'same verdict' : '0.33 × SPIN, same verdict',
    },
  ];
}

function figures(score: Score): string {
  const number = (value: number) => Math.round(value).toLocaleString('en');
  return [
    score.lostWrite ? 'lost write' : 'holds',
    `${number(score.states)} states`,
    `${number(score.transitions)} transitions`,
    `${number(score.states / score.seconds)} states/s`,
    `${number(score.bytesPerState)} bytes/state`,
  ].join(', ');
}
