/** Memory that is freed: what stood in it leads to no page any more. */
import type { Range } from '../../syntax/range.ts';
import { allocationOf } from '../state/names.ts';
import { ALLOCATED, asAddress, elsewhere, holdsReference, pagesIn } from '../state/places.ts';
import type { State } from '../state/state.ts';
import { isPageRef, type Value } from '../state/value.ts';

/** The array of pages at which a value points is freed. Nothing happens where it is none. */
export function freeArray(st: State, v: Value, at: Range): void {
  const address = asAddress(v);
  if (address?.off !== 0 || pagesIn(st, address.base).length === 0) return;
  const { base } = address;
  dropPages(
    st,
    at,
    (place) => place.startsWith(`${base}[`) && /^\[[^[\].]*\]$/.test(place.slice(base.length)),
  );
}

/**
 * The memory at which a value points is freed: an array of pages, or an object with pages in its members. What stands at
 * an `ignored` place leads nowhere.
 */
export function freeMemory(st: State, v: Value, at: Range, ignored?: (place: string) => boolean): void {
  freeArray(st, v, at);
  // Whoever frees an object has taken it out of its list.
  st.store.delete(elsewhere(v.key));
  const address = asAddress(v);
  if (address?.off !== 0 || address.base.startsWith('&')) return;
  const { base } = address;
  dropPages(
    st,
    at,
    (place) =>
      place.replace(/^&+/, '').startsWith(`${base}[`) || (place[0] === '(' && allocationOf(place) === base),
  );
  loseArrays(st, base, at, ignored);
}

/** Members of a freed object lead to their arrays no more: one that nothing else leads to is lost with its pages. */
function loseArrays(st: State, base: string, at: Range, ignored?: (place: string) => boolean): void {
  if (!holdsReference(st)) return;
  const allocated = new Set<string>();
  st.store.keep(({ text }, held) => {
    const isAllocated = held.t === 'sym' && held.key.startsWith(`@${ALLOCATED}`);
    if (!isAllocated || !text.startsWith(`${base}[`)) return true;
    allocated.add(held.key);
    return false;
  });
  // Arrays that stood in its members before.
  const isKnown = (array: string): boolean => {
    for (const [place, v] of st.store) if (v.key === array && ignored?.(place) !== true) return true;
    return false;
  };
  dropPages(st, at, (place) => {
    const array = /^(.*)\[[^[\].]*\]$/.exec(place)?.[1];
    if (array === undefined) return false;
    const isMember = place.startsWith(`*${base}[`) && /\.\w+$/.test(array);
    return (isMember || allocated.has(array)) && !isKnown(array);
  });
}

function dropPages(st: State, { start, end }: Range, isInside: (place: string) => boolean): void {
  const dropped = new Set<string>();
  st.store.keep(({ text }, held) => {
    if (!isPageRef(held) || !isInside(text)) return true;
    dropped.add(held.set);
    return false;
  });
  for (const set of dropped) st.update(set, { freed: { start, end } });
}
