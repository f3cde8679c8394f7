/** Files that pin pages only through macros and functions of a project's header, so that the sieve passes them over. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { decodeSource } from '../syntax/decode.ts';
import { headerOf } from '../syntax/preprocess/headers.ts';
import type { SourcePath } from './discover.ts';
import { type Headers, wordPattern } from './headers.ts';
import type { Projects } from './project.ts';

/** Folders of headers: what uses them stands beside the folder, not only in it. */
const HEADER_FOLDER = /^(?:inc|include|includes|headers?|compat|common)$/;

export interface SourceText {
  readonly source: SourcePath;
  readonly text: string;
}

/**
 * Of the files that do not mention page pinning, those that call a wrapper of a header. `read` are the files that do
 * mention it; only files in the folder of such a header, or beside it, are looked at.
 */
export function wrapperUsers(
  read: readonly SourceText[],
  quiet: readonly SourcePath[],
  projects: Projects,
): SourceText[] {
  const found: SourceText[] = [];
  const areas = areasOf(read, projects.headers);
  if (areas.length === 0) return found;
  for (const source of quiet) {
    const near = areas.filter(({ folder }) => source.file.startsWith(folder));
    if (near.length === 0) continue;
    const text = textOf(source.file);
    if (text === undefined || !near.some(({ names }) => names.test(text))) continue;
    const read = projects.readHeaderFor(source.path, source.file);
    if (projects.headers.callsWrapper(source.path, text, read)) found.push({ source, text });
  }
  return found;
}

function areasOf(read: readonly SourceText[], headers: Headers): { folder: string; names: RegExp }[] {
  return read.flatMap(({ source, text }) => {
    if (!source.file.endsWith('.h')) return [];
    const names = headers.wrappersIn(headerOf(source.file, text));
    if (names.size === 0) return [];
    const own = path.dirname(source.file);
    const folder = HEADER_FOLDER.test(path.basename(own)) ? path.dirname(own) : own;
    return [{ folder: folder.endsWith(path.sep) ? folder : folder + path.sep, names: wordPattern(names) }];
  });
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
