/** Objects that somebody else writes to: what was known of their content is known no more. */
import type { Call } from '../lower/ir.ts';
import { asAddress, blank, elementPlace, filled } from '../state/places.ts';
import type { State } from '../state/state.ts';
import { isPageRef, type Sym, TOP, type Value } from '../state/value.ts';
import type { Frame, World } from './world.ts';

/**
 * Somebody may have written anything into an object whose address he got; pages in it are kept as they are. What a
 * member holds from there on is a new unknown, so that a path that asks for it twice gets the same answer.
 */
export function forgetObject(w: World, f: Frame, st: State, e: Call, v: Value): void {
  const address = asAddress(v);
  if (address === undefined) return;
  const whole = elementPlace(address.base, 0);
  const { store } = st;
  for (let i = 0; i < store.size; i++) {
    const held = store.valueAt(i);
    const place = store.keyAt(i).text;
    if (held === TOP || isPageRef(held) || !isInside(place, whole, address.base)) continue;
    store.set(place, MEMBER.test(place) ? changed(w, f, st, e, place) : TOP);
  }
  if (v.t === 'ptr' && v.base.startsWith('&') && !st.store.has(whole)) st.store.set(whole, TOP);
  const marker = filled(address.base);
  if (marker !== undefined) st.store.set(marker, TOP);
}

/** Whether a call makes a whole object zero: `memset(object, 0, sizeof(*object))`. */
export function zeroes(w: World, { fn, args }: Call, values: readonly Value[]): boolean {
  const [, byte] = values;
  const size = args[2];
  if (fn !== 'memset' || size === undefined) return false;
  return byte?.t === 'int' && byte.n === 0 && w.text.startsWith('sizeof', size.start);
}

/** Every member of the object at `v` is zero from here on; pages in it are kept as they are. */
export function zeroObject(w: World, st: State, v: Value): void {
  const address = asAddress(v);
  if (address === undefined) return;
  const whole = elementPlace(address.base, 0);
  const zero = w.values.int(0);
  const { store } = st;
  for (let i = 0; i < store.size; i++) {
    const place = store.keyAt(i).text;
    if (!isPageRef(store.valueAt(i)) && MEMBER.test(place) && place.startsWith(`${whole}.`))
      store.set(place, zero);
  }
  store.set(blank(whole), zero);
}

/** A place in a member of an object. */
export const MEMBER = /\.\w+$/;

/** What may have been put there; in a loop's second round it has no identity. */
function changed(w: World, f: Frame, st: State, e: Call, place: string): Value {
  const v = w.values.unknown(`${f.name}#${e.site}~${w.values.names.of(place).id};`);
  return mentions(st, v) ? TOP : v;
}

/** The object at `base` starts at the place `whole`. */
function isInside(place: string, whole: string, base: string): boolean {
  if (place.startsWith(whole) && (place.length === whole.length || place[whole.length] === '.')) return true;
  return place.startsWith(base) && place[base.length] === '[';
}

/** Whether anything that a path knows is about the result of a call. */
export function mentions(st: State, { key }: Sym): boolean {
  const { facts } = st;
  for (let i = 0; i < facts.size; i++) if (facts.keyAt(i).results.includes(key)) return true;
  return st.mentions(key);
}
