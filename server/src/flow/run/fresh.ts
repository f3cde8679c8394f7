/** Memory that the path has just allocated is none that was there before. */
import type { BinaryOp } from '../lower/ir.ts';
import { isNamedConstant } from '../state/named.ts';
import { ALLOCATED } from '../state/places.ts';
import type { State } from '../state/state.ts';
import { isPlainUnknown, type Value } from '../state/value.ts';

/**
 * Outcome of `==` and `!=` between the address of such memory and what a place held from the start. Undefined where the
 * path has put the address anywhere but into locals: the place may be that one, under another name.
 */
export function comparedWithFresh(st: State, op: BinaryOp, l: Value, r: Value): boolean | undefined {
  if (op !== '==' && op !== '!=') return undefined;
  const [fresh, old] = isFresh(l) ? [l, r] : [r, l];
  if (!isFresh(fresh) || !isPlainUnknown(old) || old.place === undefined) return undefined;
  // A status, then: `my_alloc(&p) != MY_OK`.
  if (isNamedConstant(old)) return undefined;
  const { store } = st;
  for (let i = 0; i < store.size; i++)
    if (store.valueAt(i) === fresh && store.keyAt(i).frame === '') return undefined;
  return op === '!=';
}

function isFresh(v: Value): boolean {
  return isPlainUnknown(v) && v.key.startsWith(`@${ALLOCATED}`);
}
