/**
 * The states that a run of one function has still to go on with. A short run takes them in the order in which they came,
 * so that what it shows is shown on a shortest path. A long one, which may not come to its end, takes what is new first:
 * of the nodes, each with what was done to the pages there and whether the function is failing, the one that it has seen
 * least often.
 */
import { StateHash } from '../state/hash.ts';
import { idOfSet, type State } from '../state/state.ts';
import type { Values } from '../state/value.ts';
import { isFailing } from './crowd.ts';
import type { Frame } from './world.ts';

/** A node that is to be executed in a state. */
export interface WorkItem {
  readonly node: number;
  readonly st: State;
}

/** Items at one node whose states did the same to the pages, and how many such have been taken. */
interface Kind {
  taken: number;
  readonly waiting: WorkItem[];
}

export class Worklist {
  readonly #values: Values;
  readonly #frame: Frame;
  /** In the order in which they came; used up to `#next`. */
  #queue: (WorkItem | undefined)[] = [];
  #next = 0;
  readonly #kinds = new Map<number, Kind>();
  /** Kinds with waiting items, by how many of them were taken. */
  readonly #byTaken: Kind[][] = [];

  constructor(values: Values, frame: Frame) {
    this.#values = values;
    this.#frame = frame;
  }

  push(node: number, st: State): void {
    this.#queue.push({ node, st });
  }

  /** The next item; `isLong`: what is new goes first. Undefined when nothing is left. */
  take(isLong: boolean): WorkItem | undefined {
    if (isLong) {
      while (this.#next < this.#queue.length) this.#sort(this.#shift()!);
      return this.#takeNewest();
    }
    return this.#shift();
  }

  #shift(): WorkItem | undefined {
    const item = this.#queue[this.#next];
    if (item === undefined) return undefined;
    // What has been done is let go: a long worklist must not keep its states alive.
    this.#queue[this.#next++] = undefined;
    if (this.#next === this.#queue.length) {
      this.#queue = [];
      this.#next = 0;
    }
    return item;
  }

  #sort(item: WorkItem): void {
    const key = kindOf(item, this.#frame, this.#values);
    let kind = this.#kinds.get(key);
    if (kind === undefined) {
      kind = { taken: 0, waiting: [] };
      this.#kinds.set(key, kind);
    }
    kind.waiting.push(item);
    if (kind.waiting.length === 1) this.#enlist(kind);
  }

  #enlist(kind: Kind): void {
    const alike = this.#byTaken[kind.taken];
    if (alike === undefined) this.#byTaken[kind.taken] = [kind];
    else alike.push(kind);
  }

  #takeNewest(): WorkItem | undefined {
    for (const kinds of this.#byTaken) {
      const kind = kinds?.shift();
      if (kind === undefined) continue;
      const item = kind.waiting.shift();
      kind.taken++;
      if (kind.waiting.length > 0) this.#enlist(kind);
      return item;
    }
    return undefined;
  }
}

function kindOf({ node, st }: WorkItem, frame: Frame, values: Values): number {
  const { sets } = st;
  const hash = new StateHash();
  hash.add(node, isFailing(frame, st, values) ? 1 : 0);
  for (let i = 0; i < sets.size; i++) hash.add(-1, idOfSet(sets.valueAt(i), values));
  return hash.value;
}
