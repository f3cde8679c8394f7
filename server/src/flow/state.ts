/** One state of the small world: what a path has done to the pages so far. */

import { StateHash } from './hash.ts';
import type { Call } from './ir.ts';
import type { AcquireForm, AcquireModel } from './kernel/acquire.ts';
import type { PathLink, ProtocolEvent } from './path.ts';
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
  /** A device was given the pages. */
  readonly dma: boolean;
  /** The page lock is held, or was tried for. */
  readonly pageLocked: boolean;
  /** What is released is not sure: a count or an index is not known, or there are more references than this one. */
  readonly guessed: boolean;
  /** mmap_lock has been held since the acquire: fork() of the process is excluded. */
  readonly underLock: boolean;
  /** Name of a callee that received the pages and may have taken them over. */
  readonly escaped: string | undefined;
  /** Function in whose text the acquire stands. */
  readonly within: string;
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

  /** Forgets what locals of a frame hold, but for those in `live`. Sets that are released and unreachable go too. */
  dropDead(frame: string, live: ReadonlySet<string>): void {
    this.store.keep((place) => place.frame !== frame || live.has(place.local));
    this.sets.keep(
      (_id, set) => set.slots.some((s) => s !== 'released' && s !== 'empty') || this.#refers(set.id),
    );
  }

  /** Forgets objects that this path allocated, and what it learnt of results, where nothing holds them any more. */
  dropUnreferenced(): void {
    this.store.keep(
      ({ text, results }) => text[0] !== '@' || results.length === 0 || this.#holds(results[0]!),
    );
    this.facts.keep(({ text, results }) => text[0] !== '@' || this.mentions(text, results));
  }

  #holds(result: string): boolean {
    const { store } = this;
    for (let i = 0; i < store.size; i++) if (store.valueAt(i).results.includes(result)) return true;
    return false;
  }

  /** Whether a place or a value mentions a text, which has the given results of calls in it. */
  mentions(text: string, results: readonly string[]): boolean {
    const { store } = this;
    const isResult = results[0] === text;
    for (let i = 0; i < store.size; i++) {
      const place = store.keyAt(i);
      const v = store.valueAt(i);
      if (isResult && !v.results.includes(text) && !place.results.includes(text)) continue;
      if (isResult || v.key.includes(text) || place.text.includes(text)) return true;
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
  }
}

function changes(set: PageSet, change: Partial<PageSet>): boolean {
  for (const name of Object.keys(change) as (keyof PageSet)[]) if (set[name] !== change[name]) return true;
  return false;
}

function idOfSet(set: PageSet, values: Values): number {
  let id = values.ids.get(set);
  if (id === undefined) {
    id = values.names.of(setKey(set)).id;
    values.ids.set(set, id);
  }
  return id;
}

function setKey(s: PageSet): string {
  return `${s.id}{${s.result}/${s.nr} ${s.slots.join()} ${s.written}${s.read ? 'r' : ''} ${s.dirtied}${s.dma ? 'D' : ''}${s.underLock ? 'L' : ''}${s.pageLocked ? 'P' : ''}${s.guessed ? 'G' : ''} ${s.escaped ?? ''} ${s.flags.key}}`;
}

export function refersTo(v: Value, set: string): boolean {
  return isPageRef(v) ? v.set === set : asUnfilled(v)?.set === set;
}
