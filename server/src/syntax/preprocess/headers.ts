/** Headers of the same project, as far as a file's `#include` lines lead to them. Nothing is read here: see ReadHeader. */

/** A header as the includer sees it. */
export interface Header {
  /** Whatever identifies it for the one who reads headers; shown in messages by its last part. */
  readonly path: string;
  readonly text: string;
  /** Names in its own `#include` lines, in order; those of `#include <…>` with their brackets. */
  readonly includes: readonly string[];
  /** Names that it may define as macros. */
  readonly defines: ReadonlySet<string>;
}

/**
 * The header that `#include "name"` in the file `from` means, or `#include <…>` where the name has its brackets; undefined
 * where the project has none.
 */
export type ReadHeader = (name: string, from: string) => Header | undefined;

/** Headers below headers are followed so deep, and so many of them. */
export const MAX_INCLUDE_DEPTH = 6;
export const MAX_HEADERS = 64;

const INCLUDE = /^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|(<[^>\n]+>))/gm;
const DEFINE = /^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)/gm;

/** What is known of a header without reading its conditions. */
export function headerOf(path: string, text: string): Header {
  return {
    path,
    text,
    includes: [...text.matchAll(INCLUDE)].map((match) => match[1] ?? match[2]!),
    defines: new Set([...text.matchAll(DEFINE)].map((match) => match[1]!)),
  };
}

/** The name in the rest of an `#include`; in its brackets where it has some. */
export function includedName(rest: string): string | undefined {
  const match = /^\s*(?:"([^"]+)"|(<[^>]+>))/.exec(rest);
  return match?.[1] ?? match?.[2];
}

/** The last part of a path, for people. */
export function headerName(path: string): string {
  return path.replace(/^.*[/\\]/, '');
}
