/** Unified diffs that `patch -p1` and `git apply` accept. */
import path from 'node:path';
import { structuredPatch } from 'diff';
import type { InputProblem } from '../input/discover.ts';

/**
 * The patch from `before` to `after` for a file, named relative to `cwd`. Made of bytes, so that it applies whatever the
 * file's encoding and line ends are.
 */
export function filePatch(
  file: string,
  place: string,
  cwd: string,
  before: Uint8Array,
  after: Uint8Array,
): { readonly problem?: InputProblem; readonly patch?: Uint8Array } {
  const relative = path.relative(cwd, file).split(path.sep).join('/');
  if (relative === '' || relative.startsWith('../') || path.isAbsolute(relative)) {
    const what = 'is outside the working directory, so that no patch can name it';
    return { problem: { place, what, cure: 'run gupcheck in a folder around it' } };
  }
  return { patch: Buffer.from(patchText(relative, latin1(before), latin1(after)), 'latin1') };
}

/** Every byte as one character: lines are compared as bytes, and written as they were. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function patchText(name: string, before: string, after: string): string {
  const { hunks } = structuredPatch('a', 'b', before, after, undefined, undefined, { context: 3 });
  if (hunks.length === 0) return '';
  const lines = hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines: body }) => [
    `@@ -${span(oldStart, oldLines)} +${span(newStart, newLines)} @@`,
    ...body,
  ]);
  return `--- ${quoted(`a/${name}`)}\n+++ ${quoted(`b/${name}`)}\n${lines.join('\n')}\n`;
}

function span(start: number, count: number): string {
  return count === 1 ? `${start}` : `${start},${count}`;
}

/** A file name as git and patch write it: quoted where it has special characters, ended by a tab where it has blanks. */
function quoted(name: string): string {
  const bytes = Buffer.from(name, 'utf8').toString('latin1');
  if (!/[\x00-\x1f"\\\x7f-\xff]/.test(bytes)) return bytes.includes(' ') ? `${bytes}\t` : bytes;
  const escaped = bytes.replace(/[\x00-\x1f"\\\x7f-\xff]/g, (char) => {
    if (char === '"' || char === '\\') return `\\${char}`;
    return `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`;
  });
  return `"${escaped}"`;
}
