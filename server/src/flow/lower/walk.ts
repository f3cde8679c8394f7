/** Visiting expressions. */
import type { Expr } from './ir.ts';

/** Calls `visit` for `e` and everything inside it, outermost first. */
export function walk(e: Expr, visit: (e: Expr) => void): void {
  visit(e);
  for (const part of partsOf(e)) walk(part, visit);
}

/** Direct parts of an expression, in the order of evaluation. */
function partsOf(e: Expr): readonly Expr[] {
  switch (e.k) {
    case 'member':
      return [e.base];
    case 'index':
      return [e.base, e.index];
    case 'deref':
    case 'addr':
    case 'unary':
    case 'step':
    case 'cast':
      return [e.e];
    case 'binary':
    case 'logic':
    case 'assign':
      return [e.l, e.r];
    case 'cond':
      return [e.c, e.a, e.b];
    case 'call':
      return e.callee === undefined ? e.args : [e.callee, ...e.args];
    case 'seq':
      return e.items;
    case 'opaque':
      return e.parts;
    case 'num':
    case 'str':
    case 'var':
    case 'declare':
      return [];
  }
}
