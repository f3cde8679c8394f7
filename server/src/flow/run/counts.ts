/** Counts whose values a path has lost: under a second name, and where pages are asked for, they become known together. */

import { formOf } from '../facts/form.ts';
import { ACQUIRES } from '../kernel/acquire.ts';
import type { Assign, Call, Expr, FunctionIr } from '../lower/ir.ts';
import type { State } from '../state/state.ts';
import { isPlainUnknown, type Sym, TOP, type Value } from '../state/value.ts';
import type { World } from './world.ts';

/** Where an expression reads a number that the path has lost; undefined for any other. */
type Lost = (e: Expr) => string | undefined;

/**
 * The count that an acquire asks for becomes 2 where it is unknown; a variable or member that holds it is 2 from here on.
 * A helper that acquires as many pages as it is told learns how many these are, and so does its caller.
 */
export function boundRequest(w: World, st: State, e: Call, args: Value[], lost: Lost): Value[] {
  const { fn } = e;
  if (fn === undefined) return args;
  if (w.defines(fn))
    return w.handsOver(fn)
      ? args.map((v, i) => (v === TOP && w.takesNumber(fn, i) ? shared(w, st, lost(e.args[i]!)) : v))
      : args;
  const model = ACQUIRES.get(fn);
  const nr = model === undefined ? undefined : formOf(model, e.args)?.nr;
  const place = nr === undefined || args[nr] !== TOP ? undefined : lost(e.args[nr]!);
  if (place === undefined) return args;
  const two = w.values.int(2);
  st.store.set(place, two);
  return args.map((v, i) => (i === nr ? two : v));
}

/** Prefix of the names of such. */
const SHARED = '=';

/** Whether an unknown may be taken for 2: a count, or an operation that gives one, but none that was lost by counting further. */
export function mayBeTwo(v: Value): v is Sym {
  if (v.t !== 'sym') return false;
  return v.op === undefined ? !v.key.startsWith(`@${SHARED}`) : v.op === '>>' || v.op === '/';
}

/** Locals that are asked for as counts, by function. */
const counts = new WeakMap<FunctionIr, ReadonlySet<string>>();

/** Whether an assignment gives a number a second name, by which pages are asked for. */
export function isCopyOfCount(w: World, ir: FunctionIr, { op, l, r }: Assign): boolean {
  if (op !== '=' || l.k !== 'var' || !l.local || l.type === undefined || !isNumber(r)) return false;
  let known = counts.get(ir);
  if (known === undefined) {
    known = new Set(ir.calls.flatMap((call) => countsOf(w, call)));
    counts.set(ir, known);
  }
  return known.has(l.name);
}

function countsOf(w: World, { fn, args }: Call): string[] {
  if (fn === undefined) return [];
  if (w.defines(fn)) return w.handsOver(fn) ? args.flatMap(nameOf) : [];
  const model = ACQUIRES.get(fn);
  const nr = model === undefined ? undefined : formOf(model, args)?.nr;
  return nr === undefined ? [] : nameOf(args[nr]!);
}

function nameOf(e: Expr): string[] {
  if (e.k === 'cast') return nameOf(e.e);
  return e.k === 'var' && e.local ? [e.name] : [];
}

/** Not a pointer, as far as the file shows types. */
function isNumber(e: Expr): boolean {
  return e.k === 'cast' ? isNumber(e.e) : e.type !== undefined;
}

/** The lost number at a place gets a second name: an unknown that both stand for from here on. */
export function shared(w: World, st: State, place: string | undefined): Value {
  if (place === undefined) return TOP;
  const v = w.values.unknown(`${SHARED}${place};`);
  // What a round of a loop before has called so is another number.
  for (const [at, held] of [...st.store]) if (held.key.includes(v.key)) st.store.set(at, TOP);
  st.facts.keep(({ text }) => !text.includes(v.key));
  st.equal.keep(({ text }) => !text.includes(v.key));
  st.store.set(place, v);
  return v;
}

/**
 * What a member held before a few were added to it: `obj->n += got` counts what `obj` has got, and whoever made it began
 * with 0. Undefined for anything else.
 */
export function startOfSum(v: Value): Sym | undefined {
  if (v.t !== 'sym' || v.op !== '+') return undefined;
  const [a, b] = v.args ?? [];
  const few = b?.t === 'int' && b.n >= 0 && b.n <= 3;
  return few && a?.t === 'sym' && a.place?.includes('.') === true && isPlainUnknown(a) ? a : undefined;
}

/** Locals that say how many entries an array has, by function. */
const lengths = new WeakMap<FunctionIr, ReadonlySet<string>>();

/** Functions that allocate an array, and are given the number of its entries first. */
const ALLOCATES_ARRAY = /^(?:k|v|kv)(?:calloc|malloc_array)(?:_node)?$/;

/**
 * Whether a condition asks if the length of an array is 0, `if (num_pages)`, of which the path knows nothing more than that
 * it is a sum: with pages at hand it is not 0, as no other unknown count is.
 */
export function isLengthInUse(ir: FunctionIr, st: State, e: Expr, v: Value): boolean {
  const asked =
    e.k === 'binary' && (e.op === '>' || e.op === '!=') && e.r.k === 'num' && e.r.n === 0 ? e.l : e;
  if (asked.k !== 'var' || !asked.local || !isSum(v) || !st.holdsPages()) return false;
  let known = lengths.get(ir);
  if (known === undefined) {
    known = new Set(
      ir.calls.flatMap(({ fn, args }) => (ALLOCATES_ARRAY.test(fn ?? '') ? nameOf(args[0]!) : [])),
    );
    lengths.set(ir, known);
  }
  return known.has(asked.name);
}

function isSum(v: Value): boolean {
  if (v.t === 'top') return true;
  return v.t === 'sym' && (v.op === '+' || (/^(?:>|!=)$/.test(v.op ?? '') && isSum(v.args![0]!)));
}
