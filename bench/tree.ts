/** The whole tree against rg on the same files, and the cold start on one small file. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { median, milliseconds, output, type Row, race } from './measure.ts';

const PATTERN = 'get_user_pages|pin_user_pages';
const ROUNDS = 3;
/** 1 is the exit status for findings. */
const LINT_STATUS = [0, 1];

/** Lints a kernel tree and lets rg search it. `program` is the bundled command line. */
export function treeRows(program: string, kernel: string): Row[] {
  const lint = (...options: string[]) =>
    output(process.execPath, [program, 'lint', ...options, '.'], kernel, LINT_STATUS);
  const times = race(
    {
      rg: () => output('rg', ['-l', PATTERN, '-g', '*.c', '-g', '*.h', '.'], kernel),
      'rg, .c only': () => output('rg', ['-l', PATTERN, '-g', '*.c', '.'], kernel),
      'without runs': () => lint('--no-explain'),
      'with runs': () => lint(),
    },
    ROUNDS,
  );
  const against = (name: 'without runs' | 'with runs') =>
    `${seconds(times[name])} = ${(times[name] / times.rg).toFixed(1)} × rg`;
  return [
    { what: 'rg -l over *.c and *.h of the tree', figure: seconds(times.rg), aim: '' },
    { what: 'rg -l over *.c of the tree', figure: seconds(times['rg, .c only']), aim: '' },
    { what: 'gupcheck lint of the tree, --no-explain', figure: against('without runs'), aim: '3 × rg' },
    { what: 'gupcheck lint of the tree', figure: against('with runs'), aim: '' },
  ];
}

/** Median time of a process that lints one small file. */
export function startRows(program: string, examples: string): Row[] {
  const file = readdirSync(examples).find((name) => name.endsWith('.c'));
  if (file === undefined) throw new Error(`${examples} has no C file`);
  const run = () =>
    output(process.execPath, [program, 'lint', path.join(examples, file)], examples, LINT_STATUS);
  const node = () => output(process.execPath, ['-e', '0'], examples);
  const times = Array.from({ length: 9 }, () => milliseconds(run));
  const bare = Array.from({ length: 9 }, () => milliseconds(node));
  return [
    { what: `cold start, lint of ${file}`, figure: `${median(times).toFixed(0)} ms`, aim: 'below 200 ms' },
    { what: 'of which node itself', figure: `${median(bare).toFixed(0)} ms`, aim: '' },
  ];
}

function seconds(value: number): string {
  return `${(value / 1000).toFixed(2)} s`;
}
