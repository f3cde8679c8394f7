/** Iterator macros that the dialect made loops: what they set in each round. */
import type { Declare, Expr } from './ir.ts';

/** Positions of the variables that an iterator macro sets in each round; all locals where it is not listed. */
const ITERATORS: readonly (readonly [RegExp, readonly number[]])[] = [
  [/^for_each_sg$/, [1, 3]],
  [/^for_each_sg(?:table)?_(?:dma_)?page$/, []],
  [/^for_each_sgtable_/, [1, 2]],
  [/^(h?list|llist|hlist_bl)_for_each\w*_safe/, [0, 1]],
  [/^(h?list|llist|hlist_bl)_for_each/, [0]],
  [/^for_each_(set|clear)_bit/, [0]],
];

/** The entry that a scatterlist iterator is at: `sg = sg_next(list)`. A page iterator is an object that leads to it. */
export function elementOf(macro: string, args: readonly Expr[]): Expr[] {
  const [list, entry] = args;
  const kind = /^for_each_(?:sg|sgtable)_?(?:dma_)?(sg|page)?$/.exec(macro);
  if (kind === null || list === undefined || entry === undefined) return [];
  const at = { start: entry.start, end: entry.end };
  if (kind[1] !== 'page' && (entry.k !== 'var' || !entry.local)) return [];
  const l: Expr = kind[1] === 'page' ? { k: 'deref', e: entry, ...at } : entry;
  const call: Expr = { k: 'call', fn: 'sg_next', callee: undefined, args: [list], site: -1, ...at };
  return [{ k: 'assign', op: '=', l, r: call, ...at }];
}

/** Locals that a round sets: they are unknown in it. */
export function iteratorsOf(macro: string, args: readonly Expr[]): Declare[] {
  const positions = ITERATORS.find(([name]) => name.test(macro))?.[1];
  return args.flatMap((a, i): Declare[] =>
    a.k === 'var' && a.local && (positions?.includes(i) ?? true)
      ? [{ k: 'declare', name: a.name, array: false, start: a.start, end: a.end }]
      : [],
  );
}

/** The arguments of a macro, which stand in the condition of its loop. */
export function flatten(e: Expr): Expr[] {
  return e.k === 'seq' ? e.items.flatMap(flatten) : [e];
}
