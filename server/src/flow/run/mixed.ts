/** Arrays with pages of several acquires, whose parts a path does not tell apart. */
import { pagesIn } from '../state/places.ts';
import { type State, UNKNOWN_ARRAY } from '../state/state.ts';
import { isPageRef } from '../state/value.ts';

/**
 * An entry of unknown offset is read of an array in which pages of several acquires stand, of two calls or of two rounds
 * of one: whoever gets it may have got pages of any of them.
 */
export function doubtMixed(st: State, base: string): void {
  const ids = new Set(pagesIn(st, base).flatMap(({ v }) => (isPageRef(v) ? [v.set] : [])));
  if (ids.size < 2) return;
  for (const id of ids) if (st.sets.get(id)?.escaped === undefined) st.update(id, { escaped: UNKNOWN_ARRAY });
}
