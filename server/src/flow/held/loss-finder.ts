/** Finds the held pages of another entry point in a run that is to tell whether the memory they stand in is freed. */
import type { Call, Expr, FunctionIr, Member } from '../lower/ir.ts';
import { structOf, type TypeLookup } from '../lower/structs.ts';
import { ALLOCATED, asAddress, elementPlace, wholeObject } from '../state/places.ts';
import { NUMBER_KEPT, type State } from '../state/state.ts';
import { isPageRef, TOP, type Value } from '../state/value.ts';
import { type Held, HeldFinder, unplaced } from './held.ts';

/** Stands for an object that a callee was given which is not seen. */
const GIVEN = '%given ';

/** What functions are called that end the use of something, and may release its pages. */
const ENDS =
  /(?<!in|out|com)put|(?<!s)pin(?!g)|release|free|drop|clean|clear|destroy|fini|exit|stop|unmap|unbind|detach|remove|delete|reset|close|shut|tear|disable|dispose|kill|abort|cancel|unreg|unref|deinit|uninit|finish|end|done|complete|evict|inval|dealloc|discard|purge|undo|revert|unwind|return|give|retire|reclaim|unload|unlock|_del|_rel|_un/i;

/** Whether a function that is not seen may release pages of what it is given, as far as its name tells. */
export function mayRelease(callee: string): boolean {
  return ENDS.test(callee) && !KEEPS_BOOKS.test(callee);
}

/** The same pages, as their loss is judged: who was told of them when they were acquired need not be their owner. */
export function withoutNotices(held: Held): Held {
  const sets = held.sets.map((set) =>
    set.escaped !== undefined &&
    (set.escaped === NUMBER_KEPT || (/^\w+$/.test(set.escaped) && !mayRelease(set.escaped)))
      ? { ...set, escaped: undefined }
      : set,
  );
  return { ...held, sets };
}

/** What keeps books of objects knows nothing of their pages. */
const KEEPS_BOOKS = /^_*(?:list|hlist|llist|hash|rb|idr|ida|xa|radix_tree|interval_tree)_/;

export class LossFinder extends HeldFinder {
  readonly #left: Held;
  readonly #lookup: TypeLookup;

  constructor(held: Held, types: TypeLookup) {
    super(held, types);
    this.#left = held;
    this.#lookup = types;
  }

  override located(ir: FunctionIr, st: State, e: Member, place: string | undefined): string | undefined {
    // What the run itself has allocated is another object.
    return place?.startsWith(`@${ALLOCATED}`) ? place : super.located(ir, st, e, place);
  }

  /** An object of the right struct is freed: it is the one that holds the pages, if none was found before. */
  frees(ir: FunctionIr, st: State, e: Expr | undefined, v: Value): Value {
    const address = asAddress(v);
    const isOwn = address?.base.startsWith(`@${ALLOCATED}`) ?? false;
    if (e === undefined || isOwn || (address !== undefined && address.off !== 0)) return v;
    const i = this.#ofStruct(ir, e);
    if (i < 0) return v;
    const here = address === undefined ? unplaced(i) : elementPlace(address.base, 0);
    this.found(st, i, here);
    const isThere = st.store.get(`%${i}`)?.key === `@${here}`;
    return address === undefined && isThere ? this.#left.values.unknown(here.slice(1, -'[0]'.length)) : v;
  }

  /** The object that was left of the struct that an expression is, or points to; -1 for none. */
  #ofStruct(ir: FunctionIr, e: Expr): number {
    const owner = structOf(this.#lookup, ir, e);
    return this.#left.objects.findIndex((o) => o.owner !== undefined && o.owner === owner);
  }

  /** Who is given an object before it is found to hold the pages may have released them, if its name allows for that. */
  given(ir: FunctionIr, st: State, { fn, args }: Call, values: readonly Value[]): boolean {
    if (fn !== undefined && !mayRelease(fn)) return false;
    for (const [i, arg] of args.entries()) {
      const address = asAddress(values[i] ?? TOP);
      const object = address === undefined ? this.#ofStruct(ir, arg) : undefined;
      if (address !== undefined) st.store.set(`${GIVEN}${wholeObject(address.base)}`, TOP);
      else if (object !== undefined && object >= 0) st.store.set(`${GIVEN}${unplaced(object)}`, TOP);
    }
    return true;
  }

  protected override found(st: State, i: number, here: string): boolean {
    if (!super.found(st, i, here)) return false;
    const wasGiven = [...st.store.keys()].some((place) => {
      if (!place.startsWith(GIVEN)) return false;
      const object = place.slice(GIVEN.length);
      return here === object || here.includes(`${object}[`) || here.includes(`${object}.`);
    });
    if (wasGiven) for (const { id } of this.#left.sets) st.update(id, { escaped: 'a callee' });
    return true;
  }

  /**
   * What was left stays where it was: its place in the function that left it is a second one for the same object. Addresses
   * of the data and numbers of pages may stay where they like: no function of the file releases pages by them.
   */
  isIdle(st: State): (place: string) => boolean {
    const copies = this.#left.objects.flatMap(({ place }, i) => {
      const found = st.store.get(`%${i}`)?.key.slice(1);
      return found === undefined || found === place ? [] : [`${place}.`];
    });
    return (place) => {
      const v = st.store.get(place);
      const isNumber = v !== undefined && isPageRef(v) && v.t !== 'page';
      return isNumber || copies.some((copy) => place.includes(copy));
    };
  }
}
