/** What known kernel helpers do to a state. */
import { type Effect, releaseOf } from '../kernel/effects.ts';
import { EFAULT, MAX_ERRNO } from '../lower/constants.ts';
import type { Call } from '../lower/ir.ts';
import { oneLine } from '../lower/ir.ts';
import { isErrno, truth } from '../state/arithmetic.ts';
import { rounded } from '../state/bytes.ts';
import { learn } from '../state/learn.ts';
import { allocationOf } from '../state/names.ts';
import {
  ALLOCATED,
  asAddress,
  elementPlace,
  elsewhere,
  pagesIn,
  readAround,
  readSomewhere,
  somewhere,
} from '../state/places.ts';
import type { Slot, State } from '../state/state.ts';
import { asUnfilled, isPageRef, type PageRef, TOP, type Value } from '../state/value.ts';
import { copyObject } from './copy.ts';
import { applyDevice } from './device.ts';
import { forgetObject, zeroes, zeroObject } from './forget.ts';
import { freeMemory } from './free.ts';
import { askIterator, setIterator } from './iter-kind.ts';
import type { ReleaseObservation } from './observation.ts';
import { slotsOf, touch } from './touch.ts';
import { observeUnfilled } from './unfilled.ts';
import type { Frame, Outcome, World } from './world.ts';

type Release = ReleaseObservation['effect'];
type MakeDirty = ReleaseObservation['makeDirty'];

/**
 * Applies the effects of a helper in order. The value is that of the last effect that has one; undefined where the
 * helper's result is not modelled.
 */
export function applyEffects(
  w: World,
  f: Frame,
  st: State,
  e: Call,
  effects: readonly Effect[],
  args: readonly Value[],
): Outcome[] | undefined {
  let v: Value | undefined;
  const failed = effects.at(-1)?.does === 'status' ? st.clone() : undefined;
  for (const effect of effects) {
    if (failed !== undefined && effect.does === 'status')
      return [
        { st, v: w.values.int(0) },
        { st: failed, v: w.values.int(-EFAULT) },
      ];
    observeUnfilled(w, f, st, e, effect, args);
    const got = apply(w, f, st, e, effect, args);
    if (Array.isArray(got)) return got;
    v = got ?? v;
  }
  return v === undefined ? undefined : [{ st, v }];
}

/** The address that is freed: who looks for an object may know it better than the path does. */
function freed(w: World, f: Frame, st: State, e: Call, i: number, args: readonly Value[]): Value {
  const v = args[i] ?? TOP;
  return w.fields?.frees?.(f.ir, st, e.args[i], v) ?? v;
}

