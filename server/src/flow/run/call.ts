/** Calls: acquire, known kernel helper, function of the same file, or unknown. */
import { ACQUIRES, isOfIterator } from '../kernel/acquire.ts';
import { effectsOf, freesByName } from '../kernel/effects.ts';
import { EFAULT } from '../lower/constants.ts';
import type { Call } from '../lower/ir.ts';
import { isErrno } from '../state/arithmetic.ts';
import {
  ALLOCATED,
  elsewhere,
  isPageArray,
  reachableSets,
  reachesUnfilled,
  ZEROED,
} from '../state/places.ts';
import { CALLBACK, type State } from '../state/state.ts';
import { isPageRef, TOP, type Value } from '../state/value.ts';
import { acquire } from './acquire.ts';
import { callThroughTable, doubtDevices, leadsToList } from './device.ts';
import { applyEffects } from './effect.ts';
import { forgetObject, MEMBER, mentions } from './forget.ts';
import { freeArray } from './free.ts';
import { acquireFromIterator } from './iter.ts';
import { touch } from './touch.ts';
import type { Frame, Outcome, World } from './world.ts';

/** Runs a call whose arguments have been evaluated to `args`. */
export function call(w: World, f: Frame, st: State, e: Call, args: readonly Value[]): Outcome[] {
  const { fn } = e;
  // A driver's own function of that name is that function; in a header it is the kernel's own, or a twin of it.
  const helper = fn === undefined ? undefined : effectsOf(fn);
  if (fn !== undefined && w.defines(fn) && !(w.isHeader && helper !== undefined)) {
    const concerns =
      w.handsOver(fn) ||
      receivesPages(st, args) ||
      (w.readsHeld?.(fn) ?? false) ||
      (receivesError(st, args) && !w.isInert(fn)) ||
      // What is asked about numbers that are known has an answer: `if (!got_all(got, n))`.
      (args.length > 0 && args.every((a) => a.t === 'int') && w.isInert(fn)) ||
      // What it puts into an object, or asks of it, may be asked for again.
      w.isAccessor(fn) ||
      (w.releases(fn) &&
        (args.some((a) => isUnknown(a) && st.holdsPages()) ||
          reachesUnfilled(st, args) ||
          heldByVariable(st)));
    const outcomes = concerns ? w.enter(f, e, args, st) : undefined;
    if (outcomes !== undefined) return outcomes;
    if (w.isInert(fn)) return [{ st, v: computed(w, fn, args) ?? result(w, f, st, e) }];
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

/** Perhaps a page that is held. */
function isUnknown(v: Value): boolean {
  return v.t === 'top' || (v.t === 'sym' && v.op === undefined);
}

function receivesPages(st: State, args: readonly Value[]): boolean {
  if (st.sets.size === 0) return false;
  return reachableSets(st, args, () => false).size > 0 || args.some((a) => leadsToList(st, a));
}

/** Pages are held to which a variable of the file leads: a function that is given nothing finds them there. */
function heldByVariable(st: State): boolean {
  return st.holdsPages() && reachableSets(st, [], isVariableOfFile).size > 0;
}

function isVariableOfFile(place: string): boolean {
  return /^[&*]*:(?!somewhere\b)/.test(place);
}

/** What an acquire returned when it failed is handed on where a count is meant, perhaps. */
function receivesError(st: State, args: readonly Value[]): boolean {
  return args.some((a) => a.t === 'int' && isErrno(a.n)) && st.hasUnfilled();
}

/**
 * A callee that is not seen. Pages that it can reach may have been taken over by it, or released; data that it is given
 * may be written, and the number of a page may be kept. A variable whose address it gets is unknown afterwards.
 */
function unknown(w: World, f: Frame, st: State, e: Call, args: readonly Value[]): Outcome {
  if (args[0] !== undefined && e.fn !== undefined && freesByName(e.fn) && isPageArray(st, args[0])) {
    // Without their number it can't release them.
    freeArray(st, args[0], e);
    return { st, v: TOP };
  }
  if (isLog(e)) return { st, v: TOP };
  const pages = args.filter((a) => a.t === 'page' || a.t === 'ptr' || a.t === 'sym');
  const reached = reachableSets(
    st,
    pages,
    () => false,
    (place) => isLocalData(st, place),
  );
  const mayTake = w.fields?.given?.(f.ir, st, e, args) ?? true;
  if (mayTake) for (const id of reached) st.update(id, { escaped: e.fn ?? CALLBACK });
  doubtDevices(st, e.fn, reached);
  for (const [i, a] of args.entries()) {
    if (isPageRef(a) && a.t === 'data') touch(w, f, st, a, 'write', e, false);
    if (a.t === 'handle' && !asks(w, e.fn)) st.store.set(elsewhere(a.key), a);
    if (!isSpared(w, e.fn, i)) forgetObject(w, f, st, e, a);
  }
  allocateInto(w, f, st, e, args);
  return { st, v: result(w, f, st, e) };
}

/** A function of the file that only asks the object about something, or does not look at it, leaves it as it is. */
function isSpared(w: World, fn: string | undefined, position: number): boolean {
  return fn !== undefined && w.defines(fn) && w.spares(fn, position);
}

/** The address of the data in a local variable: who is given that gets at the data, as one does who is given the address. */
function isLocalData(st: State, place: string): boolean {
  return /^\d\w*:/.test(place) && st.store.get(place)?.t === 'data';
}

/** What a driver calls its own printing: `my_err(dev, "no pages\n")`. */
function isLog({ fn = '', args }: Call): boolean {
  return LOG.test(fn) && args.some(({ k }) => k === 'str');
}

const LOG =
  /(?:^|_)(?:err|error|warn|warning|info|notice|log|msg|message|printf?|printk|debug|dbg|trace|assert\w*)(?:_\w+)?$/i;

/** `my_alloc((void **)&pages, size)`: from here on the variable leads to memory that nobody else knows. */
function allocateInto(w: World, f: Frame, st: State, e: Call, args: readonly Value[]): void {
  if (e.fn === undefined || !ALLOCATES.test(e.fn)) return;
  const at = args.findIndex((a, i) => {
    if (a.t !== 'ptr' || a.off !== 0 || a.base[0] !== '&') return false;
    // A member may be something else that the function needs: a pool, a lock.
    return MEMBER.test(a.base) ? e.args[i]?.k === 'cast' : a.base.startsWith(`&${f.name}:`);
  });
  const variable = args[at];
  const place = variable?.t === 'ptr' ? variable.base.slice(1) : undefined;
  const held = place === undefined ? undefined : st.store.get(place);
  if (place === undefined || (held !== undefined && isPageRef(held))) return;
  if (MEMBER.test(place) || held === TOP) st.store.set(place, result(w, f, st, e));
}

/**
 * A function that by its name or its type only answers a question, such as pfn_is_ram(). Any other that is given the number or the
 * physical address of a page may keep it: page tables and indexes do, and the page is found again by it.
 */
function asks(w: World, fn: string | undefined): boolean {
  if (fn !== undefined && w.defines(fn) && w.isQuestion(fn)) return true;
  return fn !== undefined && /(^|_)(is|has|can|may|valid|check|test|contains)(_|$)/.test(fn);
}

/** Allocations: their result is an object that nobody else knows, but for what hangs on a bio from the start. */
const ALLOCATES = /(?<!^bio_integrity_)[aA]lloc|memdup|get_(free|zeroed)_page/;

/** The same unknown, wherever a function that only computes is given the same arguments. */
function computed(w: World, fn: string, args: readonly Value[]): Value | undefined {
  if (args.length === 0 || !args.every((a) => a.t === 'int' || a.t === 'sym') || !w.computes(fn))
    return undefined;
  const v = w.values.application(fn, args);
  return v === TOP ? undefined : v;
}

/** A fresh unknown for a call's result, or the error that it always is; a second one for a loop's second round, then none with an identity. */
function result(w: World, f: Frame, st: State, e: Call): Value {
  if (e.fn !== undefined && w.defines(e.fn) && w.alwaysFails(e.fn)) return w.values.int(-EFAULT);
  const allocates = e.fn !== undefined && ALLOCATES.test(e.fn);
  const fresh = !allocates ? '' : /zalloc|calloc|zeroed/.test(e.fn ?? '') ? ZEROED : ALLOCATED;
  for (const round of [1, 2]) {
    const v = w.values.unknown(`${fresh}${f.name}#${e.site}.${round};`);
    if (!mentions(st, v)) return v;
  }
  return TOP;
}
