/** Lints folders: a sweep by all threads, then the files that pin through headers only; and what is kept for the next run. */
import { statSync } from 'node:fs';
import { acquiringIn } from '../config/config.ts';
import type { Analyzer } from '../file/analyzer.ts';
import type { Input, InputProblem } from '../input/discover.ts';
import { Projects } from '../project/project.ts';
import { type WrapperArea, wrapperUsers } from '../project/wrapper-users.ts';
import { type Kept, type KeptFile, ResultCache } from './cache.ts';
import type { LintRun, RunOptions } from './run.ts';
import { reportOn, type SweepPlan, type Swept, type SweptFile } from './sweep.ts';
import { sweepTogether } from './threads.ts';

/** How long ago a file must have been changed for its results to be kept, in milliseconds: clocks of file systems tick. */
const SETTLING_TIME = 2_000;

/**
 * Lints the roots of the input. `areas` are those of headers that were named.
 *
 * @throws Error when a thread fails.
 */
export async function lintFolders(
  analyzer: () => Promise<Analyzer>,
  input: Input,
  areas: readonly WrapperArea[],
  cwd: string,
  { threads, cache: where, ...settings }: RunOptions,
): Promise<LintRun> {
  const { roots, apart } = input;
  const cache = where && new ResultCache(where, { roots, cwd, settings });
  const { kept, broken } = cache?.read() ?? { broken: false };
  const plan: SweepPlan = {
    roots,
    apart,
    cwd,
    settings,
    settledBefore: Date.now() - SETTLING_TIME,
    ...(kept !== undefined && { known: withoutReports(kept) }),
  };
  const shares = await sweepTogether(analyzer, plan, threads);
  const held = new Map<string, KeptFile>();
  for (const share of shares) for (const file of share.kept) held.set(file, kept!.files.get(file)!);
  const swept = shares.flatMap(({ files }) => files);
  const all = [
    ...areas,
    ...areasOf([...swept, ...held.values()]),
    ...(await configuredAreas(input, cwd, settings)),
  ];
  swept.push(
    ...(await lintWrapperUsers(
      analyzer,
      input,
      all,
      new Set([...held.keys(), ...swept.map(({ file }) => file)]),
      plan,
    )),
  );
  const notes: InputProblem[] = [];
  if (broken) notes.push(CACHE_BROKEN);
  if (cache !== undefined && kept !== undefined) {
    const failed = keep(cache, kept, shares, held, swept);
    if (failed !== undefined) notes.push(unwritable(where!.folder, failed));
  }
  const sum = (what: (share: Swept) => number): number => shares.reduce((n, share) => n + what(share), 0);
  const empty = roots.filter((_root, index) => sum(({ met }) => met[index]!) === 0);
  return {
    reports: [...swept, ...held.values()].map(({ report }) => report),
    scanned: sum(({ scanned }) => scanned),
    large: sum(({ large }) => large),
    problems: [...empty.map(withoutFiles), ...inOrder(shares.flatMap(({ problems }) => problems))],
    skipped: inOrder(shares.flatMap(({ skipped }) => skipped)),
    notes,
  };
}

/** Where functions are looked for that configurations of the roots describe. */
async function configuredAreas(
  { roots }: Input,
  cwd: string,
  settings: SweepPlan['settings'],
): Promise<WrapperArea[]> {
  const projects = new Projects(cwd, settings, roots);
  const found: WrapperArea[] = [];
  for (const { folder } of roots) {
    await projects.prepare(folder);
    const config = projects.configOf(`${folder}/a.c`);
    const names = config === undefined ? [] : acquiringIn(config);
    if (names.length > 0) found.push({ folder, names });
  }
  return found;
}

function areasOf(files: readonly Pick<SweptFile, 'area'>[]): WrapperArea[] {
  return files.flatMap(({ area }) => (area === undefined ? [] : [area]));
}

/** Lints what pins only through headers of the areas; `linted` are the files that have a report. */
async function lintWrapperUsers(
  analyzer: () => Promise<Analyzer>,
  { roots, apart }: Input,
  areas: readonly WrapperArea[],
  linted: ReadonlySet<string>,
  plan: SweepPlan,
): Promise<SweptFile[]> {
  if (areas.length === 0) return [];
  const projects = new Projects(plan.cwd, plan.settings, plan.roots);
  for (const { folder } of roots) await projects.prepare(folder);
  const others = { has: (file: string) => linted.has(file) || apart.has(file) };
  const found: SweptFile[] = [];
  for (const { source, text, looked } of wrapperUsers(areas, roots, others, projects)) {
    const stats = statSync(source.file, { throwIfNoEntry: false });
    found.push(
      reportOn(await analyzer(), projects, plan, { ...source, shown: source.path, text, stats, looked }),
    );
  }
  return found;
}

function withoutReports({ nothing, files }: Kept): NonNullable<SweepPlan['known']> {
  return {
    nothing,
    files: new Map([...files].map(([file, { project, depends }]) => [file, { project, depends }])),
  };
}

/** Writes the cache where anything has changed. Answers with what went wrong. */
function keep(
  cache: ResultCache,
  kept: Kept,
  shares: readonly Swept[],
  held: ReadonlyMap<string, KeptFile>,
  swept: readonly SweptFile[],
): string | undefined {
  const nothing = shares.flatMap((share) => share.nothing);
  const isSame =
    swept.length === 0 &&
    held.size === kept.files.size &&
    nothing.length === kept.nothing.filter((stamp) => stamp !== 0).length;
  if (isSame) return undefined;
  const files = new Map(held);
  for (const { file, report, area, project, depends } of swept) {
    if (depends !== undefined) files.set(file, { report, area, project, depends });
  }
  return cache.write(nothing, files);
}

const CACHE_BROKEN: InputProblem = {
  place: 'cache',
  what: 'the results of the last run are damaged and were not used',
  cure: 'nothing to do: they have been made anew',
};

function unwritable(folder: string, code: string): InputProblem {
  return {
    place: folder,
    what: `results cannot be kept here (${code})`,
    cure: 'give --cache-dir or --no-cache',
  };
}

function withoutFiles({ given }: { readonly given: string }): InputProblem {
  return { place: given, what: 'no .c or .h file in this folder', cure: 'name a folder with C code' };
}

function inOrder(problems: readonly InputProblem[]): InputProblem[] {
  return [...problems].sort((a, b) => (a.place < b.place ? -1 : a.place > b.place ? 1 : 0));
}
