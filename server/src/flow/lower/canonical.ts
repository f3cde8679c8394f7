/** Expressions that mean the same, in one form. */
import type { Assign, Expr } from './ir.ts';

/** Whether an expression can only be 0 or 1. */
export function isTruth(e: Expr): boolean {
  if (e.k === 'logic') return true;
  if (e.k === 'unary') return e.op === '!';
  return e.k === 'binary' && /^(?:[=!]=|[<>]=?)$/.test(e.op);
}

/** Of `(a < b) == true` and the like: whether it says what the left side says, or the contrary; undefined of others. */
export function truthOf(op: string, l: Expr, r: Expr): boolean | undefined {
  if ((op !== '==' && op !== '!=') || r.k !== 'num' || (r.n !== 0 && r.n !== 1) || !isTruth(l))
    return undefined;
  return (op === '==') === (r.n === 1);
}

/** Of `(ret = f()) < 0` the assignment, and the test of what was assigned; of another condition only the condition. */
export function assignedBefore(condition: Expr): [Assign | undefined, Expr] {
  if (isToLocal(condition))
    return [condition, { ...condition.l, start: condition.start, end: condition.end }];
  const isTest = condition.k === 'binary' && isToLocal(condition.l) && isSimple(condition.r);
  if (!isTest) return [undefined, condition];
  const { l } = condition;
  return [l as Assign, { ...condition, l: { ...(l as Assign).l } }];
}

function isToLocal(e: Expr): e is Assign {
  return e.k === 'assign' && e.op === '=' && e.l.k === 'var' && e.l.local;
}

function isSimple(e: Expr): boolean {
  return e.k === 'num' || (e.k === 'var' && e.local);
}
