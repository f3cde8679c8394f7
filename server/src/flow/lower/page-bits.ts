/**
 * Page flags that are set by their number: `set_bit(PG_dirty, &page->flags)` is what SetPageDirty(page) does. Source:
 * include/linux/page-flags.h (the word is `flags.f` since 6.18).
 */
import type { Expr } from './ir.ts';

const SETS: ReadonlySet<string> = new Set(['set_bit', '__set_bit', 'test_and_set_bit', '__test_and_set_bit']);

interface Called {
  readonly fn: string | undefined;
  readonly args: readonly Expr[];
}

/** The call that stands for one which marks a page dirty by the number of the flag; any other call as it is. */
export function byName(fn: string | undefined, args: readonly Expr[]): Called {
  const [bit, word] = args;
  if (fn === undefined || !SETS.has(fn) || bit?.k !== 'var' || bit.name !== 'PG_dirty') return { fn, args };
  if (word?.k !== 'addr') return { fn, args };
  const inner = word.e.k === 'member' && !word.e.arrow ? word.e.base : word.e;
  if (inner.k !== 'member' || !inner.arrow || inner.name !== 'flags') return { fn, args };
  return { fn: 'SetPageDirty', args: [inner.base] };
}
