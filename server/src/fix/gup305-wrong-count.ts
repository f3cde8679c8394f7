import type { Finding } from '../rules/finding.ts';
import { Field, Kind } from '../syntax/kinds.ts';
import { type CallText, callAt, textOf } from './edits/call.ts';
import { linesOf } from './edits/insert.ts';
import { indentAt, lineStart, newline } from './edits/layout.ts';
import { acquiredAt, isAssigned } from './edits/result.ts';
import { functionTree } from './edits/statements.ts';
import { type Attempts, attempt, type Edit, type FixSource } from './fix.ts';

const COUNTED = /^(?:unpin_user_pages(?:_dirty_lock)?|release_pages)$/;

/** As many pages are released as were acquired, and none where the acquire failed. */
export function fixWrongCount(finding: Finding, source: FixSource): Attempts {
  const { file } = source;
  const acquired = acquiredAt(source, finding.site.range.start);
  const call = callAt(file, finding.range.start);
  if (acquired?.result === undefined || call === undefined)
    return [{ refusal: 'the result of the acquire is not stored in a local' }];
  if (file.functionAt(finding.range.start) !== file.functionAt(finding.site.range.start))
    return [{ refusal: 'the release stands in another function, which does not know the result' }];
  const { result, ft } = acquired;
  if (isAssigned(ft, result, acquired.call.range.end, call.range.start))
    return [{ refusal: `${result} holds something else by the time of the release` }];
  return COUNTED.test(call.name)
    ? [counted(call, result, false, source), counted(call, result, true, source)]
    : [loopBound(call, result, source)];
}

function counted(call: CallText, result: string, guarded: boolean, source: FixSource) {
  const { file } = source;
  const title = `Release ${result} pages`;
  const args = call.args.map((arg, index) => (index === 1 ? result : textOf(file, arg)));
  const ft = functionTree(source, call.range.start);
  const statement = ft?.statementAt(call.range) ?? -1;
  if (ft === undefined || statement < 0 || ft.kind(statement) !== Kind.expression_statement)
    return attempt(title, 'safe', undefined);
  const { start, end } = ft.rangeOf(statement);
  const indent = indentAt(file.text, start);
  if (file.text.slice(lineStart(file.text, start), start) !== indent)
    return attempt(title, 'safe', undefined);
  const lines = linesOf(file, indent, {
    name: call.name,
    args,
    ...(guarded && { when: `${result} > 0` }),
  });
  const newText = lines.slice(indent.length, lines.length - newline(file).length);
  const edits: Edit[] = [{ range: { start, end }, newText }];
  return attempt(guarded ? `${title}, if any` : title, 'safe', edits);
}

/** `for (i = 0; i < n; i++)` goes to the result. */
function loopBound(call: CallText, result: string, source: FixSource) {
  const ft = functionTree(source, call.range.start);
  const statement = ft?.statementAt(call.range) ?? -1;
  const loop = ft === undefined || statement < 0 ? -1 : ft.holder(statement);
  if (ft === undefined || loop < 0 || ft.kind(loop) !== Kind.for_statement)
    return { refusal: 'the pages are not released in a loop whose bound can be read' };
  const condition = ft.field(loop, Field.condition);
  const bound = condition < 0 ? -1 : ft.field(condition, Field.right);
  const operator = condition < 0 ? -1 : ft.field(condition, Field.operator);
  if (bound < 0 || operator < 0 || ft.code(operator) !== '<')
    return { refusal: 'the pages are not released in a loop whose bound can be read' };
  return attempt(`Release ${result} pages`, 'safe', [{ range: ft.rangeOf(bound), newText: result }]);
}