function apply(
  w: World,
  f: Frame,
  st: State,
  e: Call,
  effect: Effect,
  args: readonly Value[],
): Value | Outcome[] | undefined {
  const arg = (i: number): Value => args[i] ?? TOP;
  switch (effect.does) {
    case 'release':
      releaseOne(w, f, st, e, effect, args);
      return w.values.int(0);
    case 'release-array':
      releaseArray(w, f, st, e, effect, args);
      return w.values.int(0);
    case 'dirty':
      dirty(w, f, st, e, arg(effect.page), effect.locked);
      return undefined;
    case 'map':
      expose(st, arg(effect.page), e);
      return convertRef(w, arg(effect.page), 'data');
    case 'map-array': {
      const some = somePage(w, st, arg(effect.pages));
      if (some === undefined) return TOP;
      const failed = st.clone();
      expose(st, some, e);
      return [
        { st, v: w.values.ref('data', some.set, null) },
        { st: failed, v: w.values.int(0) },
      ];
    }
    case 'read':
    case 'write': {
      const data = arg(effect.data);
      if (data.t === 'data') touch(w, f, st, data, effect.does, e, true);
      else if (effect.does === 'write' && FILLS.test(e.fn ?? '')) {
        forgetObject(w, f, st, e, data);
        if (COPIES.test(e.fn ?? '')) copyPages(w, st, e, data, arg(1));
      } else if (zeroes(w, e, args)) zeroObject(w, st, data);
      return undefined;
    }
    case 'read-page':
    case 'write-page': {
      const page = arg(effect.page);
      if (page.t === 'page') touch(w, f, st, page, effect.does === 'read-page' ? 'read' : 'write', e, true);
      return undefined;
    }
    case 'same':
      return arg(effect.arg);
    case 'handle':
      expose(st, arg(effect.arg), e);
      return convertRef(w, arg(effect.arg), 'handle');
    case 'renumber': {
      const handle = arg(effect.arg);
      return isPageRef(handle) ? handle : undefined;
    }
    case 'known-of-page':
      return isPageRef(arg(effect.arg)) ? w.values.int(effect.value) : undefined;
    case 'page-of':
      return convertRef(w, inList(w, st, arg(effect.arg)), 'page');
    case 'extra-ref': {
      // A second reference of the driver's own: which release belongs to which is not told apart.
      const page = arg(effect.page);
      if (page.t === 'page') markUnsure(st, page.set);
      return undefined;
    }
    case 'take-over': {
      const page = arg(effect.page);
      if (isPageRef(page)) st.update(page.set, { escaped: e.fn });
      return undefined;
    }
    case 'keep': {
      const object = arg(effect.object);
      if (isPageRef(object) || asAddress(object) !== undefined) st.store.set(elsewhere(object.key), object);
      return undefined;
    }
    case 'free':
      freeMemory(st, freed(w, f, st, e, effect.memory, args), e, w.fields?.isIdle?.(st));
      return undefined;
    case 'page-lock':
    case 'page-unlock':
      lockPage(st, arg(effect.page), effect.does === 'page-lock');
      return undefined;
    case 'mmap-lock':
      return undefined;
    case 'mmap-unlock':
      for (const id of [...st.sets.keys()]) st.update(id, { underLock: false });
      return undefined;
    case 'is-user-backed':
    case 'is-kernel-backed':
      return askIterator(w, st, effect);
    case 'user-iterator':
    case 'kernel-iterator':
      setIterator(st, effect.does === 'user-iterator');
      return undefined;
    case 'round':
      return rounded(w.values, effect.how, args);
    case 'err-ptr':
    case 'ptr-err':
      return arg(effect.arg);
    case 'is-err':
    case 'is-err-or-null':
      return isError(w, st, arg(effect.arg), effect.does === 'is-err-or-null');
    case 'min':
    case 'max':
      return smaller(w, args.slice(-2), effect.does);
    case 'truth': {
      const t = truth(arg(0));
      return t === undefined ? arg(0) : w.values.int(t ? 1 : 0);
    }
    default:
      return applyDevice(w, f, st, e, effect, args);
  }
}

/** Helpers that fill an object with what a path knows nothing of. */
const FILLS = /^_*(copy_from_|memcpy|memmove|get_random_)/;

/** Those of them that copy from an object of the kernel's. */
const COPIES = /^_*mem(cpy|move)$/;

/** Pages that stand in the array `from`, or in members of an object there, stand in the one at `to` as well. */
function copyPages(w: World, st: State, e: Call, to: Value, from: Value): void {
  const source = isPageRef(from) ? undefined : asAddress(from);
  const sets = new Set(
    source === undefined ? [] : pagesIn(st, source.base).flatMap(({ v }) => (isPageRef(v) ? [v.set] : [])),
  );
  const target = asAddress(to);
  for (const set of sets) {
    if (target === undefined) st.update(set, { escaped: e.fn });
    else st.store.set(somewhere(target.base, set), w.values.ref('page', set, null));
  }
  if (source?.off === 0) copyObject(st, elementPlace(source.base, 0), target && wholePlace(target));
}

/** The place of the object at an address. */
function wholePlace({ base, off }: NonNullable<ReturnType<typeof asAddress>>): string | undefined {
  return off === null ? undefined : elementPlace(base, off);
}

/** Somebody can get at the data of the page from here on: by an address, or by its number. */
function expose(st: State, v: Value, { start, end }: Call): void {
  if (isPageRef(v)) st.update(v.set, { exposed: { start, end } });
}

/** An entry of a scatterlist stands for one of the pages in the list. */
function inList(w: World, st: State, v: Value): Value {
  const address = isPageRef(v) ? undefined : asAddress(v);
  if (address === undefined) return v;
  // A page iterator leads to the entry that it has reached.
  const reached = address.off === null ? undefined : st.store.get(elementPlace(address.base, address.off));
  const base = (reached === undefined ? undefined : asAddress(reached)?.base) ?? address.base;
  const some = readAround(st, w.values, base);
  return some === undefined ? v : w.values.ref('handle', some.set, null);
}

/** Another name for a page. Of an unknown page it is the same unknown: who reaches the one reaches the other. */
function convertRef(w: World, v: Value, to: PageRef['t']): Value {
  if (isPageRef(v)) return w.values.ref(to, v.set, v.slot);
  return v.t === 'sym' ? v : TOP;
}

