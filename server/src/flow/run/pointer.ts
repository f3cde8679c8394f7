/** Functions of the file that a path has stored as a pointer: `map->release = release_pages; … map->release(map)`. */
import type { BinaryOp } from '../lower/ir.ts';
import { isPlainUnknown, type Value } from '../state/value.ts';
import type { World } from './world.ts';

/** Name of the function whose address a value is, where the file or a header defines it. */
export function functionAt(w: World, v: Value): string | undefined {
  if (!isPlainUnknown(v) || v.place?.[0] !== ':') return undefined;
  const name = v.place.slice(1);
  return w.defines(name) ? name : undefined;
}

/** Outcome of `==` and `!=` between such an address and NULL or the address of another function. */
export function comparedWithFunction(w: World, op: BinaryOp, l: Value, r: Value): boolean | undefined {
  if (op !== '==' && op !== '!=') return undefined;
  const [a, b] = [functionAt(w, l), functionAt(w, r)];
  const isNull = (v: Value): boolean => v.t === 'int' && v.n === 0;
  if (a !== undefined && b !== undefined) return (a === b) === (op === '==');
  return (a !== undefined && isNull(r)) || (b !== undefined && isNull(l)) ? op === '!=' : undefined;
}
