/**
 * One thread's share of a run over folders: takes folders out of the common queue, reads their files, and lints those
 * that mention page pinning at once. Which thread meets which file is left to chance, and nothing depends on it.
 */
import { type Dirent, readdirSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { CONFIG_NAME } from '../config/config.ts';
import type { Analyzer } from '../file/analyzer.ts';
import { type FileReport, isFailure } from '../file/report.ts';
import { lintText } from '../file/service.ts';
import { type InputProblem, type Root, unreadable } from '../input/discover.ts';
import { FileReader, MAX_HEADER } from '../input/read.ts';
import { joinSiblings } from '../project/join.ts';
import { Projects, type ProjectsOptions } from '../project/project.ts';
import { areaOf, type WrapperArea } from '../project/wrapper-users.ts';
import { type Dependency, hasStamp, type KnownFile } from './cache.ts';
import type { FolderQueue } from './folder-queue.ts';
import { ABSENT, stampNow, stampOf } from './stamp.ts';

/** What all threads of a run know. Plain data. */
export interface SweepPlan {
  readonly roots: readonly Root[];
  /** Absolute paths of folders and files below the roots that come from elsewhere: the user named them too. */
  readonly apart: ReadonlySet<string>;
  readonly settings: Omit<ProjectsOptions, 'openText'>;
  /** Folder that the run was started in: the project of what has no other. */
  readonly cwd: string;
  /** What earlier runs found; absent where nothing is kept. */
  readonly known?: { readonly nothing: Float64Array; readonly files: ReadonlyMap<string, KnownFile> };
  /** Files that were changed later than this (milliseconds since 1970) may change again without a trace. */
  readonly settledBefore: number;
}

/** A report, and what it depends on where it may be kept. */
export interface SweptFile {
  readonly file: string;
  readonly report: FileReport;
  /** Of a header with wrappers: where their users are looked for. */
  readonly area: WrapperArea | undefined;
  /** What the project around the file decided. */
  readonly project: string;
  readonly depends: readonly Dependency[] | undefined;
}

/** What a thread found. Plain data. */
export interface Swept {
  readonly files: readonly SweptFile[];
  /** Absolute paths of files whose kept reports still hold. */
  readonly kept: readonly string[];
  /** Stamps of files with nothing in them. */
  readonly nothing: readonly number[];
  readonly scanned: number;
  /** Headers that were left out for their size. */
  readonly large: number;
  /** What was met below each root: C files, and folders that are roots themselves. */
  readonly met: readonly number[];
  readonly problems: readonly InputProblem[];
  readonly skipped: readonly InputProblem[];
}

/** Takes part in a sweep until the queue is done. `walked` is called after each folder. */
export async function sweep(
  analyzer: () => Promise<Analyzer>,
  plan: SweepPlan,
  queue: FolderQueue,
  walked: () => void = () => undefined,
): Promise<Swept> {
  const share = new Share(analyzer, plan, queue);
  await share.prepare();
  while (!queue.isDone) {
    const folder = queue.take();
    if (folder === undefined) await aMoment();
    else {
      await share.walk(folder.root, folder.below);
      walked();
    }
  }
  return share.result();
}

function aMoment(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 1);
  });
}

class Share {
  readonly #analyzer: () => Promise<Analyzer>;
  readonly #plan: SweepPlan;
  readonly #queue: FolderQueue;
  readonly #reader = new FileReader();
  readonly #projects: Projects;
  /** Stamps of other files that reports depend on, for this run. */
  readonly #stamps = new Map<string, number>();
  readonly #files: SweptFile[] = [];
  readonly #kept: string[] = [];
  readonly #nothing: number[] = [];
  readonly #met: number[];
  readonly #problems: InputProblem[] = [];
  readonly #skipped: InputProblem[] = [];
  #scanned = 0;
  #large = 0;

  constructor(analyzer: () => Promise<Analyzer>, plan: SweepPlan, queue: FolderQueue) {
    this.#analyzer = analyzer;
    this.#plan = plan;
    this.#queue = queue;
    this.#projects = new Projects(plan.cwd, plan.settings, plan.roots);
    this.#met = plan.roots.map(() => 0);
  }

