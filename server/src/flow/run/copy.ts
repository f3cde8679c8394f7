/** Objects that are copied as a whole: `*to = *from`, `memcpy(to, &from, sizeof(from))`. */
import { asAddress, blank, elsewhere, holdsReference } from '../state/places.ts';
import { type State, UNKNOWN_PLACE } from '../state/state.ts';
import { isPageRef } from '../state/value.ts';

/**
 * What stands in members of the object at the place `from` stands in those of the one at `to` as well: pages, the
 * address of their array, and how many there are. Where `to` is not told apart, pages are kept by somebody from here on.
 * Nothing happens where nothing leads to a page.
 */
export function copyObject(st: State, from: string, to: string | undefined): void {
  if (!holdsReference(st)) return;
  const { store } = st;
  const marker = blank(from);
  for (let i = 0, { size } = store; i < size; i++) {
    const { text } = store.keyAt(i);
    const at = text[0] === '&' ? 1 : 0;
    if (text === marker || !text.startsWith(from, at) || text[at + from.length] !== '.') continue;
    const v = store.valueAt(i);
    if (to !== undefined) store.set(`${text.slice(0, at)}${to}${text.slice(at + from.length)}`, v);
    else if (isPageRef(v)) st.update(v.set, { escaped: UNKNOWN_PLACE });
    else if (asAddress(v) !== undefined) store.set(elsewhere(v.key), v);
  }
}
