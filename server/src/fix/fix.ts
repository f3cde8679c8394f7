/** A quick fix as data: text edits with a title, for the editor and the command line alike. */
import type { KernelVersion } from '../syntax/preprocess/version.ts';
import type { Range } from '../syntax/range.ts';
import type { SourceFile } from '../syntax/source.ts';

/** Replaces `range` of the file's text. */
export interface Edit {
  readonly range: Range;
  readonly newText: string;
}

export interface Fix {
  /** Imperative, for a menu: `Use pin_user_pages_fast() and unpin_user_pages_dirty_lock()`. */
  readonly title: string;
  /** `safe`: all that it changes stands in the function of the call. `unsafe`: other functions change with it. */
  readonly safety: 'safe' | 'unsafe';
  /** Sorted, without overlaps. */
  readonly edits: readonly Edit[];
}

/** What a fix is made from. */
export interface FixSource {
  readonly file: SourceFile;
  readonly kernel: KernelVersion;
}

/** Sorts edits and drops repeated ones. Undefined when two of them overlap. */
export function sorted(edits: readonly Edit[]): Edit[] | undefined {
  const ordered = [...edits].sort((a, b) => a.range.start - b.range.start || a.range.end - b.range.end);
  const kept: Edit[] = [];
  for (const edit of ordered) {
    const last = kept.at(-1);
    if (last !== undefined && same(last, edit)) continue;
    if (last !== undefined && edit.range.start < last.range.end) return undefined;
    kept.push(edit);
  }
  return kept;
}

function same(a: Edit, b: Edit): boolean {
  return a.range.start === b.range.start && a.range.end === b.range.end && a.newText === b.newText;
}

/** The text with sorted edits applied. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  let out = '';
  let at = 0;
  for (const { range, newText } of edits) {
    out += text.slice(at, range.start) + newText;
    at = range.end;
  }
  return out + text.slice(at);
}

/**
 * Two rounds of edits as one: `second` edits the text that `first` made. Undefined when the second round touches what
 * the first one wrote.
 */
export function composed(first: readonly Edit[], second: readonly Edit[]): Edit[] | undefined {
  const back: Edit[] = [];
  for (const { range, newText } of second) {
    const start = original(first, range.start);
    const end = original(first, range.end);
    if (start === undefined || end === undefined) return undefined;
    back.push({ range: { start, end }, newText });
  }
  return sorted([...first, ...back]);
}

/** Where a place of the edited text was before; undefined inside what was written. */
function original(edits: readonly Edit[], at: number): number | undefined {
  let delta = 0;
  for (const { range, newText } of edits) {
    const start = range.start + delta;
    if (at < start) break;
    if (at < start + newText.length) return undefined;
    delta += newText.length - (range.end - range.start);
  }
  return at - delta;
}
