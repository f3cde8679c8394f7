/** One state of the small world: what a path has done to the pages so far. */

import { StateHash } from './hash.ts';
import type { Call } from './ir.ts';
import type { AcquireForm, AcquireModel } from './kernel/acquire.ts';
import type { PathLink, ProtocolEvent } from './path.ts';
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
  readonly store: Map<string, Value>;
  readonly sets: Map<string, PageSet>;
  /** Outcomes of conditions, by the key of their value. */
  readonly facts: Map<string, boolean>;
  /** Learnt values of operations on unknowns. */
  readonly equal: Map<string, number>;
  path: PathLink | undefined;

  constructor(from?: State) {
    this.store = new Map(from?.store);
    this.sets = new Map(from?.sets);
    this.facts = new Map(from?.facts);
    this.equal = new Map(from?.equal);
    this.path = from?.path;
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
    for (const [place, v] of this.store) hash.add(values.idOf(place), values.idOf(v.key));
    for (const s of this.sets.values()) hash.add(1, values.idOf(setKey(s)));
    for (const [fact, holds] of this.facts) hash.add(holds ? 2 : 3, values.idOf(fact));
    for (const [op, n] of this.equal) hash.add(values.idOf(op), -n - 4);
    return hash.value;
  }

  update(id: string, change: Partial<PageSet>): void {
    const set = this.sets.get(id);
    if (set !== undefined) this.sets.set(id, { ...set, ...change });
  }

  /** Whether any page is certainly held. */
  holdsPages(): boolean {
    for (const s of this.sets.values()) if (s.slots.includes('held')) return true;
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
    for (const [place, v] of this.store) if (refersTo(v, id)) this.store.delete(place);
  }

  /** Forgets what locals of a frame hold, but for those in `live`. Sets that are released and unreachable go too. */
  dropDead(frame: string, live: ReadonlySet<string>): void {
    const own = `${frame}:`;
    for (const place of this.store.keys()) {
      const from = place.startsWith(own)
        ? own.length
        : place.startsWith(own, 1) && place[0] !== '*'
          ? own.length + 1
          : 0;
      if (from > 0 && !live.has(localName(place, from))) this.store.delete(place);
    }
    for (const set of this.sets.values()) {
      if (set.slots.every((s) => s === 'released' || s === 'empty') && !this.#refers(set.id))
        this.sets.delete(set.id);
    }
  }

  /** Forgets objects that this path allocated, and what it learnt of results, where nothing holds them any more. */
  dropUnreferenced(): void {
    for (const place of this.store.keys()) {
      const end = place[0] === '@' ? place.indexOf(';') + 1 : 0;
      if (end > 0 && !this.#holds(place.slice(0, end))) this.store.delete(place);
    }
    for (const fact of this.facts.keys()) {
      if (fact.startsWith('@') && !this.#mentions(fact)) this.facts.delete(fact);
    }
  }

  #holds(key: string): boolean {
    for (const v of this.store.values()) if (v.key.includes(key)) return true;
    return false;
  }

  #mentions(key: string): boolean {
    for (const [place, v] of this.store) if (v.key.includes(key) || place.includes(key)) return true;
    return false;
  }

  #refers(set: string): boolean {
    for (const v of this.store.values()) if (refersTo(v, set)) return true;
    return false;
  }

  /** Forgets the locals of a frame that has returned. */
  dropFrame(frame: string): void {
    const own = `${frame}:`;
    const addressed = `&${frame}:`;
    for (const place of this.store.keys()) {
      if (place.startsWith(own) || place.startsWith(addressed)) this.store.delete(place);
    }
  }
}

/** Name of the local that a place of a frame belongs to, which starts at `from`. */
function localName(place: string, from: number): string {
  let end = from;
  while (end < place.length && place[end] !== '.' && place[end] !== '[') end++;
  return place.slice(from, end);
}

function setKey(s: PageSet): string {
  return `${s.id}{${s.result}/${s.nr} ${s.slots.join()} ${s.written}${s.read ? 'r' : ''} ${s.dirtied}${s.dma ? 'D' : ''}${s.underLock ? 'L' : ''}${s.pageLocked ? 'P' : ''}${s.guessed ? 'G' : ''} ${s.escaped ?? ''} ${s.flags.key}}`;
}

export function refersTo(v: Value, set: string): boolean {
  return isPageRef(v) ? v.set === set : asUnfilled(v)?.set === set;
}
