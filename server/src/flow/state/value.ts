/**
 * Values of the small world. Interned: two equal values are the same object, so states compare and hash by `id`.
 */
import type { BinaryOp } from '../lower/ir.ts';
import { Names, resultsIn } from './names.ts';

interface Interned {
  readonly key: string;
  /** Number of the key. */
  readonly id: number;
  /** Results of calls that the key mentions. */
  readonly results: readonly string[];
}

/** A known integer. */
export interface Int extends Interned {
  readonly t: 'int';
  readonly n: number;
}
/**
 * An unknown with an identity: the initial content of a place (`*obj.count`), the result of a call, or an operation
 * on such. Two reads of the same unknown compare equal, and learning its value replaces it everywhere.
 */
export interface Sym extends Interned {
  readonly t: 'sym';
  /** Place whose initial content it is. */
  readonly place?: string;
  readonly op?: BinaryOp | '!' | '~' | '-';
  readonly args?: readonly Value[];
  /** Of an array entry that a call did not fill: the set that it belongs to. */
  readonly unfilled?: { readonly set: string; readonly slot: number };
}
/** An unknown without identity. */
export interface Top extends Interned {
  readonly t: 'top';
}
/**
 * Address of element `off` of the object `base`; `off` null where it is not known. `element` tells such an element from
 * others, where the unknown that is its index has an identity.
 */
export interface Ptr extends Interned {
  readonly t: 'ptr';
  readonly base: string;
  readonly off: number | null;
  readonly element?: string;
}
/**
 * Something that leads to slot `slot` of page set `set` (null: to one of its slots). `page`: a struct page or folio.
 * `data`: a kernel address of its content. `handle`: a pfn, physical or bus address.
 */
export interface PageRef extends Interned {
  readonly t: 'page' | 'data' | 'handle';
  readonly set: string;
  readonly slot: number | null;
}
export type Value = Int | Sym | Top | Ptr | PageRef;

/** Longest identity that is kept: a longer one (a value that grows in a loop) becomes an unknown without identity. */
const MAX_KEY = 160;

/** Deepest nesting of operations that is kept: a counter that a loop changes becomes an unknown, and the loop ends. */
const MAX_DEPTH = 2;

/** The second step along a list that a loop walks, `p->next->next`: any element, from there on. */
function isChain(place: string): boolean {
  const dot = place.lastIndexOf('.');
  return dot > 0 && place.lastIndexOf(place.slice(dot), dot - 1) >= 0;
}

function depth(v: Value): number {
  if (v.t !== 'sym' || v.args === undefined) return 0;
  let deepest = 0;
  for (const arg of v.args) deepest = Math.max(deepest, depth(arg));
  return 1 + deepest;
}

const NONE: readonly string[] = [];

export const TOP: Top = { t: 'top', key: '?', id: 0, results: NONE };

/** Creates values, each once. One per run: no state is shared between entry points. */
export class Values {
  /** Places, facts and page sets of the states that hold these values. */
  readonly names = new Names();
  /** Numbers of what page sets are, which never change. */
  readonly ids = new WeakMap<object, number>();
  readonly #interned = new Map<string, Value>();
  readonly #ints = new Map<number, Int>();
  readonly #initial = new Map<string, Sym>();
  readonly #locals = new Map<string, Map<string, string>>();

  #add<V extends Exclude<Value, Top>>(key: string, v: Omit<V, keyof Interned>): V {
    const added = { ...v, key, id: this.#interned.size + 1, results: resultsIn(key) } as V;
    this.#interned.set(key, added);
    return added;
  }

  int(n: number): Int {
    let known = this.#ints.get(n);
    if (known === undefined) {
      known = this.#add<Int>(`${n}`, { t: 'int', n });
      this.#ints.set(n, known);
    }
    return known;
  }

  /** The initial content of a place. */
  initial(place: string): Value {
    if (place.length > MAX_KEY || isChain(place)) return TOP;
    let known = this.#initial.get(place);
    if (known === undefined) {
      known = this.#add<Sym>(`*${place}`, { t: 'sym', place });
      this.#initial.set(place, known);
    }
    return known;
  }

