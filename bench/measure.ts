/** Timing helpers of the benches: milliseconds, medians, and child processes. */
import { spawnSync } from 'node:child_process';

/** Wall-clock milliseconds of one call. */
export function milliseconds(run: () => unknown): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

/** The value below which a share of the sorted values lies; `share` is 0.5 for the median. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Medians of several contenders, run in turn so that a slow moment of the machine hits all of them. */
export function race<Name extends string>(
  contenders: Readonly<Record<Name, () => unknown>>,
  rounds: number,
): Record<Name, number> {
  const names = Object.keys(contenders) as Name[];
  const times = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) times.get(name)!.push(milliseconds(contenders[name]));
  }
  return Object.fromEntries(names.map((name) => [name, median(times.get(name)!)])) as Record<Name, number>;
}

/**
 * Runs a program to its end and returns what it printed.
 *
 * @throws Error when it cannot be started or exits with a status that is not expected.
 */
export function output(program: string, args: readonly string[], cwd: string, expected = [0]): string {
  const { error, status, stdout, stderr } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (error !== undefined) throw error;
  if (!expected.includes(status ?? -1)) throw new Error(`${program} exited with ${status}: ${stderr}`);
  return stdout;
}

/** A row of the printed table: what was measured, the figure, and what it is compared with. */
export interface Row {
  readonly what: string;
  readonly figure: string;
  readonly aim: string;
}

export function table(rows: readonly Row[]): string {
  const columns = ['what', 'figure', 'aim'] as const;
  const head: Row = { what: 'what', figure: 'measured', aim: 'aim' };
  const widths = columns.map((column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (row: Row) =>
    `| ${columns.map((column, index) => row[column].padEnd(widths[index]!)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}
