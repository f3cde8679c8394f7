/**
 * Acquires from an iov_iter: lib/iov_iter.c. The result is in bytes, the first page may begin inside the buffer, and
 * what came is never more than asked for: pages = DIV_ROUND_UP(bytes + offset, PAGE_SIZE).
 */

import { formOf } from '../facts/form.ts';
import type { AcquireForm, AcquireModel } from '../kernel/acquire.ts';
import { EFAULT } from '../lower/constants.ts';
import type { Call } from '../lower/ir.ts';
import { PAGE_BYTES } from '../state/bytes.ts';
import { learn } from '../state/learn.ts';
import { ALLOCATED, asAddress, elementPlace, read } from '../state/places.ts';
import { type PageSet, type State, UNKNOWN_ARRAY } from '../state/state.ts';
import { TOP, type Value } from '../state/value.ts';
import { addSet, fillArray, type Seen } from './acquire.ts';
import { isKernelBacked, isUserBacked } from './iter-kind.ts';
import type { Frame, Outcome, World } from './world.ts';

/** Offset in the first page: a buffer seldom begins at one, and what goes wrong at 0 goes wrong here. */
const OFFSET = 512;

/** Runs the call: an error, nothing, one page or two. In later rounds of a loop an error, or all. */
export function acquireFromIterator(
  w: World,
  f: Frame,
  st: State,
  e: Call,
  model: AcquireModel,
  args: readonly Value[],
): Outcome[] {
  const form = formOf(model, e.args);
  const most = pageLimit(w, f, st, e, form, args);
  w.observe({
    what: 'acquire',
    call: e,
    model,
    form,
    flags: TOP,
    flagsExpr: undefined,
    nullPages: false,
    nr: most,
    within: f.ir.name,
  });
  const again = hasSet(st, `${f.name}#${e.site}.`);
  const outcomes: Outcome[] = [];
  const outcome = (s: State, nr: number, result: number, bytes: number): void => {
    take(w, f, s, form, args, { call: e, model, form, flags: TOP, nr, within: f.ir.name, result });
    outcomes.push({ st: s, v: w.values.int(bytes) });
  };
  if (most > 0) outcome(st.clone(), most, -EFAULT, -EFAULT);
  if (most === 0 || !again) outcome(st.clone(), most, 0, 0);
  const limit = byteLimit(form, e, args);
  const offsetAt = form?.bytes === undefined ? undefined : asAddress(args[form.bytes.offset] ?? TOP);
  const offset = offsetAt === undefined ? 0 : OFFSET;
  const all = Math.min(limit.bytes ?? Number.POSITIVE_INFINITY, most * PAGE_BYTES - offset);
  const nr = Math.ceil((all + offset) / PAGE_BYTES);
  for (let pages = again ? nr : 1; pages <= nr && nr > 0; pages++) {
    const s = st.clone();
    if (limit.unknown?.t === 'sym') learn(s, w.values, limit.unknown, all);
    if (offsetAt?.off != null) s.store.set(elementPlace(offsetAt.base, offsetAt.off), w.values.int(offset));
    outcome(s, nr, pages, Math.min(all, pages * PAGE_BYTES - offset));
  }
  return outcomes;
}

/** Whether the path has been here before. */
function hasSet(st: State, site: string): boolean {
  for (const id of st.sets.keys()) if (id.startsWith(site)) return true;
  return false;
}

/** The number of pages that the call may give at most: an unknown one becomes 2. */
function pageLimit(
  w: World,
  f: Frame,
  st: State,
  e: Call,
  form: AcquireForm | undefined,
  args: readonly Value[],
): number {
  if (form?.nr === undefined) return 2;
  const v = args[form.nr] ?? TOP;
  const expr = e.args[form.nr];
  // A macro is the size of an array, not a count that the path knows.
  if (expr?.k === 'var' && !expr.local) return 2;
  if (v.t === 'int') return Math.min(2, Math.max(0, v.n));
  if (v.t === 'sym') learn(st, w.values, v, 2);
  else if (expr?.k === 'var' && f.facts.tracked.has(expr.name))
    st.store.set(`${f.name}:${expr.name}`, w.values.int(2));
  return 2;
}

