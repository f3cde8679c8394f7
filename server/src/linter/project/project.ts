/** What a run knows of the project around each file: its root, its kernel release, its headers. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Level } from '../../rules/finding.ts';
import type { ReadHeader } from '../../syntax/preprocess/headers.ts';
import { formatKernelVersion, type KernelVersion } from '../../syntax/preprocess/version.ts';
import { acquiringIn, Configs, declaredBy, isExcluded, type LoadedConfig } from '../config/config.ts';
import type { LintOptions } from '../file/service.ts';
import type { InputProblem, Root } from '../input/discover.ts';
import { type HeaderOptions, Headers, wordPattern } from './headers.ts';
import { DEFAULT_KERNEL, makefileRelease, treeRelease } from './kernel-version.ts';
import { Siblings } from './siblings.ts';

export interface ProjectsOptions extends HeaderOptions {
  /** Kernel release. Without it each file's own tree decides, and 6.12 where there is none. */
  readonly kernel?: KernelVersion;
  readonly explanations: boolean;
  readonly levels: Readonly<Record<string, Level | 'off'>>;
  /** The configuration file that counts, instead of those beside the code; null for none. */
  readonly config?: string | null;
}

/** What stands in the topmost folder of a project. */
const MARKS = ['.git', 'dkms.conf'];

/** The projects that the files of one run are in. What is read from the disk is read once. */
export class Projects {
  readonly headers: Headers;
  readonly siblings = new Siblings(undefined, (file) => this.#rootOf(file));
  readonly #configs: Configs;
  readonly #within: string;
  readonly #roots: readonly Root[];
  readonly #options: ProjectsOptions;
  readonly #releases = new Map<string, KernelVersion | undefined>();
  readonly #rootOfFolder = new Map<string, string>();

  /** `within` is the folder that is the root of what has no root of its own; elsewhere a named root is. */
  constructor(within: string, options: ProjectsOptions, roots: readonly Root[] = []) {
    this.#within = within;
    this.#roots = roots;
    this.#options = options;
    this.headers = new Headers(options);
    const { config } = options;
    this.#configs = new Configs({ cwd: within, ...(config !== undefined && { only: config }) });
  }

  /** Reads the configurations that count for a folder. Without it nothing else here knows of them. */
  async prepare(folder: string): Promise<void> {
    await this.#configs.prepare(folder, this.#rootOf(path.join(folder, 'a.c')));
  }

  /** What is wrong with configurations that were read. */
  get problems(): readonly InputProblem[] {
    return this.#configs.problems;
  }

  /** The configuration that counts for a file. */
  configOf(file: string): LoadedConfig | undefined {
    return this.#configs.of(path.dirname(file), this.#rootOf(file));
  }

  /** Whether the configuration leaves a file out. */
  isExcluded(file: string): boolean {
    const config = this.configOf(file);
    return config !== undefined && isExcluded(config, file);
  }

  /** Whether a text pins pages through a header, or through a function that the configuration describes. */
  callsWrapper(shown: string, file: string, text: string, looked?: Set<string>): boolean {
    const config = this.configOf(file);
    const names = config === undefined ? [] : acquiringIn(config);
    if (names.length > 0 && wordPattern(names).test(text)) return true;
    return this.headers.callsWrapper(shown, text, this.readHeaderFor(shown, file, looked));
  }

  /** How to lint the file at `file`, which is shown as `shown`. Other files that are looked at are added to `looked`. */
  optionsFor(shown: string, file: string, looked?: Set<string>): LintOptions {
    const { explanations, levels } = this.#options;
    const readHeader = this.readHeaderFor(shown, file, looked);
    const config = this.configOf(file);
    const kernel = this.#kernelOf(file);
    const declared = config && declaredBy(config, kernel);
    return {
      explanations,
      levels: { ...config?.rules, ...levels },
      kernel,
      project: { readHeader, ...(declared !== undefined && { declared }) },
    };
  }

  /** Reads headers for a file. */
  readHeaderFor(shown: string, file: string, looked?: Set<string>): ReadHeader {
    return this.headers.readerFor(shown, file, this.#rootOf(file), looked);
  }

  /** What the project around a file decides about its report: two files with the same answer are treated alike. */
  settingsOf(file: string): string {
    const config = this.configOf(file)?.digest ?? '';
    return `${formatKernelVersion(this.#kernelOf(file))} ${config} ${this.#rootOf(file)}`;
  }

  #kernelOf(file: string): KernelVersion {
    const given = this.#options.kernel ?? this.configOf(file)?.kernel;
    return given ?? treeRelease(path.dirname(file), this.#releases) ?? DEFAULT_KERNEL;
  }

  #rootOf(file: string): string {
    const named = isBelow(this.#within, file)
      ? undefined
      : this.#roots.find(({ folder }) => isBelow(folder, file));
    return projectRoot(path.dirname(file), named?.folder ?? this.#within, this.#rootOfFolder);
  }
}

/**
 * The folder of the project that a file's folder belongs to: the nearest upwards that is a repository, a kernel tree, or
 * the source of a module that DKMS builds; else `within`, where the file is in it; else the folder itself. Remembers its answers in `known`, by folder.
 */
export function projectRoot(folder: string, within: string, known: Map<string, string>): string {
  const before = known.get(folder);
  if (before !== undefined) return before;
  let root: string | undefined;
  for (let at = folder; root === undefined; at = path.dirname(at)) {
    if (MARKS.some((mark) => existsSync(path.join(at, mark))) || makefileRelease(at) !== undefined) root = at;
    else if (path.dirname(at) === at) break;
  }
  root ??= isBelow(within, folder) ? within : folder;
  known.set(folder, root);
  return root;
}

function isBelow(folder: string, file: string): boolean {
  return !path.relative(folder, file).startsWith('..');
}
