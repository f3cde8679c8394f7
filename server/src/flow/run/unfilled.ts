/** Uses of array entries that a short acquire did not fill. */
import type { Effect } from '../kernel/effects.ts';
import type { Call } from '../lower/ir.ts';
import { asAddress, elementPlace } from '../state/places.ts';
import type { State } from '../state/state.ts';
import { asUnfilled, TOP, type Value } from '../state/value.ts';
import type { Frame, World } from './world.ts';

/** Tells of a helper that is given what a short acquire left in its array for a page. */
export function observeUnfilled(
  w: World,
  f: Frame,
  st: State,
  e: Call,
  effect: Effect,
  args: readonly Value[],
): void {
  for (const v of entriesGiven(st, effect, args)) {
    const at = asUnfilled(v);
    const set = at === undefined ? undefined : st.sets.get(at.set);
    if (at === undefined || set === undefined || set.result < 0) continue;
    w.observe({ what: 'unfilled-use', call: e, set, slot: at.slot, path: st.path, within: f.within });
    return;
  }
}

/** The page that a helper makes an address of, maps or lists, or the first ones of the array that it is given. */
function entriesGiven(st: State, effect: Effect, args: readonly Value[]): readonly Value[] {
  const arg = (i: number | undefined): Value[] => (i === undefined ? [] : [args[i] ?? TOP]);
  switch (effect.does) {
    case 'map':
    case 'read-page':
    case 'write-page':
    case 'device-map':
      return arg(effect.page);
    case 'handle':
      return arg(effect.arg);
    case 'map-array':
      return elementsOf(st, args, effect.pages);
    case 'device-list':
      return effect.pages === undefined ? arg(effect.page) : elementsOf(st, args, effect.pages);
    default:
      return [];
  }
}

/** The first elements of an array, as many of them as the argument after it says where that is known. */
function elementsOf(st: State, args: readonly Value[], pages: number): Value[] {
  const address = asAddress(args[pages] ?? TOP);
  if (address?.off == null) return [];
  const { base, off } = address;
  const count = args[pages + 1];
  const known = count?.t === 'int' ? count.n : 2;
  return [0, 1].flatMap((i) => (i < known ? (st.store.get(elementPlace(base, off + i)) ?? []) : []));
}