  result(): Swept {
    return {
      files: this.#files,
      kept: this.#kept,
      nothing: this.#nothing,
      scanned: this.#scanned,
      large: this.#large,
      met: this.#met,
      problems: [...this.#problems, ...this.#projects.problems],
      skipped: this.#skipped,
    };
  }

  /** Reads the configurations of the roots; those below are read where they are met. */
  async prepare(): Promise<void> {
    for (const { folder } of this.#plan.roots) await this.#projects.prepare(folder);
  }

  async walk(root: number, below: string): Promise<void> {
    const { folder, shown } = this.#plan.roots[root]!;
    const own = path.resolve(folder, below);
    const files: string[] = [];
    for (const entry of this.#entries(own, shown + below)) {
      const { name } = entry;
      if (entry.isDirectory()) {
        if (name.startsWith('.') || name === 'node_modules') continue;
        if (this.#isApart(own, name)) this.#met[root]!++;
        else this.#queue.push({ root, below: `${below}${name}/` });
      } else if (name === CONFIG_NAME) await this.#projects.prepare(own);
      else if ((name.endsWith('.c') || name.endsWith('.h')) && entry.isFile()) files.push(name);
    }
    this.#met[root]! += files.length;
    for (const name of files) {
      if (this.#isApart(own, name)) continue;
      const found = this.#sift(`${own}${path.sep}${name}`, shown + below + name);
      if (found !== undefined) this.#files.push(await this.#report(found));
    }
    this.#queue.finish();
  }

  #isApart(folder: string, name: string): boolean {
    return this.#plan.apart.size > 0 && this.#plan.apart.has(`${folder}${path.sep}${name}`);
  }

  #entries(folder: string, shown: string): Dirent[] {
    try {
      return readdirSync(folder, { withFileTypes: true });
    } catch (error) {
      this.#problems.push(unreadable(shown === '' ? '.' : shown, error));
      return [];
    }
  }

  /** Reads a file; answers with what there is to analyse. */
  #sift(file: string, shown: string): FoundText | undefined {
    const { known } = this.#plan;
    if (known !== undefined && this.#holds(file, known)) return undefined;
    const reading = this.#reader.read(file, shown, known !== undefined);
    switch (reading.kind) {
      case 'wrong':
        this.#skipped.push(reading.problem);
        return undefined;
      case 'large':
        this.#large++;
        return undefined;
      case 'nothing':
        this.#scanned++;
        if (this.#isSettled(reading.stats)) this.#nothing.push(stampOf(file, reading.stats));
        return undefined;
      case 'text':
        this.#scanned++;
        if (this.#projects.isExcluded(file)) return undefined;
        return { file, shown, ...reading };
    }
  }

  /** Whether what an earlier run found in the file still holds. */
  #holds(file: string, known: NonNullable<SweepPlan['known']>): boolean {
    if (known.nothing.length === 0) return false;
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats === undefined) return false;
    if (file.endsWith('.h') && stats.size > MAX_HEADER) {
      this.#large++;
      return true;
    }
    const stamp = stampOf(file, stats);
    const earlier = known.files.get(file);
    const holds = earlier === undefined ? hasStamp(known.nothing, stamp) : this.#reportHolds(file, earlier);
    if (!holds) return false;
    this.#scanned++;
    if (earlier === undefined) this.#nothing.push(stamp);
    else this.#kept.push(file);
    return true;
  }

  #reportHolds(file: string, { project, depends }: KnownFile): boolean {
    return (
      this.#projects.settingsOf(file) === project &&
      depends.every(({ path: on, stamp }) => this.#stampNow(on) === stamp)
    );
  }

  #stampNow(file: string): number {
    let stamp = this.#stamps.get(file);
    if (stamp === undefined) {
      stamp = stampNow(file);
      this.#stamps.set(file, stamp);
    }
    return stamp;
  }

  async #report(found: FoundText): Promise<SweptFile> {
    return reportOn(await this.#analyzer(), this.#projects, this.#plan, found);
  }

  #isSettled(stats: Stats | undefined): stats is Stats {
    return isSettled(stats, this.#plan);
  }
}

/** The text of a file that is worth an analysis. */
export interface FoundText {
  readonly file: string;
  readonly shown: string;
  readonly text: string;
  /** Absent where nothing is kept. */
  readonly stats: Stats | undefined;
  /** Other files that were looked at so far. */
  readonly looked?: Set<string>;
}

/** Lints a file, and finds out what the report depends on. */
export function reportOn(
  analyzer: Analyzer,
  projects: Projects,
  plan: SweepPlan,
  { file, shown, text, stats, looked = new Set() }: FoundText,
): SweptFile {
  const options = projects.optionsFor(shown, file, looked);
  const alone = lintText(analyzer, shown, text, options);
  const report = joinSiblings(analyzer, alone, file, text, options, projects.siblings, looked);
  return {
    file,
    report: trimmed(report),
    area: areaOf(file, text, projects.headers),
    project: projects.settingsOf(file),
    depends: dependencies(plan, file, stats, report, looked),
  };
}

/** What a report depends on; undefined where it is not to be kept. */
function dependencies(
  plan: SweepPlan,
  file: string,
  stats: Stats | undefined,
  report: FileReport,
  looked: ReadonlySet<string>,
): Dependency[] | undefined {
  if (!isSettled(stats, plan) || report.problems.some(isFailure)) return undefined;
  const others: Dependency[] = [];
  for (const other of looked) {
    const now = statSync(other, { throwIfNoEntry: false });
    if (now !== undefined && !isSettled(now, plan)) return undefined;
    others.push({ path: other, stamp: now === undefined ? ABSENT : stampOf(other, now) });
  }
  return [{ path: file, stamp: stampOf(file, stats) }, ...others];
}

/** A file that was changed just now may change again within the same tick of the file system's clock. */
function isSettled(stats: Stats | undefined, plan: SweepPlan): stats is Stats {
  return plan.known !== undefined && stats !== undefined && stats.mtimeMs < plan.settledBefore;
}

/** Without the text where nothing refers to it. */
function trimmed(report: FileReport): FileReport {
  return report.findings.length === 0 ? { ...report, text: '' } : report;
}
