/** A quick fix as data: text edits with a title, for the editor and the command line alike. */
import type { Parser } from '../syntax/parser.ts';
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
  /**
   * `safe`: what the function does for its callers stays as it was, but for the references and pins that were wrong.
   * `unsafe`: a call may now fail where it did not, another value is returned, several functions change together, or one
   * of several readings was chosen.
   */
  readonly safety: 'safe' | 'unsafe';
  /** Sorted, without overlaps. */
  readonly edits: readonly Edit[];
  /** What the user should look at: a branch of an `#if` that was not read. */
  readonly remarks?: readonly string[];
  /** The kind of reference changes: whoever else is given the pages would have to change with it. */
  readonly converts?: true;
}

/** What is to be done where no edit is offered, and why there is none. */
export interface Advice {
  /** Imperative, as the title of a fix. */
  readonly title: string;
  readonly reason: string;
}

/** Why a rewrite was not made. */
export interface Refusal {
  readonly refusal: string;
}

/** What a rule's fixer makes of a finding: rewrites, best first, and reasons where one cannot be made. */
export type Attempts = readonly (Fix | Refusal)[];

/** Rewrites to be tried in their order, and what to tell the user when none is accepted. */
export interface Proposal {
  readonly candidates: readonly Fix[];
  readonly advice: Advice;
}

/** What a fix is made from. */
export interface FixSource {
  readonly file: SourceFile;
  readonly kernel: KernelVersion;
  readonly parser: Parser;
  /** Another text of the same file, read the same way. */
  readonly reopen: (text: string) => SourceFile;
}

/** A rewrite of the given edits, or why it is none. */
export function attempt(
  title: string,
  safety: Fix['safety'],
  edits: readonly (Edit | undefined)[] | undefined,
): Fix | Refusal {
  if (edits === undefined || edits.length === 0 || edits.some((edit) => edit === undefined))
    return { refusal: 'the code around it is written in a way that is not rewritten by machine' };
  const ordered = sorted(edits as readonly Edit[]);
  if (ordered === undefined) return { refusal: 'two of the edits would touch the same text' };
  return { title, safety, edits: ordered };
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
    const end = range.start === range.end ? start : original(first, range.end, true);
    if (start === undefined || end === undefined) return undefined;
    back.push({ range: { start, end }, newText });
  }
  return sorted([...first, ...back]);
}

/** Where a place of the edited text was before; undefined inside what was written. The end of a range may touch it. */
function original(edits: readonly Edit[], at: number, isEnd = false): number | undefined {
  let delta = 0;
  for (const { range, newText } of edits) {
    const start = range.start + delta;
    if (at < start || (isEnd && at === start)) break;
    if (at < start + newText.length) return undefined;
    delta += newText.length - (range.end - range.start);
  }
  return at - delta;
}

/** Where a place of the text stands in the edited text; the start of what replaced it where it is gone. */
export function moved(edits: readonly Edit[], at: number): number {
  let delta = 0;
  for (const { range, newText } of edits) {
    if (at < range.end || at < range.start) return Math.min(at, range.start) + delta;
    delta += newText.length - (range.end - range.start);
  }
  return at + delta;
}
