/**
 * Thins out long runs. Where many paths meet that did the same to the pages and differ only in what they know of other
 * things (outcomes of conditions, unknown values), a few of them are followed on: so the budget lasts for the paths that
 * differ in what they do. Every path that is followed is one of the program; those that are left out count as cut.
 */
import { isErrno } from '../state/arithmetic.ts';
import { StateHash } from '../state/hash.ts';
import { idOfSet, type State } from '../state/state.ts';
import { isPageRef, type Values } from '../state/value.ts';
import type { Frame } from './world.ts';

/** A run is long after this many node executions, or this part of a smaller budget. */
const LONG = 100;
const LONG_SHARE = 0.3;

/** How many states that are alike are followed from a node on. */
const MAX_ALIKE = 6;

/** How often a long run has met states that are alike. One per run of an entry point. */
export class Crowd {
  /** Some path was left out. */
  skipped = false;
  readonly #from: number;
  /** By the calls that led to a function, by node, by what the states have in common. */
  readonly #met = new Map<string, Map<number, Map<number, number>>>();

  /** Node executions of the run. */
  readonly budget: number;

  constructor(budget: number) {
    this.budget = budget;
    this.#from = budget - Math.min(LONG, budget * LONG_SHARE);
  }

  /** Whether the run is a long one by now. `left`: node executions that are left of the budget. */
  isLong(left: number): boolean {
    return left <= this.#from;
  }

  /** Whether a state at a node is one too many of its like. `left`: node executions that are left of the budget. */
  isCrowded(left: number, frame: Frame, node: number, st: State, values: Values): boolean {
    if (!this.isLong(left)) return false;
    const counts = entry(
      entry(this.#met, frame.calls, () => new Map<number, Map<number, number>>()),
      node,
      () => new Map<number, number>(),
    );
    const key = likeness(frame, st, values);
    const count = counts.get(key) ?? 0;
    if (count >= MAX_ALIKE) {
      this.skipped = true;
      return true;
    }
    counts.set(key, count + 1);
    return false;
  }
}

function entry<K, V>(map: Map<K, V>, key: K, fresh: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const added = fresh();
  map.set(key, added);
  return added;
}

/**
 * What states have in common that did the same to the pages: the sets, where pages stand, and whether the function is
 * about to return an error. Failures are many, and success, which most of them lead past, comes last.
 */
function likeness(frame: Frame, st: State, values: Values): number {
  const { store, sets } = st;
  const hash = new StateHash();
  if (isFailing(frame, st, values)) hash.add(-2, 0);
  for (let i = 0; i < sets.size; i++) hash.add(-1, idOfSet(sets.valueAt(i), values));
  for (let i = 0; i < store.size; i++) {
    const v = store.valueAt(i);
    if (isPageRef(v)) hash.add(store.keyAt(i).id, v.id);
  }
  return hash.value;
}

/** Whether a local that the function returns is an error now. */
export function isFailing({ name, facts }: Frame, { store }: State, values: Values): boolean {
  return facts.results.some((local) => {
    const v = store.get(values.local(name, local));
    return v?.t === 'int' && isErrno(v.n);
  });
}
