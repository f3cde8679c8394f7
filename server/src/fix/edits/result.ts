/** The result of an acquiring call, and the release that belongs to what it acquired. */
import { Field, Kind } from '../../syntax/kinds.ts';
import type { FixSource } from '../fix.ts';
import { placesOf } from './acquire.ts';
import { type CallText, callAt, textOf } from './call.ts';
import type { NewStatement } from './insert.ts';
import { type FunctionTree, functionTree } from './statements.ts';

/** An acquire as its function sees it. */
export interface Acquired {
  readonly ft: FunctionTree;
  readonly call: CallText;
  /** The statement, or declaration, that the call stands in. */
  readonly statement: number;
  /** Local that the result is stored in. */
  readonly result?: string;
  /** The pages argument and the requested count, as written. */
  readonly pages: string;
  readonly count: string;
}

/** The acquire that starts at an offset. Undefined for calls with other arguments, in macros, or outside functions. */
export function acquiredAt(source: FixSource, offset: number): Acquired | undefined {
  const { file, kernel } = source;
  const call = callAt(file, offset);
  const places = call && placesOf(call, kernel);
  const ft = functionTree(source, offset);
  if (call === undefined || places === undefined || ft === undefined) return undefined;
  const pages = call.args[places.pages];
  const count = call.args[places.count];
  const statement = ft.statementAt(call.range);
  if (pages === undefined || count === undefined || statement < 0) return undefined;
  const result = resultOf(ft, call);
  return {
    ft,
    call,
    statement,
    ...(result !== undefined && { result }),
    pages: textOf(file, pages),
    count: textOf(file, count),
  };
}

/** `got = pin_user_pages_fast(…)`, as a statement, in a declaration, or in a condition. */
function resultOf(ft: FunctionTree, call: CallText): string | undefined {
  let node = ft.covering(call.range);
  while (node > 0 && ft.kind(node) !== Kind.call_expression) node = ft.parent(node);
  if (node <= 0) return undefined;
  const up = ft.parent(node);
  const left =
    ft.kind(up) === Kind.assignment_expression
      ? ft.field(up, Field.left)
      : ft.kind(up) === Kind.init_declarator
        ? ft.field(up, Field.declarator)
        : -1;
  return left >= 0 && ft.kind(left) === Kind.identifier ? ft.code(left) : undefined;
}

/** Whether a local is assigned between two places of the text. */
export function isAssigned(ft: FunctionTree, name: string, from: number, to: number): boolean {
  const text = ft.file.code.slice(from, to);
  return new RegExp(
    `\\b${name}\\s*(?:[-+*/|&^]|<<|>>)?=(?!=)|(?:\\+\\+|--)\\s*${name}\\b|\\b${name}\\s*(?:\\+\\+|--)`,
  ).test(text);
}

/** The release of `count` pages: of one page by the page, of several by the array. */
export function releaseOf({ call, pages, count: requested }: Acquired, count: string): NewStatement {
  const pin = call.name.startsWith('pin_');
  const single = /^&\s*(.+)$/.exec(pages)?.[1];
  if (requested === '1') {
    const page = single ?? `${pages}[0]`;
    return { name: pin ? 'unpin_user_page' : 'put_page', args: [page] };
  }
  return { name: pin ? 'unpin_user_pages' : 'release_pages', args: [pages, count] };
}
