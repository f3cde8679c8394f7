/**
 * What a path knows of the iov_iter that it works on. iov_iter_extract_pages() pins the pages of a user's iterator and
 * only lists those of the kernel's (lib/iov_iter.c): what is listed is not held, and nothing is said of it.
 */
import type { Effect } from '../kernel/effects.ts';
import type { State } from '../state/state.ts';
import { TOP, type Value } from '../state/value.ts';
import type { Outcome, World } from './world.ts';

/** Fact of a path: the iterator is a user's. Iterators are not told apart. */
const USER_BACKED = 'iter:user-backed';

export function isUserBacked(st: State): boolean {
  return st.facts.get(USER_BACKED) === true;
}

/** The iterator is the kernel's: what is extracted from it is not held. */
export function isKernelBacked(st: State): boolean {
  return st.facts.get(USER_BACKED) === false;
}

/** The iterator is made here, or the path has asked for its kind. */
export function setIterator(st: State, userBacked: boolean): void {
  st.facts.set(USER_BACKED, userBacked);
  for (const set of [...st.sets.values()]) {
    if (set.model.name !== 'iov_iter_extract_pages') continue;
    if (userBacked) st.update(set.id, { iterator: 'user' });
    else st.forget(set.id);
  }
}

/** Runs a question such as iov_iter_extract_will_pin() or iov_iter_is_kvec(): both ways, where the path does not know. */
export function askIterator(
  w: World,
  st: State,
  effect: Extract<Effect, { does: 'is-user-backed' | 'is-kernel-backed' }>,
): Value | Outcome[] {
  const known = st.facts.get(USER_BACKED);
  const user = effect.does === 'is-user-backed';
  // Who asks for one of the kernel's kinds and is told no goes on as with a user's iterator.
  if (known !== undefined && known !== user) return w.values.int(0);
  if (known !== undefined) return effect.always ? w.values.int(1) : TOP;
  const no = st.clone();
  setIterator(st, user);
  if (effect.always || !user) setIterator(no, !user);
  return [
    { st, v: w.values.int(1) },
    { st: no, v: w.values.int(0) },
  ];
}
