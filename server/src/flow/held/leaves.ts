/** What a run leaves to other entry points, without places: what others depend on. */
import { isPageRef } from '../state/value.ts';
import { type Held, heldKey } from './held.ts';

/** What a run leaves to other entry points. */
export interface Leaves {
  /** Names of the members (with a dot) and variables that lead to pages. */
  readonly names: readonly string[];
  /** The members whose struct is known: `struct.member`. */
  readonly typed: readonly string[];
  /** One text for each way of leaving them. */
  readonly keys: readonly string[];
  /** The calls that acquired them: `function#call`. */
  readonly sites: readonly string[];
  /** An address of their data, or a number of theirs, is kept too: no call is needed to get at them. */
  readonly open: boolean;
}

export const NO_LEAVES: Leaves = { names: [], typed: [], keys: [], sites: [], open: false };

/** Members (with a dot) and variables that lead to pages which are left held, and what tells the ways of leaving apart. */
export function leavesOf(left: readonly Held[]): Leaves {
  const names = new Set<string>();
  const typed = new Set<string>();
  const sites = new Set(left.flatMap((held) => held.sets.map((s) => `${s.within}#${s.call.site}`)));
  for (const { objects, globals } of left) {
    for (const { owner, leading } of objects) {
      for (const member of leading) {
        names.add(`.${member}`);
        if (owner !== undefined) typed.add(`${owner}.${member}`);
      }
    }
    for (const global of globals) names.add(global);
  }
  const open = left.some(({ store }) => [...store.values()].some((v) => isPageRef(v) && v.t !== 'page'));
  return { names: [...names], typed: [...typed], keys: left.map(heldKey), sites: [...sites], open };
}
