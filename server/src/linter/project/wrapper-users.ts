/** Files that pin pages only through macros and functions of a project's header, so that the sieve passes them over. */
import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { decodeSource } from '../../syntax/decode.ts';
import { headerOf } from '../../syntax/preprocess/headers.ts';
import type { Root, SourcePath } from '../input/discover.ts';
import { type Headers, wordPattern } from './headers.ts';
import type { Projects } from './project.ts';

/** Folders of headers: what uses them stands beside the folder, not only in it. */
const HEADER_FOLDER = /^(?:inc|include|includes|headers?|compat|common)$/;

/** A file, and the other files that were looked at to find out that it calls a wrapper. */
export interface WrapperUser {
  readonly source: SourcePath;
  readonly text: string;
  readonly looked: Set<string>;
}

/** Where users of a header's wrappers are looked for. Plain data. */
export interface WrapperArea {
  /** Absolute path of a folder. */
  readonly folder: string;
  readonly names: readonly string[];
}

/** The area of a file, if that is a header with wrappers. */
export function areaOf(file: string, text: string, headers: Headers): WrapperArea | undefined {
  if (!file.endsWith('.h')) return undefined;
  const names = headers.wrappersIn(headerOf(file, text));
  if (names.size === 0) return undefined;
  const own = path.dirname(file);
  const folder = HEADER_FOLDER.test(path.basename(own)) ? path.dirname(own) : own;
  return { folder, names: [...names] };
}

/**
 * Of the `.c` files in the areas and below the roots, those that call a wrapper, but for the files of `others`: those are
 * linted already, or came from elsewhere.
 */
export function wrapperUsers(
  areas: readonly WrapperArea[],
  roots: readonly Root[],
  others: { has(file: string): boolean },
  projects: Projects,
): WrapperUser[] {
  const found = new Map<string, WrapperUser>();
  for (const root of roots) {
    for (const { folder, names } of areas) {
      const common = isIn(folder, root.folder) ? folder : isIn(root.folder, folder) ? root.folder : undefined;
      if (common === undefined) continue;
      const pattern = wordPattern(names);
      for (const file of cFiles(common, others)) {
        if (found.has(file)) continue;
        const text = textOf(file);
        if (text === undefined || !pattern.test(text)) continue;
        const below = path.relative(root.folder, file).split(path.sep).join('/');
        const shown = root.shown + below;
        const looked = new Set<string>();
        if (projects.isExcluded(file)) continue;
        if (projects.callsWrapper(shown, file, text, looked))
          found.set(file, { source: { path: shown, file }, text, looked });
      }
    }
  }
  return [...found.values()];
}

function isIn(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith(path.sep) ? outer : outer + path.sep);
}

function* cFiles(folder: string, others: { has(file: string): boolean }): Generator<string> {
  for (const entry of entriesOf(folder)) {
    const full = `${folder}${path.sep}${entry.name}`;
    if (others.has(full)) continue;
    if (entry.isDirectory()) {
      if (!entry.name.startsWith('.') && entry.name !== 'node_modules') yield* cFiles(full, others);
    } else if (entry.name.endsWith('.c') && entry.isFile()) yield full;
  }
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // The walk before this one has said so.
    return [];
  }
}

function textOf(file: string): string | undefined {
  try {
    const decoded = decodeSource(readFileSync(file));
    return decoded.kind === 'binary' ? undefined : decoded.text;
  } catch {
    // It could be read a moment ago: whoever removed it meant it.
    return undefined;
  }
}
