/** Places: where a value is stored. A place is a text such as `0main:x`, `*0main:obj[0].pages`, `&0main:pages[1]`. */
import type { State } from './state.ts';
import { isPageRef, TOP, type Value, type Values } from './value.ts';

/** Place of element `off` of the object at `base`. */
export function elementPlace(base: string, off: number): string {
  return off === 0 && base.startsWith('&') ? base.slice(1) : `${base}[${off}]`;
}

/** Base and offset that a value points to; undefined where it is not an address that is told apart. */
export function asAddress(v: Value): { base: string; off: number | null } | undefined {
  if (v.t === 'ptr') return { base: v.base, off: v.off };
  if (v.t === 'sym') return { base: v.key, off: 0 };
  return undefined;
}

/** Content of a place; one that was never written holds its own unknown. */
export function read(st: State, values: Values, place: string): Value {
  return st.store.get(place) ?? values.initial(place);
}

/** Page references stored in elements of an object, by offset; `null` for an element of unknown offset. */
export function pagesIn(st: State, base: string): { off: number | null; v: Value }[] {
  const out: { off: number | null; v: Value }[] = [];
  for (const [place, v] of st.store) {
    if (!isPageRef(v)) continue;
    if (base.startsWith('&') && place === base.slice(1)) out.push({ off: 0, v });
    else if (place.startsWith(`${base}[`)) {
      const off = /^\[(\d+|\?)\]$/.exec(place.slice(base.length))?.[1];
      if (off !== undefined) out.push({ off: off === '?' ? null : Number(off), v });
    }
  }
  return out;
}

/** Content of an element of unknown offset: some page of the sets stored there, if they are of one set. */
export function readSomewhere(st: State, values: Values, base: string): Value {
  const sets = new Set<string>();
  let kind: 'page' | 'data' | 'handle' = 'page';
  for (const { v } of pagesIn(st, base)) {
    if (!isPageRef(v)) continue;
    sets.add(v.set);
    kind = v.t;
  }
  const [only] = sets;
  return sets.size === 1 && only !== undefined ? values.ref(kind, only, null) : TOP;
}

/**
 * Names of the page sets that can be reached from `roots`: directly, or through objects whose address is reachable.
 */
export function reachableSets(
  st: State,
  roots: readonly Value[],
  outlives: (place: string) => boolean,
): Set<string> {
  const sets = new Set<string>();
  const bases = new Set<string>();
  const visit = (v: Value): void => {
    if (isPageRef(v)) sets.add(v.set);
    const address = asAddress(v);
    if (address !== undefined) bases.add(address.base);
  };
  for (const v of roots) visit(v);
  for (let grew = true; grew; ) {
    const before = sets.size + bases.size;
    for (const [place, v] of st.store) {
      if (outlives(place) || isWithin(place, bases)) visit(v);
    }
    grew = sets.size + bases.size > before;
  }
  return sets;
}

/** Whether a place lies in one of the objects. */
function isWithin(place: string, bases: ReadonlySet<string>): boolean {
  for (const base of bases) {
    const object = base.startsWith('&') ? base.slice(1) : base;
    if (place === object || place.startsWith(`${base}[`)) return true;
    if (place.startsWith(`${object}[`) || place.startsWith(`${object}.`)) return true;
  }
  return false;
}
