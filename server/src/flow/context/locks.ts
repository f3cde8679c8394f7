/**
 * Which locks are held where a function calls something: a forward pass over its graph that keeps what holds on every
 * path. What is not certain is not claimed: where paths meet, only what all of them hold remains.
 */
import type { Range } from '../../syntax/range.ts';
import { atomicLock, mmapLock } from '../kernel/contexts.ts';
import type { Call, Expr, FunctionIr, Node } from '../lower/ir.ts';
import { walk } from '../lower/walk.ts';

/** A lock, a section with interrupts or preemption off, or a kmap_atomic() mapping that is in effect. */
export interface Hold {
  /** Name of the function that began it. */
  readonly by: string;
  readonly family: string;
  /** Text of what is locked. */
  readonly of: string;
  readonly range: Range;
}

/**
 * mmap_lock of whatever mm: `start` as the caller left it; `depends`: a call with `&locked` may have dropped it, and the
 * variable tells; `unknown` where paths with different answers met.
 */
export type MmapState =
  | { readonly s: 'start' | 'unknown' }
  | { readonly s: 'held' | 'released'; readonly mm: string; readonly range: Range }
  | { readonly s: 'depends'; readonly mm: string; readonly variable: string; readonly call: Call };

export interface LockState {
  readonly atomic: readonly Hold[];
  readonly mmap: MmapState;
}

export const NO_LOCKS: LockState = { atomic: [], mmap: { s: 'start' } };

/** What a callee of the same file does to locks, from its text. */
export interface CalleeLocks {
  readonly mmap: 'none' | 'changes';
  readonly atomic: 'none' | 'ends';
}

export interface LockContext {
  readonly text: string;
  readonly callee: (name: string) => CalleeLocks | undefined;
  /** The variable behind `&locked` of an acquiring call. */
  readonly lockedVariable: (call: Call) => string | undefined;
}

/** Every node of a function that can be reached, with the locks before it. */
export function locksAtNodes(
  ir: FunctionIr,
  context: LockContext,
  start: LockState = NO_LOCKS,
): { readonly node: Node; readonly state: LockState }[] {
  const into = new Map<number, LockState>([[0, start]]);
  const work = [0];
  for (let i = 0; i < work.length && i < MAX_VISITS; i++) {
    const node = ir.nodes[work[i]!]!;
    for (const [succ, state] of leaving(node, into.get(node.id)!, context)) {
      const before = into.get(succ);
      const joined = before === undefined ? state : join(before, state);
      if (before !== undefined && same(before, joined)) continue;
      into.set(succ, joined);
      work.push(succ);
    }
  }
  return ir.nodes.flatMap((node) => {
    const state = into.get(node.id);
    return state === undefined ? [] : [{ node, state }];
  });
}

/** Every call of a function that can be reached, with the locks just before it. */
export function locksAtCalls(
  ir: FunctionIr,
  context: LockContext,
): { readonly call: Call; readonly state: LockState }[] {
  return locksAtNodes(ir, context).flatMap(({ node, state: before }) => {
    let state = before;
    return (node.expr === undefined ? [] : callsIn(node.expr)).map((call) => {
      const at = { call, state };
      state = after(call, state, context);
      return at;
    });
  });
}

/** A call that drops mmap_lock, of whatever mm. */
export function mayUnlock(call: Call, context: LockContext): boolean {
  return call.fn !== undefined && mmapLock(call.fn, textOf(call.args[0], context))?.does === 'unlock';
}

/** States only lose what they hold, so that a few visits of each node are enough. */
const MAX_VISITS = 5_000;

/** Calls of an expression, inner ones first. */
function callsIn(expr: Expr): Call[] {
  const calls: Call[] = [];
  walk(expr, (e) => {
    if (e.k === 'call') calls.push(e);
  });
  return calls.reverse();
}

function leaving(node: Node, state: LockState, context: LockContext): [number, LockState][] {
  let out = state;
  if (node.expr !== undefined) for (const call of callsIn(node.expr)) out = after(call, out, context);
  if (node.kind !== 'branch' || node.expr === undefined) return node.succ.map((succ) => [succ, out]);
  return node.succ.map((succ, i) => [succ, onEdge(node.expr!, i === 0, state, out, context)]);
}

/** What a branch tells: whether a lock that was tried for was taken, and whether one was dropped by the call. */
function onEdge(
  test: Expr,
  holds: boolean,
  before: LockState,
  out: LockState,
  context: LockContext,
): LockState {
  const [e, truth] = plain(test, holds);
  if (e.k === 'var' && out.mmap.s === 'depends' && out.mmap.variable === e.name) {
    const { mm, call } = out.mmap;
    return { ...out, mmap: { s: truth ? 'held' : 'released', mm, range: call } };
  }
  if (e.k !== 'call' || e.fn === undefined) return out;
  const arg = textOf(e.args[0], context);
  const lock = atomicLock(e.fn);
  if (lock?.does === 'try' && truth) return { ...out, atomic: [...out.atomic, holdOf(e, lock.family, arg)] };
  const mmap = mmapLock(e.fn, arg);
  if (mmap?.does === 'try') return truth ? { ...out, mmap: heldBy(e, arg) } : before;
  if (mmap?.does === 'killable') return truth ? before : { ...out, mmap: heldBy(e, arg) };
  return out;
}

