/**
 * Values of the small world. Interned: two equal values are the same object, so states compare and hash by `key`.
 */
import type { BinaryOp } from './ir.ts';

/** A known integer. */
export interface Int {
  readonly t: 'int';
  readonly n: number;
  readonly key: string;
}
/**
 * An unknown with an identity: the initial content of a place (`*obj.count`), the result of a call, or an operation
 * on such. Two reads of the same unknown compare equal, and learning its value replaces it everywhere.
 */
export interface Sym {
  readonly t: 'sym';
  readonly key: string;
  /** Place whose initial content it is. */
  readonly place?: string;
  readonly op?: BinaryOp | '!' | '~' | '-';
  readonly args?: readonly Value[];
}
/** An unknown without identity. */
export interface Top {
  readonly t: 'top';
  readonly key: string;
}
/** Address of element `off` of the object `base`; `off` null where it is not known. */
export interface Ptr {
  readonly t: 'ptr';
  readonly base: string;
  readonly off: number | null;
  readonly key: string;
}
/**
 * Something that leads to slot `slot` of page set `set` (null: to one of its slots). `page`: a struct page or folio.
 * `data`: a kernel address of its content. `handle`: a pfn, physical or bus address.
 */
export interface PageRef {
  readonly t: 'page' | 'data' | 'handle';
  readonly set: string;
  readonly slot: number | null;
  readonly key: string;
}
export type Value = Int | Sym | Top | Ptr | PageRef;

/** Longest identity that is kept: a longer one (a value that grows in a loop) becomes an unknown without identity. */
const MAX_KEY = 160;

/** Deepest nesting of operations that is kept: a counter that a loop changes becomes an unknown, and the loop ends. */
const MAX_DEPTH = 2;

function depth(v: Value): number {
  if (v.t !== 'sym' || v.args === undefined) return 0;
  return 1 + Math.max(...v.args.map(depth));
}

export const TOP: Top = { t: 'top', key: '?' };

/** Creates values, each once. One per analysed file: no state is shared between files. */
export class Values {
  readonly #interned = new Map<string, Value>();
  readonly #ids = new Map<string, number>();

  #intern<V extends Value>(v: V): V {
    const known = this.#interned.get(v.key);
    if (known !== undefined) return known as V;
    this.#interned.set(v.key, v);
    return v;
  }

  int(n: number): Int {
    return this.#intern({ t: 'int', n, key: `${n}` });
  }

  /** The initial content of a place. */
  initial(place: string): Value {
    return place.length > MAX_KEY ? TOP : this.#intern({ t: 'sym', key: `*${place}`, place });
  }

  /** The result of something that is not modelled. */
  unknown(name: string): Sym {
    return this.#intern({ t: 'sym', key: `@${name}` });
  }

  operation(op: NonNullable<Sym['op']>, args: readonly Value[]): Value {
    if (args.some((a) => a.t === 'top' || depth(a) >= MAX_DEPTH)) return TOP;
    const key = `(${args.map((a) => a.key).join(op)}${args.length === 1 ? op : ''})`;
    return key.length > MAX_KEY ? TOP : this.#intern({ t: 'sym', key, op, args });
  }

  ptr(base: string, off: number | null): Value {
    return base.length > MAX_KEY ? TOP : this.#intern({ t: 'ptr', base, off, key: `&${base}+${off ?? '?'}` });
  }

  /** A number for a text, the same as long as this object lives: texts are compared once, when they are first met. */
  idOf(text: string): number {
    let id = this.#ids.get(text);
    if (id === undefined) {
      id = this.#ids.size + 1;
      this.#ids.set(text, id);
    }
    return id;
  }

  ref(t: PageRef['t'], set: string, slot: number | null): PageRef {
    return this.#intern({ t, set, slot, key: `${t}:${set}/${slot ?? '?'}` });
  }
}

/** What stands in an array entry that a short or failed acquire should have filled. */
export function unfilled(values: Values, set: string, slot: number): Sym {
  return values.unknown(`${UNFILLED}${set}/${slot};`);
}

const UNFILLED = 'unfilled:';

/** The set and slot of an entry that was never filled; undefined for any other value. */
export function asUnfilled(v: Value): { readonly set: string; readonly slot: number } | undefined {
  if (v.t !== 'sym' || !v.key.startsWith(`@${UNFILLED}`)) return undefined;
  const end = v.key.lastIndexOf('/');
  return { set: v.key.slice(UNFILLED.length + 1, end), slot: Number(v.key.slice(end + 1, -1)) };
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
