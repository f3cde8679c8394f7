/** Configuration of a project: what `.gupcheck.json` says, and which file decides about which folder. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import picomatch from 'picomatch';
import type { Level } from '../../rules/finding.ts';
import {
  compareKernelVersions,
  type KernelVersion,
  parseKernelVersion,
} from '../../syntax/preprocess/version.ts';
import type { DeclaredFunctions } from '../../syntax/source.ts';
import { type InputProblem, unreadable } from '../input/discover.ts';
import { type FunctionRow, wrapperOf } from './functions.ts';

export const CONFIG_NAME = '.gupcheck.json';

/** What one file says. */
export interface Config {
  readonly kernel?: KernelVersion;
  /** Levels by rule code. */
  readonly rules: Readonly<Record<string, Level | 'off'>>;
  /** Globs relative to the file's folder. */
  readonly exclude: readonly string[];
  readonly functions: ReadonlyMap<string, FunctionRow>;
}

/** A configuration that was read, and where. */
export interface LoadedConfig extends Config {
  readonly file: string;
  readonly folder: string;
  /** Changes with the file. */
  readonly digest: string;
}

export interface ConfigOptions {
  /** The one file that counts, wherever the code is; null for none at all. */
  readonly only?: string | null;
  /** Shown names of files below this folder start from there; empty for no folder. */
  readonly cwd: string;
}

/** Configurations by folder. `prepare` reads them; all else answers from what was read. */
export class Configs {
  readonly #options: ConfigOptions;
  #loaded = new Map<string, Promise<LoadedConfig | undefined>>();
  #ready = new Map<string, LoadedConfig>();
  #problems = new Map<string, InputProblem>();

  constructor(options: ConfigOptions) {
    this.#options = options;
  }

  /** What is wrong with the files that were read. */
  get problems(): readonly InputProblem[] {
    return [...this.#problems.values()];
  }

  forget(): void {
    this.#loaded = new Map();
    this.#ready = new Map();
    this.#problems = new Map();
  }

  /** Reads the configurations of a folder and of those above it, up to the root of its project. */
  async prepare(folder: string, root: string): Promise<void> {
    const { only } = this.#options;
    if (only === null) return;
    const files =
      only === undefined ? foldersUp(folder, root).map((each) => path.join(each, CONFIG_NAME)) : [only];
    for (const file of files) {
      const loading = this.#loaded.get(file) ?? this.#load(file);
      this.#loaded.set(file, loading);
      const config = await loading;
      if (config !== undefined) this.#ready.set(file, config);
    }
  }

  /** The configuration of a folder: the nearest one upwards. */
  of(folder: string, root: string): LoadedConfig | undefined {
    const { only } = this.#options;
    if (this.#ready.size === 0 || only === null) return undefined;
    if (only !== undefined) return this.#ready.get(only);
    for (const each of foldersUp(folder, root)) {
      const found = this.#ready.get(path.join(each, CONFIG_NAME));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #load(file: string): Promise<LoadedConfig | undefined> {
    const below = path.relative(this.#options.cwd, file);
    const shown = this.#options.cwd === '' || below.startsWith('..') ? file : below;
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (missing && this.#options.only === undefined) return undefined;
      const problem = missing
        ? { place: shown, what: 'no such file', cure: 'check the path' }
        : unreadable(shown, error);
      this.#problems.set(file, problem);
      return undefined;
    }
    const { loadConfig } = await import('./load.ts');
    const config = loadConfig(text, shown);
    if ('what' in config) {
      this.#problems.set(file, config);
      return undefined;
    }
    const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
    return { ...config, file, folder: path.dirname(file), digest };
  }
}

function foldersUp(folder: string, root: string): string[] {
  const found: string[] = [];
  for (let at = folder; ; at = path.dirname(at)) {
    found.push(at);
    if (at === root || path.dirname(at) === at) return at === root ? found : found.slice(0, 1);
  }
}

const matchers = new WeakMap<LoadedConfig, (file: string) => boolean>();

/** Whether a configuration leaves a file out. */
export function isExcluded(config: LoadedConfig, file: string): boolean {
  if (config.exclude.length === 0) return false;
  let matches = matchers.get(config);
  if (matches === undefined) {
    const each = config.exclude.map((glob) => glob.replace(/^\.\//, '').replace(/\/$/, '/**'));
    matches = picomatch(each, { dot: true });
    matchers.set(config, matches);
  }
  return matches(path.relative(config.folder, file).split(path.sep).join('/'));
}

/** The functions that a configuration describes for a kernel release. */
export function declaredBy(
  { file, functions }: LoadedConfig,
  kernel: KernelVersion,
): DeclaredFunctions | undefined {
  const found = new Map<string, string>();
  for (const [name, row] of functions) if (holdsFor(row, kernel)) found.set(name, wrapperOf(name, row));
  return found.size === 0 ? undefined : { path: file, functions: found };
}

function holdsFor({ since, until }: FunctionRow, kernel: KernelVersion): boolean {
  const release = { ...kernel, patch: 0 };
  const after = since === undefined || compareKernelVersions(release, parseKernelVersion(since)!) >= 0;
  return after && (until === undefined || compareKernelVersions(release, parseKernelVersion(until)!) <= 0);
}

/** Names of a configuration's functions that acquire pages. */
export function acquiringIn({ functions }: LoadedConfig): string[] {
  return [...functions].filter(([, { acquires }]) => acquires !== undefined).map(([name]) => name);
}
