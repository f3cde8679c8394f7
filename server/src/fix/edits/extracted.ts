/** Releases of pages of an iterator: only those of a user's are pinned. */
import { Kind } from '../../syntax/kinds.ts';
import type { Edit, FixSource } from '../fix.ts';
import { type CallText, textOf } from './call.ts';
import { deeper, indentAt, lineStart, newline } from './layout.ts';
import { toUnpin } from './releases.ts';
import { functionTree } from './statements.ts';

/** The iterator of an iov_iter_get_pages2() or iov_iter_extract_pages(), as written. */
export function iteratorOf({ file }: FixSource, call: CallText): string | undefined {
  const arg = call.args[0];
  return arg === undefined ? undefined : textOf(file, arg);
}

/**
 * The release as an unpin under `if (iov_iter_extract_will_pin(iter))`. Undefined where it is no statement of its own, or
 * more than one edit.
 */
export function unpinIfPinned(
  call: CallText,
  source: FixSource,
  iterator: string,
  dirty: boolean,
): Edit | undefined {
  const { file } = source;
  const { text } = file;
  const edits =
    isUnpin(call) && !dirty ? [kept(call, source)] : toUnpin(call, source, { dirty, folding: 'plain' });
  const [edit] = edits ?? [];
  if (edit === undefined || edits?.length !== 1 || edit.newText.includes('\n')) return undefined;
  const ft = functionTree(source, edit.range.start);
  const statement = ft?.statementAt({ start: edit.range.start, end: edit.range.start + 1 }) ?? -1;
  if (ft === undefined || statement < 0 || ft.rangeOf(statement).start !== edit.range.start) return undefined;
  // Nested in an unbraced if, an else that follows would change its owner.
  if (ft.kind(ft.parent(statement)) !== Kind.compound_statement) return undefined;
  const indent = indentAt(text, edit.range.start);
  if (text.slice(lineStart(text, edit.range.start), edit.range.start) !== indent) return undefined;
  const whole =
    edit.range.end <= call.nameRange.end ? { start: edit.range.start, end: call.range.end } : edit.range;
  const written = whole === edit.range ? edit.newText : edit.newText + text.slice(edit.range.end, whole.end);
  const test = `if (iov_iter_extract_will_pin(${iterator}))`;
  return { range: whole, newText: `${test}${newline(file)}${deeper(indent)}${written}` };
}

function isUnpin({ name }: CallText): boolean {
  return name.startsWith('unpin_');
}

function kept(call: CallText, { file }: FixSource): Edit {
  return { range: call.range, newText: textOf(file, call.range) };
}
