/** Loops whose condition stands in their body: `for (;;) { if (i >= n) break; … }`. */
import { Field, Kind } from '../../syntax/kinds.ts';
import type { SyntaxTree } from '../../syntax/tree.ts';
import { childByField, namedChildren, textOf } from './navigate.ts';

const CONSTANTS: ReadonlySet<number> = new Set([Kind.number_literal, Kind.null, Kind.true, Kind.false]);

/** Whether a loop has no condition, or one that is a number: `for (;;)`, `while (1)`. */
export function isEndlessLoop(tree: SyntaxTree, loop: number): boolean {
  const c = bare(tree, childByField(tree, loop, Field.condition));
  return c < 0 || /^(?:[1-9]\d*|true)$/.test(textOf(tree, c));
}

/** Whether an if of an endless loop is what the condition of another is: `if (i >= n) break;`. */
export function endsRounds(tree: SyntaxTree, statement: number): boolean {
  let end = childByField(tree, statement, Field.consequence);
  while (end >= 0 && tree.kind[end] === Kind.compound_statement) end = namedChildren(tree, end).at(-1) ?? -1;
  if (end < 0 || tree.kind[end] !== Kind.break_statement) return false;
  const c = bare(tree, childByField(tree, statement, Field.condition));
  if (c < 0 || tree.kind[c] !== Kind.binary_expression) return false;
  // Of what is compared with a number, nothing says that it counts rounds.
  const sides = [childByField(tree, c, Field.left), childByField(tree, c, Field.right)];
  return sides.every((side) => side >= 0 && !CONSTANTS.has(tree.kind[bare(tree, side)]!));
}

/** An expression without parentheses and negations around it, or -1. */
function bare(tree: SyntaxTree, e: number): number {
  for (let at = e; at >= 0; ) {
    const isNegation = tree.kind[at] === Kind.unary_expression && textOf(tree, at).startsWith('!');
    if (tree.kind[at] !== Kind.parenthesized_expression && !isNegation) return at;
    at = namedChildren(tree, at)[0] ?? -1;
  }
  return -1;
}
