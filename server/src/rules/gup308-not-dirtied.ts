import { FOLL } from '#engine/protocol/flags.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import { certainBits } from '../flow/value.ts';
import type { ReleaseObservation } from '../flow/world.ts';
import {
  called,
  dirtyings,
  firstPerKey,
  isUnpin,
  lastAccess,
  pathFinding,
  rangeOf,
  releases,
} from './common.ts';
import { RECLAIM, WRITEBACK } from './environments.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

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
  check: (flow) => {
    const bad = releases(flow).filter(
      ({ set, makeDirty, slot }) =>
        set.written === 'yes' &&
        set.dirtied === 'no' &&
        makeDirty === 'no' &&
        set.escaped === undefined &&
        (slot === null || set.slots[slot] !== 'released') &&
        (certainBits(set.flags) & FOLL.WRITE) !== 0,
    );
    const dirtied = new Set(dirtyings(flow).map((o) => o.set.call.start));
    return firstPerKey(bad, (o) => `${o.set.call.start}`).map((o) =>
      finding(o, dirtied.has(o.set.call.start)),
    );
  },
  run: {
    environments: [...WRITEBACK, ...RECLAIM, { memory: 'shmem', actors: ['reclaim'] }],
    endsAtRelease: true,
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

/** `elsewhere`: another path marks the page dirty, so a condition of the driver decides. */
function finding(o: ReleaseObservation, elsewhere: boolean): Finding {
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
  return tracked && set.kind === 'pin' && !elsewhere ? found : { ...found, certainty: 'likely' };
}
