/**
 * Whether another file may release pages that one file leaves in a structure of a header and never releases itself. Asked
 * of few files: most have their releases where they acquire.
 */
import { type Dirent, readdirSync } from 'node:fs';
import path from 'node:path';
import { mayRelease } from '../../flow/held/loss-finder.ts';
import type { Elsewhere } from '../../flow/held/observation.ts';
import { isReleaseName } from '../../flow/kernel/effects.ts';
import { isInside } from './headers.ts';
import { projectRoot } from './project.ts';
import { definitionOf, type Siblings } from './siblings.ts';

/** Files around a file that are read; where there are more, nothing is said. */
const MAX_FILES = 1_500;

/** Names of functions that by what they are called may release pages. */
const RELEASES =
  /\b\w*(?:put|unpin|release|free|unref|drop)\w*pages?\w*|\b\w*pages?_(?:put|release|free|unref|drop)\w*/;

/**
 * Whether a file other than `file` may release the pages. A structure is known to a folder if a header in it defines it,
 * and no file of the project in a folder beside, above or below includes that header. Paths that were looked at are added to `looked`.
 */
export function isReleasedElsewhere(
  file: string,
  { members, callers }: Elsewhere,
  siblings: Siblings,
  looked: Set<string>,
): boolean {
  const folder = path.dirname(file);
  const read = (full: string): string => {
    looked.add(full);
    return siblings.textOf(full) ?? '';
  };
  const here = filesIn(folder, looked).filter((full) => full !== file);
  const headers = here.filter((full) => full.endsWith('.h'));
  const structs = new Set(members.map((member) => member.slice(0, member.indexOf('.'))));
  const defining = new Set<string>();
  for (const struct of structs) {
    const found = headers.find((full) => definitionOf(struct).test(read(full)));
    if (found === undefined) return true;
    defining.add(found);
  }
  const names = members.map((member) => member.slice(member.indexOf('.') + 1));
  if (here.some((full) => mayReleaseOf(names, structs, read(full)))) return true;
  const isCalled = (full: string): boolean => callers.some((fn) => mentionOf(fn).test(read(full)));
  if (callers.length > 0 && !here.some((full) => full.endsWith('.c') && isCalled(full))) return true;
  for (const known of defining)
    for (const full of headers) if (includes(read(full), full, known)) defining.add(full);
  const root = siblings.rootOf(file) ?? projectRoot(folder, folder, new Map());
  const around = filesAround(folder, root, looked);
  return (
    around === undefined || around.some((full) => [...defining].some((h) => includes(read(full), full, h)))
  );
}

function mentionOf(name: string): RegExp {
  return new RegExp(`\\b${name}\\b`);
}

/** Whether a file looks into one of the members, and releases some pages or gives that member to who may release them. */
function mayReleaseOf(names: readonly string[], structs: ReadonlySet<string>, text: string): boolean {
  return names.some((name) => {
    if (!text.includes(name)) return false;
    const looks = [...text.matchAll(new RegExp(`(\\w*)\\s*(?:->|\\.)\\s*${name}\\b`, 'g'))];
    if (!looks.some(([, owner]) => mayBeOf(owner!, structs, text))) return false;
    if (RELEASES.test(text)) return true;
    const given = new RegExp(`\\b(\\w+)\\s*\\([^;{}]*(?:->|\\.)\\s*${name}\\b`, 'g');
    return [...text.matchAll(given)].some(([, fn]) => isReleaseName(fn!) || mayRelease(fn!));
  });
}

/** Whether a variable may be of one of the structs: all declarations of one of its name in the file may name others. */
function mayBeOf(variable: string, structs: ReadonlySet<string>, text: string): boolean {
  const declared = [...text.matchAll(new RegExp(`\\bstruct\\s+(\\w+)\\s*\\**\\s*${variable}\\b`, 'g'))];
  return variable === '' || declared.length === 0 || declared.some(([, struct]) => structs.has(struct!));
}

/** Whether a file includes a header, and not one of the same name that lies beside the file. */
function includes(text: string, file: string, header: string): boolean {
  const name = path.basename(header);
  if (!text.includes(name)) return false;
  const lines = text.matchAll(/^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">]/gm);
  return [...lines].some(([, given]) => {
    if (path.posix.basename(given!) !== name) return false;
    return given !== name || path.dirname(file) === path.dirname(header);
  });
}

/**
 * Files beside the folder, and in the folders above, beside and below it, as far as they are in the project at `root`;
 * undefined where these are too many.
 */
function filesAround(folder: string, root: string, looked: Set<string>): readonly string[] | undefined {
  const parent = path.dirname(folder);
  const goesOn = isInside(parent, root);
  const found = goesOn ? filesIn(parent, looked) : [];
  const beside = goesOn ? foldersIn(parent).filter((each) => each !== folder) : [];
  const folders = [...beside, ...foldersIn(folder)];
  for (const each of folders) {
    if (found.length > MAX_FILES) return undefined;
    found.push(...filesIn(each, looked));
  }
  return found;
}

function filesIn(folder: string, looked: Set<string>): string[] {
  looked.add(folder);
  return entriesOf(folder).flatMap((e) =>
    e.isFile() && /\.[ch]$/.test(e.name) ? path.join(folder, e.name) : [],
  );
}

function foldersIn(folder: string): string[] {
  return entriesOf(folder).flatMap((e) => (e.isDirectory() ? path.join(folder, e.name) : []));
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
