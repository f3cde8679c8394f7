/** States per second of explore(), and the time that a finding's explanation takes. */
import { finish } from '#engine/explore/slices.ts';
import { explore } from '#engine/index.ts';
import type { Scenario } from '#engine/protocol/scenario.ts';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import { lintPaths } from '#server/linter/run/run.ts';
import { milliseconds, quantile, type Row } from './measure.ts';

/** Two pages of a file, written by a device, with everything around them that the engine knows for them. */
const LARGE: Scenario = {
  memory: { kind: 'file', pages: 2, mapped: 2, writable: true },
  driver: [
    { op: 'acquire', api: 'pin_user_pages_fast', flags: 1, nr: 2, set: 0, expect: 2 },
    { op: 'dma-map', set: 0, from: 0, count: 2, direction: 'from-device' },
    { op: 'dma-unmap', set: 0, from: 0, count: 2 },
    { op: 'release', api: 'unpin_user_pages_dirty_lock', set: 0, from: 0, count: 2, makeDirty: true },
    { op: 'return' },
  ],
  actors: ['store', 'writeback', 'reclaim', 'fork-child-write'],
};

export function exploreRows(): Row[] {
  let states = 0;
  let executions = 0;
  const rounds = Array.from({ length: 5 }, () =>
    milliseconds(() => {
      ({ states, executions } = explore(LARGE));
    }),
  );
  const fastest = Math.min(...rounds);
  return [
    {
      what: `explore(), ${states} states, ${executions} executions`,
      figure: `${Math.round(states / (fastest / 1000)).toLocaleString('en')} states/s`,
      aim: '',
    },
  ];
}

/** Time per explained finding over everything that the folders hold, each verdict computed afresh. */
export async function explainRows(folders: readonly string[], cwd: string): Promise<Row[]> {
  const analyzer = await createAnalyzer();
  const { reports } = await lintPaths(async () => analyzer, folders, cwd, {
    explanations: false,
    levels: {},
  });
  const findings = reports.flatMap((report) => report.findings);
  if (findings.length === 0) throw new Error(`nothing to explain in ${folders.join(', ')}`);
  const times: number[] = [];
  for (const finding of findings) {
    const { explain } = await createAnalyzer();
    times.push(milliseconds(() => finish(explain(finding, { place: () => 'a line' }))));
  }
  return [
    {
      what: `time per explained finding, median of ${findings.length}`,
      figure: `${quantile(times, 0.5).toFixed(1)} ms`,
      aim: 'below 30 ms',
    },
    { what: 'the same, 95th percentile', figure: `${quantile(times, 0.95).toFixed(1)} ms`, aim: '' },
  ];
}
