/** Places where a release that is missing may go: in the branch that gives up, and in front of a return. */

import type { Finding } from '../../rules/finding.ts';
import { Field, Kind } from '../../syntax/kinds.ts';
import type { Edit } from '../fix.ts';
import { insertedBefore, linesOf, type NewStatement } from './insert.ts';
import { newline } from './layout.ts';
import type { FunctionTree } from './statements.ts';

/** First statements of branches behind an acquire that test its result and then leave. */
export function givingUp(ft: FunctionTree, acquire: number, result: string): number[] {
  const from = ft.tree.start[acquire]!;
  const found: number[] = [];
  for (const node of ft.all(ft.body, (each) => ft.kind(each) === Kind.if_statement)) {
    // The acquire may stand in the condition itself.
    if (ft.tree.end[node]! <= from) continue;
    const condition = ft.field(node, Field.condition);
    if (ft.tree.end[condition]! <= from) continue;
    if (!new RegExp(`\\b${result}\\b`).test(ft.code(condition))) continue;
    for (const branch of [Field.consequence, Field.alternative]) {
      let body = ft.field(node, branch);
      if (body >= 0 && ft.kind(body) === Kind.else_clause) body = ft.children(body)[0] ?? -1;
      const statements = body < 0 ? [] : ft.run(body);
      if (statements.length > 0 && leaves(ft, statements.at(-1)!)) found.push(statements[0]!);
    }
  }
  return found;
}

/** A statement that goes somewhere else. */
export function leaves(ft: FunctionTree, statement: number): boolean {
  const kind = ft.kind(statement);
  return kind === Kind.return_statement || kind === Kind.goto_statement || kind === Kind.break_statement;
}

/** Edits that put a release in front of a statement. */
export function releasedBefore(
  ft: FunctionTree,
  statement: number,
  release: NewStatement,
): Edit[] | undefined {
  return insertedBefore(ft, statement, (indent) => linesOf(ft.file, indent, release));
}

/** The returns at which a leak finding ends. */
export function leakingEnds(ft: FunctionTree, finding: Finding): number[] {
  return finding.related
    .filter(({ message }) => message.startsWith('returns here'))
    .map(({ range }) => ft.statementAt(range))
    .filter((node) => node >= 0 && ft.kind(node) === Kind.return_statement);
}

/** The first of the statements in front of a return that only free something: the array must be there still. */
export function beforeFreeing(ft: FunctionTree, end: number): number {
  const block = ft.parent(end);
  if (ft.kind(block) !== Kind.compound_statement) return end;
  const siblings = ft.children(block);
  let at = siblings.indexOf(end);
  while (at > 0 && /^\s*(?:kv?m?free|vfree|kvfree|kfree\w*|devm_kfree)\s*\(/.test(ft.code(siblings[at - 1]!)))
    at--;
  return siblings[at]!;
}

/** A label whose statements begin with a release of the pages, and that ends in `return ret;`, with that variable. */
export function releasingLabel(
  ft: FunctionTree,
  release: NewStatement,
): { readonly label: string; readonly result: string } | undefined {
  const wanted = new RegExp(
    `^(?:unpin_user_page\\w*|put_page|release_pages)\\s*\\(\\s*&?\\s*${escaped(bare(release.args[0]!))}\\b`,
  );
  for (const node of ft.all(ft.body, (each) => ft.kind(each) === Kind.labeled_statement)) {
    const label = ft.code(ft.field(node, Field.label));
    const siblings = ft.children(ft.parent(node));
    const rest = siblings.slice(siblings.indexOf(node));
    const first = ft.children(node).at(-1)!;
    const last = ft.code(rest.at(-1)!).trim().replace(/\s+/g, ' ');
    const returned = /^return (\w+);$/.exec(last)?.[1];
    if (returned !== undefined && wanted.test(ft.code(first).trim())) return { label, result: returned };
  }
  return undefined;
}

/** `return -EINVAL;` becomes `ret = -EINVAL; goto label;`. */
export function jumpInstead(
  ft: FunctionTree,
  end: number,
  { label, result }: { readonly label: string; readonly result: string },
): Edit[] | undefined {
  const value = /^return\s+([\s\S]+);$/.exec(ft.file.text.slice(ft.tree.start[end]!, ft.tree.end[end]!))?.[1];
  if (value === undefined || /\/[*/]|\n/.test(value)) return undefined;
  const jump: Edit = { range: ft.rangeOf(end), newText: `goto ${label};` };
  if (value === result) return [jump];
  const set = insertedBefore(ft, end, (indent) => `${indent}${result} = ${value};${newline(ft.file)}`);
  return set && [...set, jump];
}

function bare(text: string): string {
  return text.replace(/^&/, '').replace(/\[.*$/, '').trim();
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
