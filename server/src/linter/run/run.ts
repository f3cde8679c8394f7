/** Lints what the user named: files, folders, or a text. */
import path from 'node:path';
import type { Level } from '../../rules/finding.ts';
import { decodeSource } from '../../syntax/decode.ts';
import type { KernelVersion } from '../../syntax/preprocess/version.ts';
import type { Analyzer } from '../file/analyzer.ts';
import type { FileReport } from '../file/report.ts';
import { lintText } from '../file/service.ts';
import { type Input, type InputProblem, resolveInput } from '../input/discover.ts';
import { isOfInterest } from '../input/interest.ts';
import { binary, readNamed } from '../input/read.ts';
import { distributed, joinSiblings } from '../project/join.ts';
import { Projects } from '../project/project.ts';
import { areaOf, type WrapperArea } from '../project/wrapper-users.ts';
import type { CacheOptions } from './cache.ts';
import { lintFolders } from './folders.ts';
import type { Threads } from './threads.ts';

export interface RunOptions {
  /** Kernel release. Without it each file's own tree decides, and 6.12 where there is none. */
  readonly kernel?: KernelVersion;
  readonly explanations: boolean;
  readonly levels: Readonly<Record<string, Level | 'off'>>;
  /** The configuration file that counts, instead of those beside the code; null for none. */
  readonly config?: string | null;
  /** Without it this thread does all the work. */
  readonly threads?: Threads;
  /** Where results for folders are kept; without it they are not. */
  readonly cache?: CacheOptions;
}

export interface LintRun {
  /** Files that mention page pinning, or pin through a header, in the order of their paths. */
  readonly reports: readonly FileReport[];
  /** Number of files that were looked at, of interest or not. */
  readonly scanned: number;
  /** Headers in folders that were not read, since they are too large to be written by hand. */
  readonly large: number;
  /** What is wrong with the paths that the user named. */
  readonly problems: readonly InputProblem[];
  /** Files inside folders that were left out, and why. */
  readonly skipped: readonly InputProblem[];
  /** What else the user should know; nothing is missing from the results for it. */
  readonly notes: readonly InputProblem[];
}

const NOTHING: LintRun = { reports: [], scanned: 0, large: 0, problems: [], skipped: [], notes: [] };

/**
 * Lints files and folders: of a folder all `.c` and `.h` files below it, but for those in hidden folders and
 * `node_modules`, those behind symbolic links, and headers that are too large. `analyzer` is asked for only when there is
 * something to analyse. What is found on disk is in `problems` and `skipped`.
 *
 * @throws Error when a thread fails.
 */
export async function lintPaths(
  analyzer: () => Promise<Analyzer>,
  paths: readonly string[],
  cwd: string,
  options: RunOptions,
): Promise<LintRun> {
  const input = resolveInput(paths, cwd);
  const named = await lintNamed(analyzer, input, cwd, options);
  const swept =
    input.roots.length === 0 ? NOTHING : await lintFolders(analyzer, input, named.areas, cwd, options);
  return {
    ...swept,
    reports: distributed([...named.reports, ...swept.reports]).sort((a, b) => (a.path < b.path ? -1 : 1)),
    scanned: named.scanned + swept.scanned,
    problems: onceEach([...input.problems, ...named.problems, ...swept.problems]),
  };
}

/** A configuration that counts for several of the paths is wrong once. */
function onceEach(problems: readonly InputProblem[]): InputProblem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}

interface NamedRun extends Pick<LintRun, 'reports' | 'scanned' | 'problems'> {
  readonly areas: readonly WrapperArea[];
}

async function lintNamed(
  analyzer: () => Promise<Analyzer>,
  { named }: Input,
  cwd: string,
  options: RunOptions,
): Promise<NamedRun> {
  const reports: FileReport[] = [];
  const problems: InputProblem[] = [];
  const areas: WrapperArea[] = [];
  const projects = new Projects(cwd, options);
  for (const { path: shown, file } of named) {
    await projects.prepare(path.dirname(file));
    const { text, problem } = readNamed({ path: shown, file });
    if (problem !== undefined) problems.push(problem);
    if (text === undefined) continue;
    if (!isOfInterest(text) && !projects.callsWrapper(shown, file, text)) continue;
    const settings = projects.optionsFor(shown, file);
    const alone = lintText(await analyzer(), shown, text, settings);
    reports.push(joinSiblings(await analyzer(), alone, file, text, settings, projects.siblings, new Set()));
    const area = areaOf(file, text, projects.headers);
    if (area !== undefined) areas.push(area);
  }
  const scanned = named.length - problems.length;
  return { reports, problems: [...problems, ...projects.problems], areas, scanned };
}

/** Lints a text that is not on disk, under the name that it goes by. */
export async function lintInput(
  analyzer: () => Promise<Analyzer>,
  bytes: Uint8Array,
  name: string,
  cwd: string,
  options: RunOptions,
): Promise<LintRun> {
  const decoded = decodeSource(bytes);
  if (decoded.kind === 'binary') return { ...NOTHING, problems: [binary(name)] };
  const projects = new Projects(cwd, options);
  const file = path.resolve(cwd, name);
  await projects.prepare(path.dirname(file));
  const report = lintText(await analyzer(), name, decoded.text, projects.optionsFor(name, file));
  return { ...NOTHING, reports: [report], scanned: 1, problems: projects.problems };
}
