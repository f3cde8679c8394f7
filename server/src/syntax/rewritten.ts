/** Seeing through the dialect: what the user wrote where a tree shows plain C. */
import { Kind } from './kinds.ts';
import type { SyntaxTree } from './tree.ts';

/**
 * The macro that a while_statement or if_statement stands for: `for_each_sg`, `scoped_guard`. Undefined for a statement
 * that was written with its keyword. The macro's arguments are the statement's condition.
 */
export function macroOfStatement(tree: SyntaxTree, statement: number): string | undefined {
  const keyword = tree.firstChild[statement] ?? -1;
  if (keyword < 0) return undefined;
  const kind = tree.kind[keyword];
  if (kind !== Kind.while && kind !== Kind.if) return undefined;
  const word = wordAt(tree.text, tree.start[keyword]!);
  return word === 'while' || word === 'if' ? undefined : word;
}

/** Whether an operator token is the `...` of a case range, which a tree shows as `||`. */
export function isCaseRange(tree: SyntaxTree, operator: number): boolean {
  return tree.kind[operator] === Kind['||'] && tree.text.startsWith('..', tree.start[operator]!);
}

function wordAt(text: string, offset: number): string {
  const word = /\w*/y;
  word.lastIndex = offset;
  return word.exec(text)?.[0] ?? '';
}
