import { FOLL } from '#engine/protocol/flags.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import type { ReleaseObservation } from '../flow/run/observation.ts';
import { isWithCallee } from '../flow/state/state.ts';
import { certainBits } from '../flow/state/value.ts';
import { called, hasNoPins, isUnpin } from './evidence/apis.ts';
import { RECLAIM, WRITEBACK } from './evidence/environments.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { DIRTIES, isPlain, meantToBeWritten, withWrite } from './evidence/meant-for-writing.ts';
import { dirtyings, lastAccess, releases } from './evidence/observations.ts';
import type { Finding } from './finding.ts';
import type { Rule, RuleContext } from './rule.ts';

export const notDirtied: Rule = {
  code: 'GUP308',
  name: 'not-dirtied',
  summary: 'page data is written, and the page is released without being marked dirty',
  defaultLevel: 'warning',
  documentSection: 'CASE 5: Pinning in order to write to the data within the page',
  documentLines: '181-197',
  rationale:
    'The page table entry was marked dirty when the page was faulted in, before the write. If writeback runs in between, it writes the old data and counts the page as clean: the kernel may then drop it, and the bytes never reach the file. Only marking the page dirty after the write saves them, whatever the kind of reference.',
  bad: `static int post_status(unsigned long uaddr, u32 status)
{
	struct page *page;

	if (pin_user_pages_fast(uaddr, 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	memcpy_to_page(page, offset_in_page(uaddr), (char *)&status, sizeof(status));
	unpin_user_page(page);
	return 0;
}
`,
  good: `static int post_status(unsigned long uaddr, u32 status)
{
	struct page *page;

	if (pin_user_pages_fast(uaddr, 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	memcpy_to_page(page, offset_in_page(uaddr), (char *)&status, sizeof(status));
	unpin_user_pages_dirty_lock(&page, 1, true);
	return 0;
}
`,
  pairs: true,
  check: (flow, context) => {
    const bad = releases(flow).filter((o) => isPlain(o) && o.set.written === 'yes');
    const dirtied = new Set(dirtyings(flow).map((o) => o.set.call.start));
    const known = bad.filter((o) => {
      if (o.set.escaped === undefined) return true;
      if (dirtied.has(o.set.call.start)) return false;
      // A callee that is not seen may dirty what it is given, if it belongs to a driver that does such things.
      return !isWithCallee(o.set) || (flow.pair !== undefined && !context.mentions(DIRTIES));
    });
    const written = firstPerKey(surest(known), (o) => `${o.set.call.start}`).map((o) => {
      const elsewhere = o.set.escaped !== undefined && mayBeDirtied(o, context);
      return writtenThen(o, elsewhere || dirtied.has(o.set.call.start), isOwnMemory(o, context));
    });
    return [...written, ...meantToBeWritten(flow, context, new Set(bad.map((o) => o.set.call.start)))];
  },
  run: {
    environments: [...WRITEBACK, ...RECLAIM, { memory: 'shmem', actors: ['reclaim'] }],
    endsAtRelease: true,
    completed: withWrite,
    documentForm: dirtied,
  },
};

/** Marks what is released dirty: an unpin does it by itself, before a put it is a step of its own. */
function dirtied(steps: readonly DriverStep[]): DriverStep[] {
  return steps.flatMap((s): DriverStep[] => {
    if (s.op !== 'release') return [s];
    if (isUnpin(s.api)) return [{ ...s, api: 'unpin_user_pages_dirty_lock', makeDirty: true }];
    const { set, from, count } = s;
    return [{ op: 'dirty', locked: true, set, from, count }, s];
  });
}

/** Those of pages that nobody else has come first. */
function surest(bad: readonly ReleaseObservation[]): ReleaseObservation[] {
  const isSure = ({ set }: ReleaseObservation): boolean => set.escaped === undefined;
  return [...bad.filter(isSure), ...bad.filter((o) => !isSure(o))];
}

/**
 * Pages that others may reach: a callee that is not seen, or the file under a name that is not told apart. Who is given
 * what a device is to write to, in a file that marks nothing dirty, starts the device.
 */
function mayBeDirtied({ set }: ReleaseObservation, context: RuleContext): boolean {
  if (!isWithCallee(set)) return context.mentions(MARKS_DIRTY);
  return set.device?.direction !== 'from-device' || context.mentions(DIRTIES);
}

const MARKS_DIRTY = /\b(?:\w*set_page_dirty\w*|folio_mark_dirty\w*|SetPageDirty)\s*\(|\bPG_dirty\b/;

/**
 * Whether a get is all that the kernel has, and the pages are the process' own: of the mm of somebody else, or of one that
 * is being made, code may know that no file is behind them.
 */
function isOwnMemory({ set }: ReleaseObservation, context: RuleContext): boolean {
  if (!hasNoPins(context.kernel) || set.underLock) return false;
  return set.model.api !== 'get_user_pages_remote' && !context.mentions(MAKES_MM);
}

const MAKES_MM = /\bmm_alloc\s*\(/;

/** `elsewhere`: the page may be marked dirty on another path, or by somebody who is not seen. */
function writtenThen(o: ReleaseObservation, elsewhere: boolean, own: boolean): Finding {
  const { set } = o;
  const pin = isUnpin(o.effect.api);
  const cure = pin
    ? 'Release it with unpin_user_pages_dirty_lock(…, true)'
    : `Call set_page_dirty_lock() before ${called(o.call.fn)}`;
  const write = lastAccess(o.path, set.id, 'write');
  const what =
    write === undefined && set.device !== undefined
      ? 'A device may write to the page as long as it has it; then the page is'
      : 'The page is written and then';
  const message = `${what} released by ${called(o.call.fn)} without being marked dirty: if writeback has cleaned it since it was acquired, the bytes never reach the file. ${cure}.`;
  const related = [
    { range: rangeOf(set.call), message: 'acquired here' },
    ...(write === undefined ? [] : [{ range: write.range, message: 'the data is written here' }]),
  ];
  const at = { range: rangeOf(o.call), function: o.within };
  const found = pathFinding('GUP308', o, at, message, related);
  // FOLL_WRITE | FOLL_LONGTERM admits no page of a file whose dirty pages are tracked.
  const tracked = (certainBits(set.flags) & FOLL.LONGTERM) === 0;
  // A get that GUP201 leaves alone is core-mm practice under mmap_lock, on mappings that such code knows.
  const ordinary = set.kind === 'pin' || (own && write !== undefined);
  return tracked && ordinary && !elsewhere ? found : { ...found, certainty: 'likely' };
}
