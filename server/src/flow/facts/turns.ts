/** Helpers of a dispatcher, such as an ioctl function, that different calls of it reach. */
import type { FunctionIr } from '../lower/ir.ts';
import { walk } from '../lower/walk.ts';

/**
 * Whether no way through a function calls `helper` after one of the functions for which `acquires` holds: what the one has
 * left, another call of the function finds.
 */
export function isAnotherTurn(
  ir: FunctionIr,
  helper: string,
  acquires: (callee: string) => boolean,
): boolean {
  const callsOf = (test: (callee: string) => boolean): number[] =>
    ir.nodes.flatMap(({ id, expr }) => {
      let found = false;
      if (expr !== undefined)
        walk(expr, (e) => (found ||= e.k === 'call' && e.fn !== undefined && test(e.fn)));
      return found ? [id] : [];
    });
  const helps = new Set(callsOf((callee) => callee === helper));
  const seen = new Set<number>();
  for (const start of callsOf(acquires)) for (const next of ir.nodes[start]!.succ) seen.add(next);
  for (const at of seen) for (const next of ir.nodes[at]!.succ) seen.add(next);
  return helps.size > 0 && [...helps].every((id) => !seen.has(id));
}
