/** The preprocessor's part of a file: comments, directives and branches of other configurations become blanks. */
import { blankRanges } from '../blank.ts';
import {
  byFile,
  type Conditional,
  type ConditionalOptions,
  type Conditionals,
  type FileConditionals,
  resolveConditionals,
} from './conditionals.ts';
import type { Header } from './headers.ts';
import type { MacroDefinition } from './macros.ts';
import { scan } from './scan.ts';

export interface Preprocessed {
  /** The code of one configuration: as long as the file, with the same line breaks. */
  readonly code: string;
  readonly macros: ReadonlyMap<string, MacroDefinition>;
  readonly conditionals: readonly Conditional[];
  /** Those and the groups of the headers that were read. */
  readonly allConditionals: readonly FileConditionals[];
  /** Headers of the project that were read, preprocessed for the same configuration. */
  readonly headers: readonly PreprocessedHeader[];
  /** As in Conditionals. */
  readonly met: readonly Header[];
}

export interface PreprocessedHeader {
  readonly path: string;
  readonly text: string;
  /** As in Preprocessed. */
  readonly code: string;
}

/** Total: any text has a result. */
export function preprocess(path: string, text: string, options: ConditionalOptions): Preprocessed {
  const { directives, comments } = scan(text);
  const resolved: Conditionals = resolveConditionals(path, text, directives, options);
  return {
    code: blankRanges(text, merged(resolved.excluded, comments)),
    macros: resolved.macros,
    conditionals: resolved.groups,
    allConditionals: byFile(path, text, resolved),
    met: resolved.met,
    headers: resolved.headers.map(({ header, scan: found, excluded }) => ({
      path: header.path,
      text: header.text,
      code: blankRanges(header.text, merged(excluded, found.comments)),
    })),
  };
}

/** Merges two sorted lists of ranges; a range that lies inside another is dropped. */
function merged(a: readonly number[], b: readonly number[]): number[] {
  const out: number[] = [];
  let i = 0;
  let j = 0;
  let end = 0;
  while (i < a.length || j < b.length) {
    const fromA = j >= b.length || (i < a.length && a[i]! <= b[j]!);
    const list = fromA ? a : b;
    const at = fromA ? i : j;
    if (fromA) i += 2;
    else j += 2;
    const start = Math.max(list[at]!, end);
    const stop = list[at + 1]!;
    if (stop <= start) continue;
    out.push(start, stop);
    end = stop;
  }
  return out;
}
