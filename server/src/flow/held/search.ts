/** Whether a function that is run on pages which another one has left comes across them. */
import type { RunObservation } from '../run/observation.ts';
import { concerns } from '../run/observation-key.ts';
import type { Held } from './held.ts';

/** Node executions after which a search that has found none of the pages ends: those that find any, do so soon. */
const UNMET_BUDGET = 300;

export class Search {
  /** It ended before its run did. */
  gaveUp = false;
  readonly #observations: ReadonlyMap<string, RunObservation>;
  readonly #sets: ReadonlySet<string>;
  readonly #frees: boolean;
  #isMet = false;

  /** `observations` are those of the run, which adds to them. `frees`: it also looks for memory that held them. */
  constructor(observations: ReadonlyMap<string, RunObservation>, held: Pick<Held, 'sets'>, frees = false) {
    this.#observations = observations;
    this.#frees = frees;
    this.#sets = new Set(held.sets.map(({ id }) => id));
  }

  /** Something was done to a page; that pages are held when a path ends is nothing, unless their memory was freed. */
  get met(): boolean {
    this.#isMet ||= [...this.#observations.values()].some(
      (o) => (o.what !== 'exit' || (this.#frees && o.set.freed !== undefined)) && concerns(o, this.#sets),
    );
    return this.#isMet;
  }

  /** Whether the run is not worth going on with after so many node executions. Once it is not, it stays so. */
  givesUp(steps: number): boolean {
    if (steps >= UNMET_BUDGET && !this.gaveUp && !this.#isMet) this.gaveUp = !this.met;
    return this.gaveUp;
  }
}
