import type { FunctionFlow } from '../flow/file.ts';
import type { DirtyObservation } from '../flow/run/observation.ts';
import type { KernelVersion } from '../syntax/preprocess/version.ts';
import { called } from './evidence/apis.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { dirtyings, isReleased, lastRelease, releases } from './evidence/observations.ts';
import { markedUnlocked, orUnpin, TRUNCATED } from './evidence/only-users.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const dirtyUnlocked: Rule = {
  code: 'GUP309',
  name: 'dirty-unlocked',
  summary: 'a page is marked dirty without the page lock, or after its release',
  defaultLevel: 'warning',
  documentSection: 'CASE 5: Pinning in order to write to the data within the page',
  documentLines: '181-197',
  rationale:
    "set_page_dirty() needs the page lock, or another reason why the page can't be truncated meanwhile: without it the mapping may go away between the test and the use, or the file system finds a dirty page that it has already let go. SetPageDirty() sets the bit without telling the file system at all. set_page_dirty_lock() takes the lock, and must be called while the page is still held.",
  bad: `static void finish(unsigned long uaddr, const void *src)
{
	struct page *page;

	if (pin_user_pages_fast(uaddr, 1, FOLL_WRITE, &page) != 1)
		return;
	memcpy_to_page(page, 0, src, PAGE_SIZE);
	set_page_dirty(page);
	unpin_user_page(page);
}
`,
  good: `static void finish(unsigned long uaddr, const void *src)
{
	struct page *page;

	if (pin_user_pages_fast(uaddr, 1, FOLL_WRITE, &page) != 1)
		return;
	memcpy_to_page(page, 0, src, PAGE_SIZE);
	set_page_dirty_lock(page);
	unpin_user_page(page);
}
`,
  pairs: true,
  check: (flow, { text, kernel }) => {
    const bad = dirtyings(flow).filter((o) =>
      isReleased(o) ? !isReleasedAgain(flow, o) : !o.locked && !o.set.pageLocked,
    );
    return firstPerKey(bad, (o) => `${o.set.call.start}|${o.call.start}`).map((o) =>
      finding(o, text, kernel),
    );
  },
  checkFile: markedUnlocked,
};

/** What is marked dirty and released once more is GUP306's. */
function isReleasedAgain(flow: FunctionFlow, { set, slot, call }: DirtyObservation): boolean {
  return releases(flow).some(
    (o) => o.set.id === set.id && o.slot === slot && o.call.start > call.start && isReleased(o),
  );
}

function finding(o: DirtyObservation, text: string, kernel: KernelVersion): Finding {
  const [byBit] = /^\w*set_bit\b/.exec(text.slice(o.call.start, o.call.end)) ?? [];
  const name = byBit === undefined ? called(o.call.fn) : `${byBit}(PG_dirty)`;
  const late = isReleased(o);
  const atOnce = orUnpin(kernel);
  const message = late
    ? `${name} is called after the page was released: by then it may belong to somebody else, and what is marked dirty is not what was written. Mark it dirty before the release${atOnce}.`
    : `${name} is called without the page lock: ${TRUNCATED}. Call set_page_dirty_lock()${atOnce}.`;
  const release = late ? lastRelease(o.path, o.set.id) : undefined;
  const related = [
    { range: rangeOf(o.set.call), message: 'acquired here' },
    ...(release === undefined ? [] : [{ range: release.range, message: 'released here' }]),
  ];
  return pathFinding('GUP309', o, { range: rangeOf(o.call), function: o.within }, message, related);
}
