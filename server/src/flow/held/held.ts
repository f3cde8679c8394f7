/**
 * Pages that an entry point leaves behind in objects that live on, and what another entry point finds of them there: the
 * members of a structure are matched by the structure's type and their names, since no run of the one function tells
 * which object the other is given.
 */
import type { Range } from '../../syntax/range.ts';
import type { FunctionIr, Member } from '../lower/ir.ts';
import { ownerOf, type TypeLookup } from '../lower/structs.ts';
import { someTimeLater } from '../run/device.ts';
import type { FieldHook } from '../run/world.ts';
import { deviceKey } from '../state/device-use.ts';
import type { PathLink } from '../state/path.ts';
import { asAddress, elementPlace, pagesIn } from '../state/places.ts';
import { type PageSet, State } from '../state/state.ts';
import { isPageRef, type Value, type Values } from '../state/value.ts';

/** An object with members that lead to held pages. */
export interface HeldObject {
  /** Where it stands in the state of the function that left the pages. */
  readonly place: string;
  /** Its struct; undefined where the file does not tell. */
  readonly owner: string | undefined;
  /** Members that lead to pages. */
  readonly leading: ReadonlySet<string>;
  /** All members of which something is known. */
  readonly members: ReadonlySet<string>;
}

/** What one way through a function leaves held. */
export interface Held {
  readonly producer: string;
  readonly sets: readonly PageSet[];
  readonly objects: readonly HeldObject[];
  /** File-scope variables that lead to pages by themselves. */
  readonly globals: ReadonlySet<string>;
  readonly store: ReadonlyMap<string, Value>;
  readonly facts: ReadonlyMap<string, boolean>;
  readonly path: PathLink | undefined;
  readonly values: Values;
}

/** Remembers of which struct each object is that a run comes across. */
export class OwnerRecord implements FieldHook {
  readonly owners = new Map<string, string>();
  readonly #types: TypeLookup;

  constructor(types: TypeLookup) {
    this.#types = types;
  }

  located(ir: FunctionIr, _st: State, e: Member, place: string | undefined): string | undefined {
    if (place === undefined) return undefined;
    const object = place.slice(0, -e.name.length - 1);
    if (this.owners.has(object)) return place;
    const owner = ownerOf(this.#types, ir, e);
    if (owner !== undefined) this.owners.set(object, owner);
    return place;
  }
}

/** Locals of a function and what is stored inside them. */
const LOCAL = /^&*\d\w*:/;

/** What the end of a path leaves in objects that live on; undefined where it leaves nothing there. */
export function heldAt(
  st: State,
  producer: string,
  values: Values,
  owners: ReadonlyMap<string, string>,
): Held | undefined {
  const sets = [...st.sets.values()].filter((s) => s.result > 0 && s.slots.some(isHeld));
  if (sets.length === 0) return undefined;
  const { objects, globals } = holders(st, new Set(sets.map((s) => s.id)));
  if (objects.size === 0 && globals.size === 0) return undefined;
  const facts = new Map(st.facts);
  for (let link = st.path; link !== undefined; link = link.previous) {
    const { event } = link;
    if (!('step' in event) && event.key !== undefined && !facts.has(event.key))
      facts.set(event.key, event.holds);
  }
  const store = new Map([...st.store].filter(([place]) => !LOCAL.test(place)));
  placeFirst(store, st, values);
  return {
    producer,
    sets,
    objects: [...objects].map(([place, leading]) => ({
      place,
      owner: owners.get(place),
      leading,
      members: membersOf(place, leading, store, facts),
    })),
    globals,
    store,
    facts,
    path: st.path,
    values,
  };
}

/**
 * Pages that stand at an index which the path does not know: of all the indices it may be, the one is looked at that
 * other functions come to first. Where more is known of the array, it stays as it is.
 */
function placeFirst(store: Map<string, Value>, st: State, values: Values): void {
  for (const [place, v] of [...store]) {
    const mark = isPageRef(v) && v.t === 'page' ? `[?${v.set}]` : undefined;
    if (mark === undefined || !isPageRef(v) || !place.endsWith(mark)) continue;
    const base = place.slice(0, -mark.length);
    const slots = st.sets.get(v.set)?.slots ?? [];
    if (pagesIn(st, base).length > 1 || !slots.every((slot) => slot === 'held')) continue;
    if (slots.some((_, i) => store.has(elementPlace(base, i)))) continue;
    store.delete(place);
    for (const i of slots.keys()) store.set(elementPlace(base, i), values.ref('page', v.set, i));
  }
}

function isHeld(slot: PageSet['slots'][number]): boolean {
  return slot === 'held' || slot === 'unsure';
}

/** Objects that live on, with their members that lead to pages of the sets, and file-scope variables that do. */
function holders(
  st: State,
  sets: ReadonlySet<string>,
): { objects: Map<string, Set<string>>; globals: Set<string> } {
  const objects = new Map<string, Set<string>>();
  const globals = new Set<string>();
  const arrays = new Set<string>();
  const met = new Set<string>();
  const leads = (place: string): void => {
    if (met.has(place)) return;
    met.add(place);
    const element = /^(.*)\[[^[\]]*\]$/s.exec(place);
    if (element !== null) {
      const array = element[1]!;
      arrays.add(array);
      if (array[0] === '*' || array[0] === '&') leads(array.slice(1));
      return;
    }
    const member = /^(.*)\.(\w+)$/s.exec(place);
    if (member !== null) {
      const [, object, name] = member;
      if (!LOCAL.test(object!)) objects.set(object!, (objects.get(object!) ?? new Set()).add(name!));
    } else if (/^:\w+$/.test(place)) globals.add(place.slice(1));
  };
  for (let before = -1; before !== met.size; ) {
    before = met.size;
    for (const [place, v] of st.store) {
      if (isPageRef(v) ? sets.has(v.set) : arrays.has(asAddress(v)?.base ?? '')) leads(place);
    }
  }
  return { objects, globals };
}

function membersOf(
  object: string,
  leading: ReadonlySet<string>,
  store: ReadonlyMap<string, Value>,
  facts: ReadonlyMap<string, boolean>,
): Set<string> {
  const members = new Set(leading);
  for (const text of [...store.keys(), ...facts.keys()]) {
    for (let at = text.indexOf(`${object}.`); at >= 0; at = text.indexOf(`${object}.`, at + 1)) {
      members.add(/^\w+/.exec(text.slice(at + object.length + 1))?.[0] ?? '');
    }
  }
  return members;
}

/** The members that lead to the pages, by `struct.member` where the struct is known, and those structs. */
export function structOfMembers(held: Held): { members: string[]; structs: string[] } {
  const members = held.objects.flatMap(({ owner, leading }) =>
    [...leading].map((m) => `${owner ?? ''}.${m}`),
  );
  return { members, structs: held.objects.flatMap(({ owner }) => owner ?? []) };
}

/** What tells one way of leaving pages from another: the same sets in the same condition, at the same members. */
export function heldKey(held: Held): string {
  const sets = held.sets.map(
    (s) =>
      `${s.within}#${s.call.site} ${s.kind} ${s.flags.key} ${s.slots.join()} ${s.written} ${s.dirtied} ${deviceKey(s.device)} ${s.escaped}`,
  );
  const objects = held.objects.map((o) => `${o.owner}.${[...o.leading].sort().join()}`);
  return [...sets, ...objects, ...held.globals].join('|');
}

/** Whether the object is one that the function was given: its caller has it too. */
export function isGiven(held: Held): boolean {
  return held.objects.some(({ place }) => new RegExp(`^[*&]*\\*0${held.producer}:`).test(place));
}

/** The start of another entry point, some time later. `at` is its name in the text. */
export function laterState(held: Held, consumer: string, at: Range): State {
  const st = new State(held.values);
  for (const set of held.sets) st.sets.set(set.id, someTimeLater(set));
  for (const [place, v] of held.store) st.store.set(place, v);
  for (const [fact, holds] of held.facts) st.facts.set(fact, holds);
  st.path = held.path;
  st.record({ set: undefined, step: { op: 'later' }, range: at, text: `${consumer}()`, within: consumer });
  return st;
}

/** Where the object of a number stands in a run that does not tell it apart from others. */
export function unplaced(i: number): string {
  return `@%${i}at[0]`;
}

/** Lets a run find the held pages: the first object of the right struct that it looks into is the one that holds them. */
export class HeldFinder implements FieldHook {
  /** Every object was recognised by its struct, not by the name of its member alone. */
  typed = true;
  readonly #held: Held;
  readonly #types: TypeLookup;

