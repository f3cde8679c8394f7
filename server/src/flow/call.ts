/** Calls: acquire, known kernel helper, function of the same file, or unknown. */
import { acquire } from './acquire.ts';
import { callThroughTable, doubtDevices } from './device.ts';
import { applyEffects } from './effect.ts';
import type { Call } from './ir.ts';
import { acquireFromIterator } from './iter.ts';
import { ACQUIRES, isOfIterator } from './kernel/acquire.ts';
import { effectsOf } from './kernel/effects.ts';
import { ALLOCATED, asAddress, elementPlace, reachableSets, ZEROED } from './places.ts';
import type { State } from './state.ts';
import { touch } from './touch.ts';
import { isPageRef, type Sym, TOP, type Value } from './value.ts';
import type { Frame, Outcome, World } from './world.ts';

/** Runs a call whose arguments have been evaluated to `args`. */
export function call(w: World, f: Frame, st: State, e: Call, args: readonly Value[]): Outcome[] {
  const { fn } = e;
  // A driver's own function of that name is that function; in a header it is the kernel's own, or a twin of it.
  const helper = fn === undefined ? undefined : effectsOf(fn);
  if (fn !== undefined && w.defines(fn) && !(w.isHeader && helper !== undefined)) {
    const concerns = w.handsOver(fn) || receivesPages(st, args) || (w.readsHeld?.(fn) ?? false);
    const outcomes = concerns ? w.enter(f, e, args, st) : undefined;
    if (outcomes !== undefined) return outcomes;
    if (w.isInert(fn)) return [{ st, v: result(w, f, st, e) }];
    return [unknown(w, f, st, e, args)];
  }
  const model = fn === undefined ? undefined : ACQUIRES.get(fn);
  if (model !== undefined)
    return isOfIterator(model)
      ? acquireFromIterator(w, f, st, e, model, args)
      : acquire(w, f, st, e, model, args);
  if (helper !== undefined)
    return applyEffects(w, f, st, e, helper, args) ?? [{ st, v: result(w, f, st, e) }];
  return callThroughTable(w, f, st, e, args) ?? [unknown(w, f, st, e, args)];
}

function receivesPages(st: State, args: readonly Value[]): boolean {
  return st.sets.size > 0 && reachableSets(st, args, () => false).size > 0;
}

/**
 * A callee that is not seen. Pages that it can reach may have been taken over by it, or released; data that it is given
 * may be written. A variable whose address it gets is unknown afterwards.
 */
function unknown(w: World, f: Frame, st: State, e: Call, args: readonly Value[]): Outcome {
  const pages = args.filter((a) => a.t === 'page' || a.t === 'ptr' || a.t === 'sym');
  const reached = reachableSets(st, pages, () => false);
  for (const id of reached) st.update(id, { escaped: e.fn ?? 'a callback' });
  doubtDevices(st, e.fn, reached);
  for (const a of args) {
    if (isPageRef(a) && a.t === 'data') touch(w, f, st, a, 'write', e, false);
    forgetObject(st, a);
  }
  return { st, v: result(w, f, st, e) };
}

/** The callee may have written anything into an object whose address it got; pages in it are kept as they are. */
function forgetObject(st: State, v: Value): void {
  const address = asAddress(v);
  if (address === undefined) return;
  const whole = elementPlace(address.base, 0);
  const { store } = st;
  for (let i = 0; i < store.size; i++) {
    const held = store.valueAt(i);
    const place = store.keyAt(i).text;
    if (held === TOP || isPageRef(held) || !isInside(place, whole, address.base)) continue;
    store.set(place, TOP);
  }
  if (v.t === 'ptr' && v.base.startsWith('&') && !st.store.has(whole)) st.store.set(whole, TOP);
}

/** The object at `base` starts at the place `whole`. */
function isInside(place: string, whole: string, base: string): boolean {
  if (place.startsWith(whole) && (place.length === whole.length || place[whole.length] === '.')) return true;
  return place.startsWith(base) && place[base.length] === '[';
}

/** Allocations: their result is an object that nobody else knows. */
const ALLOCATES = /alloc|memdup|get_(free|zeroed)_page/;

/** A fresh unknown for a call's result; a second one for a loop's second round, then none with an identity. */
function result(w: World, f: Frame, st: State, e: Call): Value {
  const allocates = e.fn !== undefined && ALLOCATES.test(e.fn);
  const fresh = !allocates ? '' : /zalloc|calloc|zeroed/.test(e.fn ?? '') ? ZEROED : ALLOCATED;
  for (const round of [1, 2]) {
    const v = w.values.unknown(`${fresh}${f.name}#${e.site}.${round};`);
    if (!mentions(st, v)) return v;
  }
  return TOP;
}

function mentions(st: State, { key }: Sym): boolean {
  const { facts } = st;
  for (let i = 0; i < facts.size; i++) if (facts.keyAt(i).results.includes(key)) return true;
  return st.mentions(key);
}
