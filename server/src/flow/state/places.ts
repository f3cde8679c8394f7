/** Places: where a value is stored. A place is a text such as `0main:x`, `*0main:obj[0].pages`, `&0main:pages[1]`. */
import type { State } from './state.ts';
import { asUnfilled, isPageRef, type PageRef, TOP, type Value, type Values } from './value.ts';

/** Place of element `off` of the object at `base`. */
export function elementPlace(base: string, off: number): string {
  return off === 0 && base.startsWith('&') ? base.slice(1) : `${base}[${off}]`;
}

/** Elements further away are not told apart. */
const MAX_OFFSET = 4;

/** Base and offset that a value points to; undefined where it is not an address that is told apart. */
export function asAddress(
  v: Value,
): { base: string; off: number | null; element?: string | undefined } | undefined {
  if (v.t === 'ptr') return v;
  if (v.t !== 'sym') return undefined;
  const [a, b] = v.args ?? [];
  if ((v.op === '+' || v.op === '-') && a !== undefined && b?.t === 'int') {
    const inner = asAddress(a);
    if (inner?.off != null) {
      const off = v.op === '+' ? inner.off + b.n : inner.off - b.n;
      return { base: inner.base, off: Math.abs(off) <= MAX_OFFSET ? off : null };
    }
  }
  return { base: v.key, off: 0 };
}

/** Prefix of the identity of an object that this path allocated, and of one that was allocated zeroed. */
export const ALLOCATED = '!';
export const ZEROED = '!zeroed:';

/** Content of a place; one that was never written holds its own unknown, or zero in a zeroed object. */
export function read(st: State, values: Values, place: string): Value {
  const known = st.store.get(place);
  if (known !== undefined) return known;
  return isZeroed(st, place) ? values.int(0) : values.initial(place);
}

/** Place that stands for the members of a local structure that nobody has written to: they are zero while it is. */
export function blank(local: string): string {
  return `${local}.=`;
}

function isZeroed(st: State, place: string): boolean {
  if (!place.startsWith(`@${ZEROED}`)) {
    const member = place.indexOf('.');
    return member > 0 && st.store.get(blank(place.slice(0, member)))?.t === 'int';
  }
  const marker = filled(place.slice(0, place.indexOf(';') + 1));
  return marker === undefined || !st.store.has(marker);
}

/**
 * Place that stands for somebody having written to an object that was allocated zeroed: what it holds beside what this
 * path put there is not known from then on. Undefined for any other object, and for a member of one.
 */
export function filled(base: string): string | undefined {
  return base.startsWith(`@${ZEROED}`) && base.endsWith(';') ? `${base}[filled]` : undefined;
}

/** Stands for a place that is not told apart and may live on: what is kept there is reachable. */
export function elsewhere(key: string): string {
  return `:somewhere[?${key}]`;
}

/** Place in an object for pages of a set whose offset is not known: one per set. */
export function somewhere(base: string, set: string): string {
  return `${base}[?${set}]`;
}

/** The object whose member a place is: of `x[0].sgl` it is what `x` points to, of `table.sgl` the table itself. */
export function ownerBase(place: string): string | undefined {
  const dot = place.lastIndexOf('.');
  if (dot < 0) return undefined;
  const owner = place.slice(0, dot);
  return owner.endsWith('[0]') ? owner.slice(0, -3) : `&${owner}`;
}

/** Page references stored in elements of an object, by offset; `null` for an element of unknown offset. */
export function pagesIn(st: State, base: string): { off: number | null; v: Value }[] {
  const out: { off: number | null; v: Value }[] = [];
  const { store } = st;
  for (let i = 0; i < store.size; i++) {
    const v = store.valueAt(i);
    if (!isPageRef(v)) continue;
    const place = store.keyAt(i).text;
    if (base.startsWith('&') && place === base.slice(1)) out.push({ off: 0, v });
    else if (place.startsWith(`${base}[`)) {
      const off = /^\[(\d+|\?.*)\]$/.exec(place.slice(base.length))?.[1];
      if (off !== undefined) out.push({ off: off.startsWith('?') ? null : Number(off), v });
    }
  }
  return out;
}

