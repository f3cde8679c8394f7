/** Whether a function takes the mmap_lock only after a call that needs it: then its callers do not hold it either. */
import type { Range } from '../../syntax/range.ts';
import type { FunctionIr } from '../lower/ir.ts';
import { type LockContext, locksAtNodes } from './locks.ts';

/**
 * The first lock that is taken on a way from the call at `from`, on which nothing touched the lock before: whoever held it
 * at the call would wait for itself there. `isOfSameMm` says whether what is locked is the mm that the call walks. An
 * assertion takes nothing, and a try gives up where the lock is held.
 */
export function lockedLater(
  ir: FunctionIr,
  context: LockContext,
  from: Range,
  isOfSameMm: (mm: string) => boolean,
): Range | undefined {
  const at = ir.nodes.find(
    ({ expr }) => expr !== undefined && expr.start <= from.start && from.end <= expr.end,
  );
  if (at === undefined) return undefined;
  const reached = locksAtNodes(ir, context);
  const before = new Map(reached.map(({ node, state }) => [node.id, state.mmap]));
  const seen = new Set([at.id]);
  const work = [...at.succ];
  for (const id of work) {
    if (seen.has(id)) continue;
    seen.add(id);
    const mmap = before.get(id);
    if (mmap?.s === 'start') work.push(...ir.nodes[id]!.succ);
    if (mmap?.s !== 'held' || mmap.range.start < from.start) continue;
    if (takes(mmap.range, context) && isOfSameMm(mmap.mm)) return mmap.range;
  }
  return undefined;
}

/** A lock that waits, written in this function. */
function takes(range: Range, { text }: LockContext): boolean {
  return /^(mmap_(read|write)_lock|down_(read|write))(_killable)?\s*\(/.test(
    text.slice(range.start, range.end),
  );
}
