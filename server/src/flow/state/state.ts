/** One state of the small world: what a path has done to the pages so far. */
import type { Range } from '../../syntax/range.ts';
import type { AcquireForm, AcquireModel } from '../kernel/acquire.ts';
import type { Call } from '../lower/ir.ts';
import { type DeviceUse, deviceKey } from './device-use.ts';
import { StateHash } from './hash.ts';
import type { Name } from './names.ts';
import type { PathLink, ProtocolEvent } from './path.ts';
import { ALLOCATED } from './places.ts';
import { Table } from './table.ts';
import { asUnfilled, isPageRef, TOP, type Value, type Values } from './value.ts';
import type { AssumedGuard } from './witness.ts';

/** `unsure`: held by a round of a loop that is not told apart, or perhaps released. */
export type Slot = 'empty' | 'held' | 'released' | 'unsure';

/** What one acquire filled. Immutable: a change makes a new object. */
export interface PageSet {
  /** `site.instance` of the acquiring call. */
  readonly id: string;
  readonly call: Call;
  readonly model: AcquireModel;
  readonly form: AcquireForm | undefined;
  readonly kind: 'get' | 'pin';
  readonly flags: Value;
  /** Requested count in the small world, and the result: pages, or -errno. */
  readonly nr: number;
  readonly result: number;
  readonly slots: readonly Slot[];
  readonly written: 'no' | 'maybe' | 'yes';
  readonly read: boolean;
  readonly dirtied: 'no' | 'unlocked' | 'locked';
  /** What devices were given of the pages; undefined while none was. */
  readonly device: DeviceUse | undefined;
  /** Where its address or number was asked for, so that somebody can get at the data from there on. */
  readonly exposed: Range | undefined;
  /** The page lock is held, or was tried for. */
  readonly pageLocked: boolean;
  /** What is released is not sure: a count or an index is not known, or there are more references than this one. */
  readonly guessed: boolean;
  /** mmap_lock has been held since the acquire: fork() of the process is excluded. */
  readonly underLock: boolean;
  /**
   * What the path knows of the iterator that the pages were taken from: it is a user's, or it may be the kernel's, since
   * the file makes such ones.
   */
  readonly iterator: 'user' | 'perhaps-kernel' | 'unknown';
  /** Where memory was freed in which the pages stood. */
  readonly freed: Range | undefined;
  /** Name of a callee that received the pages and may have taken them over. */
  readonly escaped: string | undefined;
  /** Function in whose text the acquire stands. */
  readonly within: string;
}

/** Places that are not told apart from others: others may know them too. */
export const UNKNOWN_ARRAY = 'an array that is not told apart';
export const UNKNOWN_PLACE = 'a place that is not told apart';

/** Only an address or a number of the pages was put in such a place: it leads to them, but does not hold them. */
export const NUMBER_KEPT = 'a place that has its number';

/** What stands for the name of a callee that is called through a pointer. */
export const CALLBACK = 'a callback';

/** Whether a callee that is not seen has received the pages, and not only a place of the file's own. */
export function isWithCallee({ escaped }: PageSet): boolean {
  return (
    escaped !== undefined && escaped !== UNKNOWN_ARRAY && escaped !== UNKNOWN_PLACE && escaped !== NUMBER_KEPT
  );
}

export class State {
  readonly store: Table<Value>;
  readonly sets: Table<PageSet>;
  /** Outcomes of conditions, by the key of their value. */
  readonly facts: Table<boolean>;
  /** Learnt values of operations on unknowns. */
  readonly equal: Table<number>;
  path: PathLink | undefined;

  /** An empty state, or a copy. */
  constructor(from: Values | State) {
    const isCopy = from instanceof State;
    this.store = isCopy ? from.store.clone() : new Table(from.names);
    this.sets = isCopy ? from.sets.clone() : new Table(from.names);
    this.facts = isCopy ? from.facts.clone() : new Table(from.names);
    this.equal = isCopy ? from.equal.clone() : new Table(from.names);
    this.path = isCopy ? from.path : undefined;
  }

  clone(): State {
    return new State(this);
  }

  /**
   * Identity of the state, as a hash of 53 bits over its parts in any order: states with equal keys behave the same
   * from here on. With the budget's few ten thousand states a collision has a chance below 1 in 10^7.
   */
  key(values: Values): number {
    const hash = new StateHash();
    const { store, sets, facts, equal } = this;
    for (let i = 0; i < store.size; i++) hash.add(store.keyAt(i).id, store.valueAt(i).id);
    for (let i = 0; i < sets.size; i++) hash.add(-1, idOfSet(sets.valueAt(i), values));
    for (let i = 0; i < facts.size; i++) hash.add(facts.valueAt(i) ? -2 : -3, facts.keyAt(i).id);
    for (let i = 0; i < equal.size; i++) hash.add(equal.keyAt(i).id, -equal.valueAt(i) - 4);
    return hash.value;
  }

  update(id: string, change: Partial<PageSet>): void {
    const set = this.sets.get(id);
    if (set !== undefined && changes(set, change)) this.sets.set(id, { ...set, ...change });
  }

