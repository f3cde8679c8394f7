/** Where lvalues stand, and what it takes to write there. */
import type { Assign, Member, Step } from '../lower/ir.ts';
import { asAddress, elementPlace, elsewhere, reachableSets, somewhere } from '../state/places.ts';
import { NUMBER_KEPT, type State, UNKNOWN_PLACE } from '../state/state.ts';
import { isPageRef, type PageRef, TOP, type Value } from '../state/value.ts';
import { touch } from './touch.ts';
import type { Frame, World } from './world.ts';

/** Where an lvalue stands: a place, an element of unknown offset, a page's data, or nowhere that is told apart. */
export type Where =
  | { readonly in: 'place'; readonly place: string; readonly array: boolean }
  | { readonly in: 'object'; readonly base: string; readonly element?: string | undefined }
  | { readonly in: 'data'; readonly ref: PageRef }
  | { readonly in: 'nowhere' };

export const NOWHERE: Where = { in: 'nowhere' };

/** Where a member of what stands there is. */
export function memberOf(w: World, f: Frame, st: State, at: Where, e: Member): Where {
  if (at.in === 'data') return at;
  const isElement = at.in === 'object' && at.element !== undefined;
  const object = at.in === 'place' ? at.place : isElement ? `${at.base}[${at.element}]` : undefined;
  const own = object === undefined ? undefined : `${object}.${e.name}`;
  const place = w.fields === undefined ? own : w.fields.located(f.ir, st, e, own);
  return place === undefined ? NOWHERE : { in: 'place', place, array: e.array ?? false };
}

/** What an address leads to, `by` elements further on; null where that number is not known. */
export function pointee(v: Value, by: number | null): Where {
  if (v.t === 'data') return { in: 'data', ref: v };
  const address = asAddress(v);
  if (address === undefined) return NOWHERE;
  if (address.off === null || by === null)
    return { in: 'object', base: address.base, element: address.element };
  return { in: 'place', place: elementPlace(address.base, address.off + by), array: false };
}

/** The address of an element whose index is one certain unknown; any other base as it is. */
export function elementOf(w: World, base: Value, index: Value): Value {
  const address = index.t === 'sym' ? asAddress(base) : undefined;
  return address?.off === 0 && index.t === 'sym' ? w.values.element(address.base, index) : base;
}

/** Writes a value there. */
export function store(w: World, f: Frame, st: State, at: Where, v: Value, e: Assign | Step): void {
  const target = e.k === 'assign' ? e.l : e.e;
  switch (at.in) {
    case 'place': {
      const untracked = target.k === 'var' && target.local && !f.facts.tracked.has(target.name);
      const interesting = v.t === 'page' || v.t === 'data' || v.t === 'handle' || v.t === 'ptr';
      st.store.set(at.place, untracked && !interesting ? TOP : v);
      return;
    }
    case 'object':
      if (isPageRef(v)) st.store.set(somewhere(at.base, v.set), v);
      else if (asAddress(v) !== undefined) st.store.set(somewhere(at.base, v.key), v);
      return;
    case 'data':
      touch(w, f, st, at.ref, 'write', e, true);
      return;
    case 'nowhere':
      // Who can reach the place can reach the pages, and whatever is put into the object later.
      for (const id of reachableSets(st, [v], () => false)) {
        const isNumber = isPageRef(v) && v.t !== 'page';
        if (!isNumber || st.sets.get(id)?.escaped === undefined)
          st.update(id, { escaped: isNumber ? NUMBER_KEPT : UNKNOWN_PLACE });
      }
      if (asAddress(v) !== undefined) st.store.set(elsewhere(v.key), v);
      return;
  }
}
