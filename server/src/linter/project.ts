/** What a run knows of the project around each file: its root, its kernel release, its headers. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Level } from '../rules/finding.ts';
import type { ReadHeader } from '../syntax/preprocess/headers.ts';
import { formatKernelVersion, type KernelVersion } from '../syntax/preprocess/version.ts';
import { type HeaderOptions, Headers } from './headers.ts';
import { DEFAULT_KERNEL, makefileRelease, treeRelease } from './kernel-version.ts';
import type { LintOptions } from './service.ts';

export interface ProjectsOptions extends HeaderOptions {
  /** Kernel release. Without it each file's own tree decides, and 6.12 where there is none. */
  readonly kernel?: KernelVersion;
  readonly explanations: boolean;
  readonly levels: Readonly<Record<string, Level | 'off'>>;
}

/** The projects that the files of one run are in. What is read from the disk is read once. */
export class Projects {
  readonly headers: Headers;
  readonly #within: string;
  readonly #options: ProjectsOptions;
  readonly #releases = new Map<string, KernelVersion | undefined>();
  readonly #roots = new Map<string, string>();

  /** `within` is the folder that is the root of what has no root of its own. */
  constructor(within: string, options: ProjectsOptions) {
    this.#within = within;
    this.#options = options;
    this.headers = new Headers(options);
  }

  /** How to lint the file at `file`, which is shown as `shown`. Other files that are looked at are added to `looked`. */
  optionsFor(shown: string, file: string, looked?: Set<string>): LintOptions {
    const { explanations, levels } = this.#options;
    const readHeader = this.readHeaderFor(shown, file, looked);
    return { explanations, levels, kernel: this.#kernelOf(file), project: { readHeader } };
  }

  /** Reads headers for a file. */
  readHeaderFor(shown: string, file: string, looked?: Set<string>): ReadHeader {
    return this.headers.readerFor(shown, file, this.#rootOf(file), looked);
  }

  /** What the project around a file decides about its report: two files with the same answer are treated alike. */
  settingsOf(file: string): string {
    return `${formatKernelVersion(this.#kernelOf(file))} ${this.#rootOf(file)}`;
  }

  #kernelOf(file: string): KernelVersion {
    return this.#options.kernel ?? treeRelease(path.dirname(file), this.#releases) ?? DEFAULT_KERNEL;
  }

  #rootOf(file: string): string {
    return projectRoot(path.dirname(file), this.#within, this.#roots);
  }
}

/**
 * The folder of the project that a file's folder belongs to: the nearest upwards that is a repository or a kernel tree;
 * else `within`, where the file is in it; else the folder itself. Remembers its answers in `known`, by folder.
 */
export function projectRoot(folder: string, within: string, known: Map<string, string>): string {
  const before = known.get(folder);
  if (before !== undefined) return before;
  let root: string | undefined;
  for (let at = folder; root === undefined; at = path.dirname(at)) {
    if (existsSync(path.join(at, '.git')) || makefileRelease(at) !== undefined) root = at;
    else if (path.dirname(at) === at) break;
  }
  const inside = !path.relative(within, folder).startsWith('..');
  root ??= inside ? within : folder;
  known.set(folder, root);
  return root;
}
