/** Folders that a module's own Makefiles tell the compiler to look for headers in: `ccflags-y += -I$(src)/common/inc`. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Kbuild reads the first of the two that is there; the others are what a configure script makes them of. */
const NAMES = ['Kbuild', 'Makefile', 'Kbuild.in', 'Makefile.in'];

const MAX_MAKEFILE_BYTES = 512 << 10;
const MAX_FOLDERS = 64;
/** Variables of variables are followed so deep. */
const MAX_DEPTH = 6;

/** Variables, functions and configure marks that stand for the folder of the Makefile itself. */
const HERE =
  /\$[({](?:srctree|objtree)[)}]\/\$[({](?:src|obj)[)}]|\$[({](?:src|obj|srcdir|PWD|CURDIR|M|KBUILD_EXTMOD|KBUILD_SRC|shell pwd)[)}]|@(?:abs_|top_)*(?:srcdir|builddir)@/g;

/** What a folder's Makefiles say, and the paths at which they were looked for. */
export interface IncludeFolders {
  readonly folders: readonly string[];
  readonly looked: readonly string[];
}

/**
 * The `-I` folders of the Makefiles in `folder`, as absolute paths; `root` is what `$(srctree)` stands for. A variable
 * that the Makefile does not set is taken for its own folder: that a header is there decides in the end.
 */
export function includeFolders(folder: string, root: string): IncludeFolders {
  const looked = NAMES.map((name) => path.join(folder, name));
  const folders = new Set<string>();
  for (const file of looked) {
    const text = textOf(file);
    if (text === undefined || !text.includes('-I')) continue;
    for (const named of includeOptions(text)) {
      if (folders.size < MAX_FOLDERS) folders.add(path.resolve(folder, named.replace(ROOT, `${root}/`)));
    }
  }
  return { folders: [...folders], looked };
}

const ROOT = /^\$[({]srctree[)}]\/?/;
const ASSIGNMENT = /^[ \t]*(?:export[ \t]+|override[ \t]+)?([\w.-]+)[ \t]*(?:[:?+]?=)[ \t]*(.*)$/gm;

/** The arguments of `-I` options, with variables that the text sets replaced by what they are set to. */
function includeOptions(text: string): string[] {
  const code = text.replace(/\\\r?\n/g, ' ').replace(/(^|\s)#.*$/gm, '$1');
  const values = new Map<string, string>();
  for (const [, name = '', value = ''] of code.matchAll(ASSIGNMENT))
    if (!values.has(name)) values.set(name, value.trim());
  return [...code.matchAll(/(?:^|[\s="'])-I[ \t]*((?:\$\([^()]*\)|\$\{[^{}]*\}|[^\s"'$]|["'$])+)/gm)]
    .map((match) => expand(match[1]!.replace(/["']/g, ''), values, 0))
    .filter((named) => !/[$\s@]/.test(named.replace(ROOT, '')) && named !== '');
}

function expand(named: string, values: ReadonlyMap<string, string>, depth: number): string {
  const placed = named.replace(HERE, '.');
  return placed.replace(/\$[({](\w+)[)}]/g, (use, name: string) => {
    if (name === 'srctree') return use;
    const value = values.get(name);
    if (value === undefined || depth >= MAX_DEPTH) return '.';
    const inner = expand(value, values, depth + 1);
    return /[$\s]/.test(inner) ? '.' : inner;
  });
}

function textOf(file: string): string | undefined {
  try {
    const bytes = readFileSync(file);
    return bytes.length > MAX_MAKEFILE_BYTES ? undefined : bytes.toString('utf8');
  } catch {
    // Most folders have only one of them.
    return undefined;
  }
}
