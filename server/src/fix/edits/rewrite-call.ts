/** Another name or other arguments for a call, laid out as its author would. */
import type { SourceFile } from '../../syntax/source.ts';
import type { Edit } from '../fix.ts';
import { type CallText, textOf } from './call.ts';
import { columnAfter, indentAt, laidOut, lineEnd, lineStart, realigned } from './layout.ts';

export interface CallChange {
  readonly name?: string;
  /** New texts of arguments by index; undefined removes one. */
  readonly args?: ReadonlyMap<number, string | undefined>;
}

/**
 * Edits that change a call. What stands on one line stays there while it fits; the lines of a call over several lines
 * are kept, and aligned with the bracket as before.
 */
export function changedCall(file: SourceFile, call: CallText, change: CallChange): Edit[] {
  const name = change.name ?? call.name;
  const args = call.args.map((range, index) =>
    change.args?.has(index) ? change.args.get(index) : textOf(file, range),
  );
  const { text } = file;
  const written = text.slice(call.range.start, call.range.end);
  const start = lineStart(text, call.range.start);
  const removes = args.includes(undefined);
  if (!written.includes('\n') || removes) {
    const at = {
      column: columnAfter(text.slice(start, call.range.start)),
      indent: indentAt(text, call.range.start),
      tail: text.slice(call.range.end, lineEnd(text, call.range.end)).trimEnd(),
    };
    const kept = args.filter((arg) => arg !== undefined);
    const newText = laidOut(file, at, name, kept);
    // An edit of the name alone leaves room for other edits among the arguments.
    if (change.args === undefined && newText === name + written.slice(call.name.length))
      return [{ range: call.nameRange, newText: name }];
    return [{ range: call.range, newText }];
  }
  const edits: Edit[] = [];
  if (name !== call.name) edits.push({ range: call.nameRange, newText: name });
  for (const [index, arg] of change.args ?? []) {
    const range = call.args[index];
    if (range !== undefined && arg !== undefined) edits.push({ range, newText: arg });
  }
  return [...edits, ...realigned(file, edits, call.range)];
}
