/** Putting statements in front of others, with the braces that this needs. */
import { Field, Kind } from '../../syntax/kinds.ts';
import type { SourceFile } from '../../syntax/source.ts';
import type { Edit } from '../fix.ts';
import { columnAfter, deeper, indentAt, laidOut, lineEnd, lineStart, newline } from './layout.ts';
import type { FunctionTree } from './statements.ts';

/** A call as a statement, perhaps under a condition. */
export interface NewStatement {
  readonly name: string;
  readonly args: readonly string[];
  readonly when?: string;
}

/** Lines of a statement behind an indentation, each ended by the file's line break. */
export function linesOf(file: SourceFile, indent: string, { name, args, when }: NewStatement): string {
  const inner = when === undefined ? indent : deeper(indent);
  const call = laidOut(file, { column: columnAfter(inner), indent: inner }, name, args);
  const head = when === undefined ? '' : `${indent}if (${when})${newline(file)}`;
  return `${head}${inner}${call};${newline(file)}`;
}

/**
 * Edits that put whole lines in front of a statement; `make` is given their indentation. A statement that is all that an
 * `if` or a loop does gets braces. Undefined where it does not start its line, or the braces would have to spread to an
 * `else`.
 */
export function insertedBefore(
  ft: FunctionTree,
  statement: number,
  make: (indent: string) => string,
): Edit[] | undefined {
  const { text, code } = ft.file;
  const { start, end } = ft.rangeOf(statement);
  const from = lineStart(text, start);
  const indent = indentAt(text, start);
  if (text.slice(from, start) !== indent) return undefined;
  const insertion: Edit = { range: { start: from, end: from }, newText: make(indent) };
  const up = ft.parent(statement);
  if (ft.kind(up) === Kind.compound_statement) return [insertion];
  const kind = ft.kind(up);
  const isBody = kind === Kind.if_statement || kind === Kind.for_statement || kind === Kind.while_statement;
  if (!isBody || (kind === Kind.if_statement && ft.field(up, Field.alternative) >= 0)) return undefined;
  if (ft.kind(ft.parent(up)) === Kind.else_clause) return undefined;
  const head = code.slice(0, start).trimEnd().length;
  const line = lineEnd(text, end);
  if (text.slice(head, from).trim() !== '' || text.slice(end, line).trim() !== '') return undefined;
  return [
    { range: { start: head, end: head }, newText: ' {' },
    insertion,
    {
      range: { start: line, end: line },
      newText: `${indentAt(text, ft.rangeOf(up).start)}}${newline(ft.file)}`,
    },
  ];
}

/** The statement and its lines taken out. Undefined where something else stands on them. */
export function removed(ft: FunctionTree, statement: number): Edit | undefined {
  const { text } = ft.file;
  const { start, end } = ft.rangeOf(statement);
  const from = lineStart(text, start);
  const to = lineEnd(text, end);
  const alone = text.slice(from, start).trim() === '' && text.slice(end, to).trim() === '';
  return alone ? { range: { start: from, end: to }, newText: '' } : undefined;
}
