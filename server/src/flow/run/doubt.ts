/** Pages of which a path that has guessed a number can't tell whether they are still held. */
import type { State } from '../state/state.ts';

/** A bound that is taken to be 2 says nothing of how often the rounds of a loop have acquired 2 pages. */
export function doubtRounds(st: State): void {
  const rounds = new Map<number, string[]>();
  for (const [id, { slots, call }] of st.sets)
    if (slots.includes('held')) rounds.set(call.start, [...(rounds.get(call.start) ?? []), id]);
  for (const ids of rounds.values()) if (ids.length > 1) for (const id of ids) doubtSet(st, id);
}

/** What a path can't tell of a set: which of its pages are still held. */
export function doubtSet(st: State, id: string): void {
  const { slots } = st.sets.get(id)!;
  st.update(id, { slots: slots.map((s) => (s === 'held' ? 'unsure' : s)), guessed: true });
}