function isError(w: World, st: State, v: Value, orNull: boolean): Value | Outcome[] {
  if (v.t === 'int') return w.values.int((v.n < 0 && v.n >= -MAX_ERRNO) || (orNull && v.n === 0) ? 1 : 0);
  if (v.t !== 'sym' && v.t !== 'top') return w.values.int(0);
  // Memory that this path allocated and found not to be NULL is no error pointer.
  if (v.t === 'sym' && v.key.startsWith(`@${ALLOCATED}`) && st.facts.get(v.key)) return w.values.int(0);
  const failed = st.clone();
  st.foundFilled(v);
  if (v.t === 'sym') learn(failed, w.values, v, -EFAULT);
  return [
    { st, v: w.values.int(0) },
    { st: failed, v: w.values.int(1) },
  ];
}

/** min() or max() of two counts: of 1 and a count that is not known, which is no less, min() is 1. */
function smaller(w: World, pair: readonly Value[], which: 'min' | 'max'): Value | undefined {
  const [a, b] = pair;
  if (a?.t === 'int' && b?.t === 'int')
    return w.values.int(which === 'min' ? Math.min(a.n, b.n) : Math.max(a.n, b.n));
  const known = a?.t === 'int' ? a : b;
  return which === 'min' && known?.t === 'int' && known.n <= 1 ? known : undefined;
}

function somePage(w: World, st: State, array: Value): PageRef | undefined {
  const address = asAddress(array);
  if (address === undefined) return undefined;
  const v = readSomewhere(st, w.values, address.base);
  return isPageRef(v) ? v : undefined;
}

/** Of a page that is not told apart any may be locked; unlocking it says nothing of the others. */
function lockPage(st: State, page: Value, locked: boolean): void {
  if (isPageRef(page)) st.update(page.set, { pageLocked: locked });
  else if (locked) for (const id of [...st.sets.keys()]) st.update(id, { pageLocked: true });
}

function dirty(w: World, f: Frame, st: State, e: Call, page: Value, locked: boolean): void {
  if (page.t !== 'page') return;
  const set = st.sets.get(page.set);
  if (set === undefined) return;
  st.update(page.set, { dirtied: locked ? 'locked' : 'unlocked' });
  st.record({
    set: page.set,
    step: { op: 'dirty', locked, ...slotsOf(st, page) },
    range: { start: e.start, end: e.end },
    text: oneLine(w.text, e),
    within: f.within,
  });
  const { path } = st;
  w.observe({ what: 'dirty', call: e, locked, set, slot: page.slot, path, within: f.within });
}

function releaseOne(
  w: World,
  f: Frame,
  st: State,
  e: Call,
  effect: Extract<Release, { does: 'release' }>,
  args: readonly Value[],
): void {
  const page = args[effect.page] ?? TOP;
  if (page.t === 'int') return;
  // A page of the function's own is none that it acquired.
  if (page.t === 'sym' && allocationOf(page.key) !== undefined) return;
  if (page.t !== 'page') {
    const never = asUnfilled(page);
    if (never === undefined) releaseUnknown(st, effect.api === '__free_page');
    else recordUnfilled(w, f, st, e, effect, never, 1);
    return;
  }
  // A number of pins that was computed: a folio's pins are alike, whichever of its pages they were taken for.
  const count = effect.count === undefined ? undefined : e.args[effect.count];
  const all = effect.count !== undefined && !(count?.k === 'num' && count.n === 1);
  record(w, f, st, e, effect, w.values.ref('page', page.set, all ? null : page.slot), dirties(effect, args));
}

function releaseArray(
  w: World,
  f: Frame,
  st: State,
  e: Call,
  effect: Extract<Release, { does: 'release-array' }>,
  args: readonly Value[],
): void {
  const pages = args[effect.pages] ?? TOP;
  const count = args[effect.count] ?? TOP;
  if (count.t === 'int' && count.n <= 0) {
    if (isErrno(count.n)) releaseNegative(w, f, st, e, effect, pages, count.n);
    return;
  }
  const address = asAddress(pages);
  const inside = address === undefined ? [] : pagesIn(st, address.base);
  const first = address?.off == null ? undefined : st.store.get(elementPlace(address.base, address.off));
  const nothing = first !== undefined && asUnfilled(first) !== undefined;
  if (address === undefined || (inside.length === 0 && !nothing)) {
    releaseUnknown(st);
    return;
  }
  const released = new Set<string>();
  const makeDirty = dirties(effect, args);
  if (count.t === 'int' && address.off !== null && count.n <= 4) {
    for (let i = 0; i < count.n; i++) {
      const v = st.store.get(elementPlace(address.base, address.off + i));
      const never = v === undefined ? undefined : asUnfilled(v);
      if (never !== undefined) recordUnfilled(w, f, st, e, effect, never, 1);
      if (v !== undefined && v.t === 'page' && !released.has(v.key)) {
        released.add(v.key);
        record(w, f, st, e, effect, v, makeDirty);
      }
    }
    for (const p of inside) if (p.off === null && isPageRef(p.v)) markUnsure(st, p.v.set);
    return;
  }
  for (const { v } of inside) {
    if (!isPageRef(v) || released.has(v.set)) continue;
    released.add(v.set);
    record(w, f, st, e, effect, w.values.ref('page', v.set, null), makeDirty, true);
  }
}

