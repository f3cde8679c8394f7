/** Results of acquiring calls that lose their sign in a comparison, and errors that stand where they do. */
import { ACQUIRES } from '../kernel/acquire.ts';
import type { Binary, Expr, FunctionIr, Node } from '../lower/ir.ts';
import { walk } from '../lower/walk.ts';
import { lastAcquire } from '../state/path.ts';
import type { State } from '../state/state.ts';
import type { Value } from '../state/value.ts';
import type { Frame, World } from './world.ts';

/** Tells of a comparison that took an error for a count, where `result` is what an acquire returned on this path. */
export function observeSign(
  w: World,
  f: Frame,
  st: State,
  comparison: Binary,
  result: Expr,
  holds: boolean,
): void {
  const set = lastAcquire(st.path);
  if (set === undefined || set.result >= 0 || !holdsResult(w, f.ir, result)) return;
  if (isCaughtNext(f.ir, comparison, result, holds)) return;
  w.observe({
    what: 'sign',
    range: { start: comparison.start, end: comparison.end },
    set,
    tested: isTested(result, nodesAfter(f.ir, comparison, holds)),
    path: st.path,
    within: f.within,
  });
}

/**
 * Whether `got == n` or `got != n` holds where `got` has the result of an acquire elsewhere, and here, by `got = err`,
 * that of another function: it stands there as an error, and is no count.
 */
export function errorComparedWithCount(
  w: World,
  f: Frame,
  { op, l }: Binary,
  value: Value,
  count: Value,
): boolean | undefined {
  if (op !== '==' && op !== '!=') return undefined;
  if (count.t !== 'int' || count.n <= 0 || value.t !== 'sym') return undefined;
  if (value.op !== undefined || value.results.length === 0) return undefined;
  return holdsResult(w, f.ir, l) && isCopied(w, f.ir, l) ? op === '!=' : undefined;
}

/** A variable to which another one is assigned that has no acquire's result, or what a helper of the file returns. */
function isCopied(w: World, ir: FunctionIr, e: Expr): boolean {
  if (e.k === 'cast') return isCopied(w, ir, e.e);
  if (e.k !== 'var') return false;
  return ir.nodes.some(({ expr }) => {
    if (expr?.k !== 'assign' || expr.l.k !== 'var' || expr.l.name !== e.name) return false;
    const { r } = expr;
    return (
      (r.k === 'var' && !holdsResult(w, ir, r)) || (r.k === 'call' && r.fn !== undefined && w.defines(r.fn))
    );
  });
}

/** A call that acquires, or a variable that is assigned from one, here or in a helper of the file, or a copy of such. */
function holdsResult(w: World, ir: FunctionIr, e: Expr, copies: readonly string[] = []): boolean {
  if (e.k === 'cast') return holdsResult(w, ir, e.e, copies);
  if (e.k === 'assign') return acquires(w, e.r);
  if (e.k !== 'var') return acquires(w, e);
  if (copies.includes(e.name)) return false;
  return ir.nodes.some(({ expr }) => {
    let found = false;
    if (expr !== undefined)
      walk(expr, (x) => {
        if (x.k !== 'assign' || x.l.k !== 'var' || x.l.name !== e.name) return;
        found ||= acquires(w, x.r) || (x.r.k === 'var' && holdsResult(w, ir, x.r, [...copies, e.name]));
      });
    return found;
  });
}

function acquires(w: World, e: Expr): boolean {
  if (e.k === 'cast') return acquires(w, e.e);
  return e.k === 'call' && e.fn !== undefined && (w.defines(e.fn) ? w.handsOver(e.fn) : ACQUIRES.has(e.fn));
}

/**
 * Whether the next half of the condition takes the error for one: in `got < 0 || got != n` the first half never holds for
 * an unsigned variable, and the second does.
 */
function isCaughtNext(ir: FunctionIr, comparison: Binary, result: Expr, holds: boolean): boolean {
  const branch = ir.nodes.find(({ kind, expr }) => kind === 'branch' && expr === comparison);
  if (branch === undefined) return false;
  const [taken, other] = holds ? branch.succ : [...branch.succ].reverse();
  const { kind, expr, succ } = ir.nodes[behindJoins(ir, taken!)]!;
  if (kind !== 'branch' || expr?.k !== 'binary' || (expr.op !== '!=' && expr.op !== '==')) return false;
  const name = nameOf(result);
  if (name === undefined || nameOf(expr.l) !== name) return false;
  return succ[expr.op === '!=' ? 0 : 1] === other;
}

function behindJoins(ir: FunctionIr, id: number): number {
  const { kind, succ } = ir.nodes[id]!;
  return kind === 'join' && succ.length === 1 ? behindJoins(ir, succ[0]!) : id;
}

function nameOf(e: Expr): string | undefined {
  if (e.k === 'cast') return nameOf(e.e);
  return e.k === 'var' && e.local ? e.name : undefined;
}

/** Nodes that can be reached once the comparison has come out as it did. */
function nodesAfter(ir: FunctionIr, comparison: Binary, holds: boolean): readonly Node[] {
  const branch = ir.nodes.find(({ kind, expr }) => kind === 'branch' && expr === comparison);
  if (branch === undefined) return ir.nodes;
  const found = new Set([branch.succ[holds ? 0 : 1]!]);
  for (const id of found) for (const next of ir.nodes[id]!.succ) found.add(next);
  return [...found].map((id) => ir.nodes[id]!);
}

/** Whether one of the nodes compares the variable with zero, or asks IS_ERR_VALUE(). */
function isTested(result: Expr, nodes: readonly Node[]): boolean {
  const name = result.k === 'var' ? result.name : undefined;
  if (name === undefined || (result.type !== undefined && !result.type.signed)) return false;
  let tested = false;
  const isResult = (e: Expr | undefined): boolean => e?.k === 'var' && e.name === name;
  for (const { expr } of nodes) {
    if (expr === undefined) continue;
    walk(expr, (e) => {
      if (
        e.k === 'binary' &&
        isResult(e.l) &&
        e.r.k === 'num' &&
        e.r.n === 0 &&
        e.op !== '>' &&
        /^[<>]=?$/.test(e.op)
      )
        tested = true;
      if (e.k === 'call' && e.fn === 'IS_ERR_VALUE' && isResult(e.args[0])) tested = true;
    });
  }
  return tested;
}