/** Whether pages stand in an array at which a value points; not in members of an object. */
export function isPageArray(st: State, v: Value): boolean {
  const address = asAddress(v);
  return address?.off === 0 && pagesIn(st, address.base).length > 0;
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

/** Some page of the sets that stand in an array, or in an object that the array is a part of, if they are of one set. */
export function readAround(st: State, values: Values, base: string): PageRef | undefined {
  const here = readSomewhere(st, values, base);
  if (isPageRef(here)) return here;
  const objects = values.names.of(base).objects;
  const { store } = st;
  let found: PageRef | undefined;
  for (let i = 0; i < store.size; i++) {
    const v = store.valueAt(i);
    const at = isPageRef(v) ? /^&?(.*)\[\?[^[\]]*\]$/s.exec(store.keyAt(i).text)?.[1] : undefined;
    if (at === undefined || !isPageRef(v) || !objects.includes(at)) continue;
    if (found !== undefined && found.set !== v.set) return undefined;
    found = v;
  }
  return found;
}

/**
 * Names of the page sets that can be reached from `roots`: directly, or through objects whose address is reachable.
 * What stands at an `ignored` place counts for nothing.
 */
export function reachableSets(
  st: State,
  roots: readonly Value[],
  outlives: (place: string) => boolean,
  ignored?: (place: string) => boolean,
): Set<string> {
  const sets = new Set<string>();
  const see = (v: Value): void => {
    if (isPageRef(v)) sets.add(v.set);
  };
  if (holdsReference(st)) reach(st, roots, see, outlives, ignored);
  else for (const v of roots) see(v);
  return sets;
}

/** Whether an array entry that no acquire filled can be reached from `roots`. */
export function reachesUnfilled(st: State, roots: readonly Value[]): boolean {
  if (!st.hasUnfilled()) return false;
  let found = false;
  const see = (v: Value): void => {
    found ||= asUnfilled(v) !== undefined;
  };
  reach(st, roots, see, () => false);
  return found;
}

function reach(
  st: State,
  roots: readonly Value[],
  see: (v: Value) => void,
  outlives: (place: string) => boolean,
  ignored?: (place: string) => boolean,
): void {
  const { store } = st;
  // Texts of the objects whose addresses are reachable.
  const objects = new Set<string>();
  const visit = (v: Value): void => {
    see(v);
    // Who is given a part of an array, `pages + done`, can get at the rest.
    if (v.t === 'sym' && (v.op === '+' || v.op === '-')) for (const part of v.args ?? []) visit(part);
    const address = asAddress(v);
    if (address === undefined) return;
    objects.add(withoutAddress(address.base));
    objects.add(withoutAddress(containerOf(address.base)));
  };
  for (const v of roots) visit(v);
  const visited = new Set<number>();
  for (let grew = true; grew; ) {
    grew = false;
    for (let i = 0; i < store.size; i++) {
      if (visited.has(i)) continue;
      const place = store.keyAt(i);
      if (!outlives(place.text) && !place.objects.some((object) => objects.has(object))) continue;
      if (ignored?.(place.text)) continue;
      visited.add(i);
      visit(store.valueAt(i));
      grew = true;
    }
  }
}

/** Whether anything stored leads to a page. */
export function holdsReference({ store }: State): boolean {
  for (let i = 0; i < store.size; i++) if (isPageRef(store.valueAt(i))) return true;
  return false;
}

/** The whole object of which `&object.member` is a part: who has the one can get at the other (container_of). */
function containerOf(base: string): string {
  if (!base.startsWith('&')) return base;
  const member = base.search(/\[0\]\.|\./);
  if (member < 0) return base;
  return base.startsWith('[0]', member) ? base.slice(1, member) : base.slice(0, member);
}

/** The object that is reached, in whole, by who has an address in it. */
export function wholeObject(base: string): string {
  return withoutAddress(containerOf(base));
}

/** The object that an address, or an element reached through one, is a part of. */
function withoutAddress(place: string): string {
  let from = 0;
  while (place[from] === '&') from++;
  return place.slice(from);
}