/** The operand of a comparison with zero, and what its truth is then. */
function plain(e: Expr, holds: boolean): [Expr, boolean] {
  if (e.k === 'unary' && e.op === '!') return plain(e.e, !holds);
  if (e.k === 'binary' && e.r.k === 'num' && e.r.n === 0) {
    if (e.op === '==') return plain(e.l, !holds);
    if (e.op === '!=' || e.op === '<') return plain(e.l, holds);
  }
  return [e, holds];
}

function after(call: Call, state: LockState, context: LockContext): LockState {
  const { fn } = call;
  if (fn === undefined) return state;
  // What is called like that locks, whatever its own text is made of.
  const own = mmapLock(fn, '') === undefined ? context.callee(fn) : undefined;
  if (own !== undefined) {
    return {
      atomic: own.atomic === 'ends' ? [] : state.atomic,
      mmap: own.mmap === 'changes' ? { s: 'unknown' } : state.mmap,
    };
  }
  const arg = textOf(call.args[0], context);
  const lock = atomicLock(fn);
  if (lock?.does === 'begin')
    return { ...state, atomic: [...state.atomic, holdOf(call, lock.family, arg)].slice(-MAX_HOLDS) };
  if (lock?.does === 'end') return { ...state, atomic: without(state.atomic, lock.family, arg) };
  const mmap = mmapLock(fn, arg);
  if (mmap !== undefined) {
    if (mmap.does === 'assert') return /mmap|mm\b/.test(arg) ? { ...state, mmap: heldBy(call, arg) } : state;
    if (mmap.does === 'unlock') return { ...state, mmap: { s: 'released', mm: mmOf(arg), range: call } };
    return { ...state, mmap: heldBy(call, arg) };
  }
  const variable = context.lockedVariable(call);
  if (variable !== undefined) {
    const { mmap: now } = state;
    const mm = now.s === 'held' || now.s === 'depends' ? now.mm : mmOf(arg);
    return { ...state, mmap: { s: 'depends', mm, variable, call } };
  }
  // A function of another file whose name says so may end what was begun, or hand over with mmap_lock held.
  if (/unlock|_end$|_exit$/.test(fn)) return { ...state, atomic: [] };
  if (/lock_mm|mmap_lock|_mm_lock/.test(fn)) return { ...state, mmap: { s: 'unknown' } };
  return state;
}

/** More locks at once are a loop that takes one in each round. */
const MAX_HOLDS = 6;

function holdOf(call: Call, family: string, of: string): Hold {
  return { by: call.fn!, family, of, range: { start: call.start, end: call.end } };
}

function heldBy(call: Call, arg: string): MmapState {
  return { s: 'held', mm: mmOf(arg), range: { start: call.start, end: call.end } };
}

/** `mm` of `mm`, `&mm->mmap_sem` and `&(mm)->mmap_lock`. */
function mmOf(arg: string): string {
  return arg.replace(/^&/, '').replace(/(->|\.)mmap_(sem|lock)$/, '');
}

/** The hold that a function ends: on the same object, else the last of its family. */
function without(holds: readonly Hold[], family: string, of: string): Hold[] {
  const same = holds.findLastIndex((h) => h.family === family && h.of === of);
  const at = same >= 0 ? same : holds.findLastIndex((h) => h.family === family);
  return holds.filter((_, i) => i !== at);
}

function join(a: LockState, b: LockState): LockState {
  return { atomic: common(a.atomic, b.atomic), mmap: joinMmap(a.mmap, b.mmap) };
}

function common(a: readonly Hold[], b: readonly Hold[]): Hold[] {
  const left = [...b];
  return a.filter((h) => {
    const at = left.findIndex((other) => other.family === h.family && other.of === h.of);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

function joinMmap(a: MmapState, b: MmapState): MmapState {
  if (a.s === 'held' && b.s === 'held') return a.mm === b.mm ? a : { s: 'held', mm: '?', range: a.range };
  if (a.s === 'depends' && b.s === 'depends') return a.variable === b.variable ? a : { s: 'unknown' };
  if (a.s === b.s) return a;
  // Nothing was taken on either.
  const free = (m: MmapState): boolean => m.s === 'start' || m.s === 'released';
  return free(a) && free(b) ? { s: 'start' } : { s: 'unknown' };
}

function same(a: LockState, b: LockState): boolean {
  return keyOf(a) === keyOf(b);
}

function keyOf({ atomic, mmap }: LockState): string {
  const detail = mmap.s === 'depends' ? mmap.variable : 'mm' in mmap ? mmap.mm : '';
  return `${atomic.map((h) => `${h.family} ${h.of}`).join()}|${mmap.s} ${detail}`;
}

function textOf(e: Expr | undefined, { text }: LockContext): string {
  // Where a macro made it, what it says is not what stands in the file.
  return e === undefined
    ? ''
    : (e.written ?? text.slice(e.start, e.end))
        .replace(/\s+/g, '')
        .replace(/\(\*(\w+)\)\./g, '$1->')
        .replace(/^\((\w+)\)$/, '$1');
}