  /** Whether any page is certainly held. */
  holdsPages(): boolean {
    const { sets } = this;
    for (let i = 0; i < sets.size; i++) if (sets.valueAt(i).slots.includes('held')) return true;
    return false;
  }

  /** Whether anything holds what an acquire did not fill. */
  hasUnfilled(): boolean {
    const { store } = this;
    for (let i = 0; i < store.size; i++) if (asUnfilled(store.valueAt(i)) !== undefined) return true;
    return false;
  }

  record(event: ProtocolEvent | AssumedGuard): void {
    this.path = { previous: this.path, event };
  }

  /** A test found something in an array entry: it was filled by somebody else. */
  foundFilled(v: Value | undefined): void {
    if (v === undefined || asUnfilled(v) === undefined) return;
    for (const [place, held] of this.store) if (held === v) this.store.set(place, TOP);
  }

  /** Forgets a set and everything that refers to it. */
  forget(id: string): void {
    this.sets.delete(id);
    this.store.keep((_place, v) => !refersTo(v, id));
  }

  /**
   * Forgets what the path ahead cannot tell: what locals of a frame hold, but for those in `live`, page sets that are
   * released and unreachable, and what was learnt of values that cannot be met again.
   */
  dropDead(frame: string, live: ReadonlySet<string>): void {
    this.store.keep((place) => place.frame !== frame || live.has(place.local));
    this.sets.keep(
      (_id, set) => set.slots.some((s) => s !== 'released' && s !== 'empty') || this.#refers(set.id),
    );
    this.#dropUnreferenced();
    const canBeMet = (value: Name): boolean =>
      value.results.every((result) => this.mentions(result)) &&
      value.initials.every(
        (local) => local.frame !== frame || live.has(local.local) || this.#holds(`*${local.text}`),
      );
    this.facts.keep(canBeMet);
    this.equal.keep(canBeMet);
  }

  /** Forgets objects that nothing leads to any more, and addresses of such that were put where they are not told apart. */
  #dropUnreferenced(): void {
    this.store.keep(({ text, results }, v) => {
      if (results.length === 0) return true;
      if (text[0] === '@') return this.#holdsResult(results[0]!) || keepsPages(text, v);
      return v.results.length === 0 || !text.includes('[?') || v.results.some((r) => this.mentions(r, v));
    });
  }

  #holdsResult(result: string): boolean {
    const { store } = this;
    for (let i = 0; i < store.size; i++) if (store.valueAt(i).results.includes(result)) return true;
    return false;
  }

  #holds(key: string): boolean {
    const { store } = this;
    for (let i = 0; i < store.size; i++) if (store.valueAt(i).key.includes(key)) return true;
    return false;
  }

  /** Whether a place or a value mentions a call's result; entries that hold `but` do not count. */
  mentions(result: string, but?: Value): boolean {
    const { store } = this;
    for (let i = 0; i < store.size; i++) {
      const v = store.valueAt(i);
      if (v !== but && (v.results.includes(result) || store.keyAt(i).results.includes(result))) return true;
    }
    return false;
  }

  #refers(set: string): boolean {
    const { store } = this;
    for (let i = 0; i < store.size; i++) if (refersTo(store.valueAt(i), set)) return true;
    return false;
  }

  /** Forgets the locals of a frame that has returned. */
  dropFrame(frame: string): void {
    this.store.keep((place) => place.frame !== frame || place.text[0] === '!');
    const outlives = (value: Name): boolean =>
      value.initials.every((local) => local.frame !== frame || this.#holds(`*${local.text}`));
    this.facts.keep(outlives);
    this.equal.keep(outlives);
  }
}

function changes(set: PageSet, change: Partial<PageSet>): boolean {
  for (const name of Object.keys(change) as (keyof PageSet)[]) if (set[name] !== change[name]) return true;
  return false;
}

export function idOfSet(set: PageSet, values: Values): number {
  let id = values.ids.get(set);
  if (id === undefined) {
    id = values.names.of(setKey(set)).id;
    values.ids.set(set, id);
  }
  return id;
}

/** What a callee found somewhere lives on when nothing here leads to it; what this path put there can be found again. */
function keepsPages(place: string, v: Value): boolean {
  const isFound = !place.startsWith(`@${ALLOCATED}`);
  return isFound && (isPageRef(v) || v.results.some((result) => result.startsWith(`@${ALLOCATED}`)));
}

function setKey(s: PageSet): string {
  return `${s.id}{${s.result}/${s.nr} ${s.slots.join()} ${s.written}${s.read ? 'r' : ''} ${s.dirtied}${deviceKey(s.device)}${s.exposed === undefined ? '' : 'X'}${s.underLock ? 'L' : ''}${s.pageLocked ? 'P' : ''}${s.guessed ? 'G' : ''}${s.escaped === undefined ? '' : 'E'} ${s.flags.key}}`;
}

export function refersTo(v: Value, set: string): boolean {
  return isPageRef(v) ? v.set === set : asUnfilled(v)?.set === set;
}
