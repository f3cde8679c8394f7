/** The program as it is installed: where its files are, and what tells one build from another. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, homedir } from 'node:os';
import path from 'node:path';

export interface Program {
  /** Absolute path of the bundle of linter/run/worker.ts. */
  readonly worker: string;
  /** Identity of the build: a hash of all its code. */
  build(): string;
}

/** More threads than these gain little, since each takes memory and has to warm up. */
const MAX_THREADS = 4;

/** Threads for a machine. */
export function usualThreads(): number {
  return Math.min(MAX_THREADS, availableParallelism());
}

/** `$XDG_CACHE_HOME/gupcheck`, or `~/.cache/gupcheck`. */
export function usualCacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const base = env.XDG_CACHE_HOME;
  // The base directory specification: a relative path is to be ignored.
  return path.join(
    base !== undefined && path.isAbsolute(base) ? base : path.join(homedir(), '.cache'),
    'gupcheck',
  );
}

/** The program whose bundle is the file `main`; undefined where that is not a bundle. */
export function programAt(main: string | undefined): Program | undefined {
  if (main === undefined) return undefined;
  const worker = path.join(path.dirname(main), 'worker.cjs');
  if (!existsSync(worker)) return undefined;
  return {
    worker,
    build: () => {
      const hash = createHash('sha256');
      for (const file of [main, worker]) hash.update(readFileSync(file));
      return hash.digest('hex');
    },
  };
}
