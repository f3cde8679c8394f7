/** Cases of a switch statement. */
import { Field, Kind } from '../../syntax/kinds.ts';
import type { Expr } from './ir.ts';
import { lowerExpr, type Scope } from './lower-expr.ts';
import { childByField, childOfKind } from './navigate.ts';

/** A case of a switch, and the node that it starts with. */
export interface Case {
  readonly value: Expr;
  readonly start: number;
}

/** Adds the edges from a switch to its cases, and to what follows where none of them is the one. */
export type EnterCases = (cases: readonly Case[], otherwise: number) => void;

/** The value of a `case` statement of the syntax tree; undefined for any other statement. */
export function caseValue(scope: Scope, item: number): Expr | 'default' | undefined {
  const { tree } = scope;
  if (tree.kind[item] !== Kind.case_statement) return undefined;
  const value = childByField(tree, item, Field.value);
  if (value >= 0) return lowerExpr(scope, value);
  if (childOfKind(tree, item, Kind.default) >= 0) return 'default';
  return { k: 'opaque', parts: [], ...scope.at(item) };
}

/** Whether a statement in a switch is no case, or the case of a condition: 0, 1, `false`, `true` or the default. */
export function isTruthCase(value: Expr | 'default' | undefined): boolean {
  return (
    value === undefined || value === 'default' || (value.k === 'num' && (value.n === 0 || value.n === 1))
  );
}

/** The node of the case with a number; undefined where there is none. */
export function startOf(n: number, cases: readonly Case[]): number | undefined {
  return cases.find(({ value }) => value.k === 'num' && value.n === n)?.start;
}