/** A count of -errno: unpin_user_pages() warns, with make_dirty the loop runs off the array; release_pages() does nothing. */
function releaseNegative(
  w: World,
  f: Frame,
  st: State,
  e: Call,
  effect: Extract<Release, { does: 'release-array' }>,
  pages: Value,
  count: number,
): void {
  if (effect.api === 'release_pages') return;
  const address = asAddress(pages);
  if (address?.off == null) return;
  const never = asUnfilled(st.store.get(elementPlace(address.base, address.off)) ?? TOP);
  if (never !== undefined) recordUnfilled(w, f, st, e, effect, never, count);
}

function recordUnfilled(
  w: World,
  f: Frame,
  st: State,
  e: Call,
  effect: Release,
  at: { readonly set: string; readonly slot: number },
  count: number,
): void {
  const set = st.sets.get(at.set);
  if (set === undefined) return;
  const { slot } = at;
  st.record({
    set: at.set,
    step: { op: 'release', api: effect.api, set: 0, from: slot, count },
    range: { start: e.start, end: e.end },
    text: oneLine(w.text, e),
    within: f.within,
  });
  const { path } = st;
  w.observe({ what: 'unfilled', call: e, effect, set, slot, count, path, within: f.within });
}

function dirties(effect: Release, args: readonly Value[]): MakeDirty {
  if (effect.dirty === undefined) return 'no';
  // Of 5.2 and 5.3: without the argument it marks them in any case.
  if (effect.dirty >= args.length) return 'yes';
  const known = truth(args[effect.dirty]!);
  return known === undefined ? 'maybe' : known ? 'yes' : 'no';
}

/** Releases through a reference: one slot, or (`whole`) every held one, or one that is not told apart. */
function record(
  w: World,
  f: Frame,
  st: State,
  e: Call,
  effect: Release,
  ref: PageRef,
  makeDirty: MakeDirty,
  whole = false,
): void {
  const set = st.sets.get(ref.set);
  if (set === undefined) return;
  const api = releaseOf(effect, e.fn, set.kind);
  const slots = slotsOf(st, ref);
  const marks = makeDirty !== 'no';
  const at = {
    set: ref.set,
    range: { start: e.start, end: e.end },
    text: oneLine(w.text, e),
    within: f.within,
  };
  if (api === effect.api)
    st.record({ ...at, step: { op: 'release', api, ...slots, ...(marks && { makeDirty: true }) } });
  else {
    if (marks) st.record({ ...at, step: { op: 'dirty', locked: true, ...slots } });
    st.record({ ...at, step: { op: 'release', api, ...slots } });
  }
  const { slot } = ref;
  const { path } = st;
  const done = { ...effect, api };
  w.observe({ what: 'release', call: e, effect: done, set, slot, makeDirty, path, within: f.within });
  const next = set.slots.map((slot, i): Slot => {
    if (slot === 'empty') return slot;
    if (ref.slot === i || (ref.slot === null && (whole || set.slots.length === 1))) return 'released';
    return ref.slot === null && slot === 'held' ? 'unsure' : slot;
  });
  st.update(ref.set, {
    slots: next,
    guessed: set.guessed || slot === null,
    ...(makeDirty === 'no' ? {} : { dirtied: 'locked' as const }),
  });
}

/** Pages that are not told apart are released: any that are held may be among them, but pins are not freed. */
function releaseUnknown(st: State, freed = false): void {
  for (const [id, { kind }] of st.sets) if (!freed || kind === 'get') markUnsure(st, id);
}

function markUnsure(st: State, id: string): void {
  const set = st.sets.get(id);
  if (set === undefined) return;
  st.update(id, { slots: set.slots.map((s) => (s === 'held' ? 'unsure' : s)), guessed: true });
}
