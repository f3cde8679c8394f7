/** From the paths a user names to files and folders to lint. */
import { realpathSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';

/** A file to lint. */
export interface SourcePath {
  /** As shown to the user: the path as given, or relative to the folder as given; forward slashes. */
  readonly path: string;
  /** Absolute path. */
  readonly file: string;
}

/** A folder to lint. */
export interface Root {
  /** As the user gave it. */
  readonly given: string;
  /** Absolute path. */
  readonly folder: string;
  /** What stands before the paths of its files when they are shown: '', or a path with a slash at its end. */
  readonly shown: string;
}

/** Something wrong with the input, in the user's terms: `place: what; cure`. */
export interface InputProblem {
  readonly place: string;
  readonly what: string;
  readonly cure: string;
}

export interface Input {
  readonly named: readonly SourcePath[];
  /** No two are the same folder, and none is below an earlier one. */
  readonly roots: readonly Root[];
  /** Absolute paths of all of these: a walk through one root leaves the others, and named files, alone. */
  readonly apart: ReadonlySet<string>;
  readonly problems: readonly InputProblem[];
}

/** Sorts out what the user named. A file is taken whatever its name. Never throws: a missing path is a problem. */
export function resolveInput(paths: readonly string[], cwd: string): Input {
  const named = new Map<string, SourcePath>();
  const roots: Root[] = [];
  const problems: InputProblem[] = [];
  for (const given of paths) {
    const absolute = path.resolve(cwd, given);
    const shown = shownPath(given);
    const stats = statOf(absolute);
    if (stats === undefined) {
      problems.push({ place: given, what: 'no such file or folder', cure: 'check the path' });
    } else if (stats.isDirectory()) {
      const folder = realpathSync(absolute);
      if (roots.some((root) => isBelow(folder, root.folder))) continue;
      roots.push({ given, folder, shown: shown === '.' ? '' : `${shown.replace(/\/$/, '')}/` });
    } else if (stats.isFile() || stats.isFIFO()) {
      const file = stats.isFile() ? realpathSync(absolute) : absolute;
      named.set(file, { path: shown, file });
    } else {
      problems.push({ place: given, what: 'neither a file nor a folder', cure: 'name C files or folders' });
    }
  }
  const apart = new Set([...named.keys(), ...roots.map(({ folder }) => folder)]);
  return { named: [...named.values()], roots, apart, problems };
}

function isBelow(folder: string, root: string): boolean {
  return folder === root || folder.startsWith(root.endsWith(path.sep) ? root : root + path.sep);
}

function statOf(file: string): Stats | undefined {
  try {
    return statSync(file);
  } catch {
    return undefined;
  }
}

/** A path that exists and cannot be read, as a problem. */
export function unreadable(place: string, error: unknown): InputProblem {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return { place, what: `cannot be read (${code})`, cure: 'check its permissions' };
}

function shownPath(given: string): string {
  const slashes = path.sep === '\\' ? given.replaceAll('\\', '/') : given;
  return path.posix.normalize(slashes);
}