  /** The result of something that is not modelled. */
  unknown(name: string): Sym {
    const key = `@${name}`;
    return (this.#interned.get(key) as Sym | undefined) ?? this.#add<Sym>(key, { t: 'sym' });
  }

  /** What stands in an array entry that a short or failed acquire should have filled. */
  unfilled(set: string, slot: number): Sym {
    const key = `@unfilled:${set}/${slot};`;
    const known = this.#interned.get(key) as Sym | undefined;
    return known ?? this.#add<Sym>(key, { t: 'sym', unfilled: { set, slot } });
  }

  operation(op: NonNullable<Sym['op']>, args: readonly Value[]): Value {
    for (const a of args) if (a.t === 'top' || depth(a) >= MAX_DEPTH) return TOP;
    const key = args.length === 2 ? `(${args[0]!.key}${op}${args[1]!.key})` : `(${args[0]!.key}${op})`;
    if (key.length > MAX_KEY) return TOP;
    return this.#interned.get(key) ?? this.#add<Sym>(key, { t: 'sym', op, args });
  }

  /** What a function of these arguments alone makes of them. */
  application(fn: string, args: readonly Value[]): Value {
    const key = `${fn}(${args.map((a) => a.key).join()})`;
    if (key.length > MAX_KEY) return TOP;
    return this.#interned.get(key) ?? this.#add<Sym>(key, { t: 'sym' });
  }

  ptr(base: string, off: number | null): Value {
    if (base.length > MAX_KEY) return TOP;
    const key = `&${base}+${off ?? '?'}`;
    return this.#interned.get(key) ?? this.#add<Ptr>(key, { t: 'ptr', base, off });
  }

  /** Address of the element whose index is `index`, an unknown. */
  element(base: string, index: Sym): Value {
    if (base.length > MAX_KEY) return TOP;
    const element = `~${index.id}`;
    const key = `&${base}+${element}`;
    return this.#interned.get(key) ?? this.#add<Ptr>(key, { t: 'ptr', base, off: null, element });
  }

  ref(t: PageRef['t'], set: string, slot: number | null): PageRef {
    const key = `${t}:${set}/${slot ?? '?'}`;
    return (this.#interned.get(key) as PageRef | undefined) ?? this.#add<PageRef>(key, { t, set, slot });
  }

  /** Place of a local of a frame. */
  local(frame: string, name: string): string {
    let places = this.#locals.get(frame);
    if (places === undefined) {
      places = new Map();
      this.#locals.set(frame, places);
    }
    let place = places.get(name);
    if (place === undefined) {
      // The name of the table, since that is a flat text with its hash.
      place = this.names.of(`${frame}:${name}`).text;
      places.set(name, place);
    }
    return place;
  }
}

/** What stands in an array entry that a short or failed acquire should have filled. */
export function unfilled(values: Values, set: string, slot: number): Sym {
  return values.unfilled(set, slot);
}

/** The set and slot of an entry that was never filled; undefined for any other value. */
export function asUnfilled(v: Value): { readonly set: string; readonly slot: number } | undefined {
  return v.t === 'sym' ? v.unfilled : undefined;
}

/** Bits of an integer that are certainly set, whatever its unknown parts are. */
export function certainBits(v: Value): number {
  if (v.t === 'int') return v.n;
  if (v.t !== 'sym' || v.args === undefined) return 0;
  if (v.op === '|') return certainBits(v.args[0]!) | certainBits(v.args[1]!);
  if (v.op === '&') return certainBits(v.args[0]!) & certainBits(v.args[1]!);
  return 0;
}

/** True where `v` is an unknown that has a value of its own to be learnt (not an operation on others). */
export function isPlainUnknown(v: Value): v is Sym {
  return v.t === 'sym' && v.op === undefined;
}

export function isPageRef(v: Value): v is PageRef {
  return v.t === 'page' || v.t === 'data' || v.t === 'handle';
}
