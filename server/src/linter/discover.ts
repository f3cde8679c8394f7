/** From the paths a user names to the list of C files, in a stable order. Symbolic links inside folders are not followed. */
import { readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';

/** A file to lint. */
export interface SourcePath {
  /** As shown to the user: the path as given, or relative to the folder as given; forward slashes. */
  readonly path: string;
  /** Absolute path. */
  readonly file: string;
  /** The user named this file itself, not a folder around it. */
  readonly named: boolean;
}

/** Something wrong with the input, in the user's terms: `place: what; cure`. */
export interface InputProblem {
  readonly place: string;
  readonly what: string;
  readonly cure: string;
}

export interface Discovered {
  readonly files: readonly SourcePath[];
  readonly problems: readonly InputProblem[];
}

/**
 * Lists the C files (`.c`, `.h`) below `paths`. A file named by the user is taken whatever its name. Hidden folders
 * and `node_modules` are skipped. Never throws: a missing path, or a folder without C files, is a problem.
 */
export function discover(paths: readonly string[], cwd: string): Discovered {
  const found = new Map<string, SourcePath>();
  const problems: InputProblem[] = [];
  for (const given of paths) {
    const absolute = path.resolve(cwd, given);
    const shown = shownPath(given);
    const stats = statOf(absolute);
    if (stats === undefined) {
      problems.push({ place: given, what: 'no such file or folder', cure: 'check the path' });
    } else if (stats.isDirectory()) {
      const inside = walk(
        realpathSync(absolute),
        shown === '.' ? '' : `${shown.replace(/\/$/, '')}/`,
        problems,
      );
      if (inside.length === 0) {
        problems.push({
          place: given,
          what: 'no .c or .h file in this folder',
          cure: 'name a folder with C code',
        });
      }
      for (const source of inside) if (!found.has(source.file)) found.set(source.file, source);
    } else if (stats.isFile() || stats.isFIFO()) {
      // The name that the user typed wins over the one that a folder gave.
      const file = stats.isFile() ? realpathSync(absolute) : absolute;
      found.set(file, { path: shown, file, named: true });
    } else {
      problems.push({ place: given, what: 'neither a file nor a folder', cure: 'name C files or folders' });
    }
  }
  return { files: [...found.values()].sort((a, b) => compare(a.path, b.path)), problems };
}

function walk(root: string, shownRoot: string, problems: InputProblem[]): SourcePath[] {
  const files: SourcePath[] = [];
  const folders = [{ absolute: root, shown: shownRoot }];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of entriesOf(folder.absolute, folder.shown, problems)) {
      const absolute = `${folder.absolute}${path.sep}${entry.name}`;
      const shown = folder.shown + entry.name;
      if (entry.isDirectory()) {
        if (!entry.name.startsWith('.') && entry.name !== 'node_modules') {
          folders.push({ absolute, shown: `${shown}/` });
        }
      } else if (entry.isFile() && (entry.name.endsWith('.c') || entry.name.endsWith('.h'))) {
        files.push({ path: shown, file: absolute, named: false });
      }
    }
  }
  return files;
}

function entriesOf(folder: string, shown: string, problems: InputProblem[]) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    problems.push(unreadable(shown === '' ? '.' : shown, error));
    return [];
  }
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

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
