/** What no fix may do, whatever rule it is for: touch macros and directives, lose comments, forget other configurations. */
import type { Range } from '../../syntax/range.ts';
import type { SourceFile } from '../../syntax/source.ts';
import type { Fix, Refusal } from '../fix.ts';
import { lineEnd, lineStart } from './layout.ts';

/** Words whose meaning depends on the kind of reference. */
const PROTOCOL =
  /\b(?:get_user_pages?\w*|pin_user_pages?\w*|unpin_\w+|put_user_pages?\w*|put_page|release_pages|folio_put|__free_page|set_page_dirty\w*|SetPageDirty)\b/;

/** The fix with remarks where they are due, or why it may not be made. */
export function guarded(fix: Fix, file: SourceFile): Fix | Refusal {
  for (const { range, newText } of fix.edits) {
    if (isDirective(file.text, range))
      return { refusal: 'it would touch a macro or another preprocessor directive' };
    const lost = commentsIn(file, range).find((comment) => !newText.includes(comment));
    if (lost !== undefined) return { refusal: `the comment “${oneLine(lost)}” would be lost` };
  }
  const remarks = unreadBranches(fix, file);
  return remarks.length === 0
    ? fix
    : { ...fix, safety: 'unsafe', remarks: [...(fix.remarks ?? []), ...remarks] };
}

/** Whether a line of the range belongs to a directive, as its first line or as a continuation of it. */
function isDirective(text: string, range: Range): boolean {
  for (let at = lineStart(text, range.start); at < Math.max(range.end, range.start + 1); ) {
    let first = at;
    while (first > 0 && /\\\r?\n$/.test(text.slice(Math.max(0, first - 3), first)))
      first = lineStart(text, first - 1);
    if (/[ \t]*#/y.test(text.slice(first, first + 40))) return true;
    const next = lineEnd(text, at);
    if (next <= at) break;
    at = next;
  }
  return false;
}

/** Comments that stand wholly or in part in a range, as written. */
function commentsIn({ text, code }: SourceFile, range: Range): string[] {
  const found: string[] = [];
  const comment = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
  for (const match of text.slice(range.start, range.end).matchAll(comment)) {
    const at = range.start + match.index;
    // A slash and a star inside a string are code.
    if (code[at] === ' ') found.push(match[0].trimEnd());
  }
  return found;
}

/** Branches of `#if` that were not read, in the functions that change, and that speak of page references. */
function unreadBranches(fix: Fix, file: SourceFile): string[] {
  const changed = new Set(fix.edits.map(({ range }) => file.functionAt(range.start)));
  const remarks = new Set<string>();
  for (const group of file.conditionals) {
    if (!changed.has(file.functionAt(group.range.start))) continue;
    for (const [index, branch] of group.branches.entries()) {
      if (index === group.taken) continue;
      if (!PROTOCOL.test(file.text.slice(branch.range.start, branch.range.end))) continue;
      const line = file.lines.lineOf(group.range.start);
      const which = branch.condition === '' ? '#else' : branch.condition;
      remarks.add(`the branch ${which} of the #if at line ${line} was not read and stays as it is`);
    }
  }
  return [...remarks];
}

function oneLine(text: string): string {
  const flat = text.replace(/\s+/g, ' ');
  return flat.length <= 40 ? flat : `${flat.slice(0, 39)}…`;
}
