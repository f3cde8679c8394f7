/** Calls as text: where the name and the arguments stand. Read from preprocessed code, so comments are blanks. */
import { literalEnd } from '../../syntax/preprocess/scan.ts';
import type { Range } from '../../syntax/range.ts';
import type { SourceFile } from '../../syntax/source.ts';
import type { Edit } from '../fix.ts';

export interface CallText {
  readonly name: string;
  readonly nameRange: Range;
  /** From the name to behind the closing bracket. */
  readonly range: Range;
  /** Without the blanks around them. */
  readonly args: readonly Range[];
}

/** The call whose name stands at an offset. Undefined where there is none, or its brackets are not closed. */
export function callAt({ code }: SourceFile, offset: number): CallText | undefined {
  const head = /([A-Za-z_]\w*)\s*\(/y;
  head.lastIndex = offset;
  const match = head.exec(code);
  if (match === null) return undefined;
  const name = match[1]!;
  const args: Range[] = [];
  let depth = 1;
  let from = head.lastIndex;
  for (let at = from; at < code.length; at++) {
    const char = code[at]!;
    if (char === '"' || char === "'") at = literalEnd(code, at) - 1;
    else if (char === '(' || char === '[' || char === '{') depth++;
    else if (char === ')' || char === ']' || char === '}') depth--;
    else if (char === ';') return undefined;
    if (depth === 0 || (depth === 1 && char === ',')) {
      args.push(trimmed(code, from, at));
      from = at + 1;
    }
    if (depth === 0) {
      const nameRange = { start: offset, end: offset + name.length };
      return { name, nameRange, range: { start: offset, end: at + 1 }, args };
    }
  }
  return undefined;
}

/** All calls of functions with these names in a part of the file. */
export function callsOf(source: SourceFile, names: ReadonlySet<string>, within: Range): CallText[] {
  const found: CallText[] = [];
  const word = /\b[A-Za-z_]\w*(?=\s*\()/g;
  word.lastIndex = within.start;
  for (let match = word.exec(source.code); match !== null; match = word.exec(source.code)) {
    if (match.index >= within.end) break;
    const call = names.has(match[0]) ? callAt(source, match.index) : undefined;
    if (call !== undefined) found.push(call);
  }
  return found;
}

/** As the user wrote it. */
export function textOf({ text }: SourceFile, { start, end }: Range): string {
  return text.slice(start, end);
}

/** Another name, the same arguments. */
export function renamed(call: CallText, name: string): Edit {
  return { range: call.nameRange, newText: name };
}

function trimmed(code: string, from: number, to: number): Range {
  let start = from;
  let end = to;
  while (start < end && /\s/.test(code[start]!)) start++;
  while (end > start && /\s/.test(code[end - 1]!)) end--;
  return { start, end };
}