/** The number of bytes that the call may give at most, or the unknown that holds it. A macro is no limit (LONG_MAX). */
function byteLimit(
  form: AcquireForm | undefined,
  e: Call,
  args: readonly Value[],
): { readonly bytes?: number; readonly unknown?: Value } {
  const at = form?.bytes?.limit ?? -1;
  const v = args[at] ?? TOP;
  const expr = e.args[at];
  if (expr?.k === 'var' && !expr.local) return {};
  // Small numbers are counts of the small world, and stand for anything; negative ones are ~0U.
  if (v.t === 'int') return v.n > 3 ? { bytes: v.n } : {};
  return { unknown: v };
}

/** Adds what the call gave, where it can be found again. What the kernel's own iterator lists is not held. */
function take(
  w: World,
  f: Frame,
  st: State,
  form: AcquireForm | undefined,
  args: readonly Value[],
  seen: Seen,
): void {
  if (form === undefined) return;
  const place = args[form.pages] ?? TOP;
  if (seen.model.kind === 'pin' && isKernelBacked(st)) return;
  const set = addSet(w, f, st, seen);
  if (!isUserBacked(st) && isMaker(w)) st.update(set.id, { iterator: 'perhaps-kernel' });
  const base = form.list === undefined ? place : listAt(w, st, set, form.list, place);
  const address = base === undefined ? undefined : asAddress(base);
  if (address === undefined) {
    if (set.result > 0) st.update(set.id, { escaped: UNKNOWN_ARRAY });
    return;
  }
  fillArray(w, st, address.base, address.off, withResult(set));
}

/** Answers of the pattern below, which goes over a whole file, by run. */
const makers = new WeakMap<World, boolean>();

/** The iterator may well be of the kernel's memory, and a user's is none that this file makes. */
function isMaker(w: World): boolean {
  let makes = makers.get(w);
  if (makes === undefined) {
    makes = makesKernelIterators(w.text) && !MAKES_USER_ITERATOR.test(w.text);
    makers.set(w, makes);
  }
  return makes;
}

/** Whether a file makes iterators over the kernel's own memory. */
export function makesKernelIterators(text: string): boolean {
  return MAKES_KERNEL_ITERATOR.test(text);
}

const MAKES_KERNEL_ITERATOR = /\biov_iter_(kvec|bvec|xarray|folio_queue)\s*\(/;

/** Where a file makes both kinds, what it does holds for both. */
const MAKES_USER_ITERATOR =
  /\b(?:iov_iter_ubuf|iov_iter_init|import_ubuf|import_iovec|import_single_range)\s*\(/;

/** An error leaves the array alone: nothing says that an entry should have been filled. */
function withResult(set: PageSet): PageSet {
  return set.result > 0 ? set : { ...set, slots: [] };
}

/** The array to which `struct page ***pages` leads: the call's own where none is given. */
function listAt(
  w: World,
  st: State,
  { id, result }: PageSet,
  list: NonNullable<AcquireForm['list']>,
  pointer: Value,
): Value | undefined {
  const address = asAddress(pointer);
  if (address?.off == null) return undefined;
  const place = elementPlace(address.base, address.off);
  const given = read(st, w.values, place);
  const isNull = given.t === 'int' && given.n === 0;
  if (list === 'given' && !isNull && given.t !== 'top') return given;
  if (result <= 0) {
    if (list === 'allocated') st.store.set(place, w.values.int(0));
    return undefined;
  }
  // A helper that is called twice makes two.
  const array = w.values.unknown(`${ALLOCATED}${id}.pages;`);
  st.facts.set(array.key, true);
  st.store.set(place, array);
  return array;
}
