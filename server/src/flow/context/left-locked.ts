/** Ends of a function that still hold the mmap_lock which it took for an acquiring call and drops on other ways. */
import type { Range } from '../../syntax/range.ts';
import { ACQUIRES } from '../kernel/acquire.ts';
import { effectsOf } from '../kernel/effects.ts';
import type { Call, Expr, FunctionIr } from '../lower/ir.ts';
import { walk } from '../lower/walk.ts';
import { type LockContext, locksAtCalls, locksAtNodes, type MmapState, mayUnlock } from './locks.ts';
import type { LeftLockedObservation } from './observation.ts';

type Held = Extract<MmapState, { readonly range: Range; readonly mm: string }>;

/**
 * Such ends. That the function drops the lock elsewhere says that it is its own to drop; nothing is said where a callee
 * that is not seen is given the mm, and may drop it.
 */
export function leftLocked(ir: FunctionIr, context: LockContext): LeftLockedObservation[] {
  const calls = locksAtCalls(ir, context);
  const acquires = calls.filter(({ call }) => call.fn !== undefined && ACQUIRES.has(call.fn));
  if (acquires.length === 0) return [];
  return locksAtNodes(ir, context).flatMap(({ node, state: { mmap } }): LeftLockedObservation[] => {
    if (node.kind !== 'return' || mmap.s !== 'held') return [];
    const under = (state: MmapState): boolean => state.s === 'held' && state.range.start === mmap.range.start;
    const acquire = acquires.find(({ state }) => under(state.mmap))?.call;
    const drops = calls.some(({ call, state }) => under(state.mmap) && mayUnlock(call, context));
    const lock = calls.find(({ call }) => call.start === mmap.range.start)?.call.fn ?? 'assert';
    if (acquire === undefined || !drops || lock.includes('assert')) return [];
    if (node.expr !== undefined && hasCall(node.expr)) return [];
    if (calls.some(({ call }) => mayDrop(call, mmap, context))) return [];
    const range = { start: node.range.start, end: node.range.end };
    const forWriting = lock.includes('write');
    return [{ what: 'left-locked', call: acquire, lock: mmap.range, forWriting, range, within: ir.name }];
  });
}

function hasCall(expr: Expr): boolean {
  let found = false;
  walk(expr, (e) => {
    if (e.k === 'call' && (e.fn === undefined || effectsOf(e.fn) === undefined)) found = true;
  });
  return found;
}

/** A callee that is not seen, and gets the mm or unlocks by its name: it may have dropped the lock. */
function mayDrop(call: Call, { mm }: Held, { text }: LockContext): boolean {
  if (call.fn !== undefined && (ACQUIRES.has(call.fn) || effectsOf(call.fn) !== undefined)) return false;
  if (call.fn !== undefined && /^(mmap_|(up|down)_(read|write)|find_(extend_)?vma|vma_)/.test(call.fn))
    return false;
  if (call.fn !== undefined && /unlock/i.test(call.fn)) return true;
  return call.args.some((arg) => (arg.written ?? text.slice(arg.start, arg.end)).replace(/\s+/g, '') === mm);
}