  constructor(held: Held, types: TypeLookup) {
    this.#held = held;
    this.#types = types;
  }

  located(ir: FunctionIr, st: State, e: Member, place: string | undefined): string | undefined {
    for (const [i, object] of this.#held.objects.entries()) {
      if (!object.members.has(e.name)) continue;
      const owner = ownerOf(this.#types, ir, e);
      const typed = owner !== undefined && object.owner !== undefined;
      if (typed ? owner !== object.owner : !object.leading.has(e.name)) continue;
      const somewhere = unplaced(i);
      const here = place === undefined ? somewhere : place.slice(0, -e.name.length - 1);
      if (this.found(st, i, here)) this.typed &&= typed;
      if (place !== undefined) return place;
      return st.store.get(`%${i}`)?.key === `@${somewhere}` ? `${somewhere}.${e.name}` : undefined;
    }
    return place;
  }

  /** An object of the right struct stands at `here`: it is the one that was left, if none was before. */
  protected found(st: State, i: number, here: string): boolean {
    const marker = `%${i}`;
    if (st.store.has(marker)) return false;
    this.#bind(st, this.#held.objects[i]!, here);
    st.store.set(marker, this.#held.values.unknown(here));
    return true;
  }

  /** Puts what is known of the object that was left where the run finds it. */
  #bind(st: State, object: HeldObject, here: string): void {
    if (object.place === here) return;
    const { values } = this.#held;
    const rename = (text: string): string => text.replaceAll(`${object.place}.`, `${here}.`);
    for (const [place, v] of this.#held.store) {
      const at = rename(place);
      if (at !== place && !st.store.has(at)) st.store.set(at, renamed(values, v, rename));
    }
    for (const [fact, holds] of this.#held.facts) {
      const at = rename(fact);
      if (at !== fact && !st.facts.has(at)) st.facts.set(at, holds);
    }
  }
}

function renamed(values: Values, v: Value, rename: (text: string) => string): Value {
  if (v.t === 'ptr') return values.ptr(rename(v.base), v.off);
  if (v.t !== 'sym') return v;
  if (v.place !== undefined) return values.initial(rename(v.place));
  if (v.op === undefined || v.args === undefined) return v;
  return values.operation(
    v.op,
    v.args.map((a) => renamed(values, a, rename)),
  );
}
