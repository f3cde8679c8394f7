import type { ReleaseObservation } from '../flow/run/observation.ts';
import type { ProtocolEvent } from '../flow/state/path.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { releases } from './evidence/observations.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const openCodedUnpin: Rule = {
  code: 'GUP310',
  name: 'open-coded-unpin',
  summary: 'pages are marked dirty and unpinned one by one in a loop',
  defaultLevel: 'note',
  documentSection: 'CASE 5: Pinning in order to write to the data within the page',
  documentLines: '181-197',
  since: '5.6',
  rationale:
    'unpin_user_pages_dirty_lock() marks pages dirty, with the page lock, and unpins them: one call for the whole array. It treats the pages of a large folio together, skips what is dirty already, and leaves no room for a wrong order.',
  bad: `static int fill(unsigned long uaddr, int n, const void *src, struct page **pages)
{
	int got = pin_user_pages_fast(uaddr, n, FOLL_WRITE, pages);
	int i;

	for (i = 0; i < got; i++) {
		memcpy_to_page(pages[i], 0, src, PAGE_SIZE);
		set_page_dirty_lock(pages[i]);
		unpin_user_page(pages[i]);
	}
	return got;
}
`,
  good: `static int fill(unsigned long uaddr, int n, const void *src, struct page **pages)
{
	int got = pin_user_pages_fast(uaddr, n, FOLL_WRITE, pages);
	int i;

	for (i = 0; i < got; i++)
		memcpy_to_page(pages[i], 0, src, PAGE_SIZE);
	if (got > 0)
		unpin_user_pages_dirty_lock(pages, got, true);
	return got;
}
`,
  check: (flow) => {
    const open = releases(flow).filter(
      (o) => o.effect.api === 'unpin_user_page' && o.set.nr > 1 && dirtiedJustBefore(o) !== undefined,
    );
    return firstPerKey(open, (o) => `${o.call.start}`).map(finding);
  },
};

/** The step before the release, where it marks the same page dirty. */
function dirtiedJustBefore(o: ReleaseObservation): ProtocolEvent | undefined {
  // The newest step is the release itself.
  for (let link = o.path?.previous; link !== undefined; link = link.previous) {
    const { event } = link;
    if (!('step' in event) || event.set !== o.set.id) continue;
    const { step } = event;
    return step.op === 'dirty' && step.locked && step.from === (o.slot ?? 0) ? event : undefined;
  }
  return undefined;
}

function finding(o: ReleaseObservation): Finding {
  const message =
    'set_page_dirty_lock() and unpin_user_page() on one page after another is what unpin_user_pages_dirty_lock() does for the whole array. Call it once, with the number of pages.';
  const dirty = dirtiedJustBefore(o);
  const related = dirty === undefined ? [] : [{ range: dirty.range, message: 'marked dirty here' }];
  return pathFinding('GUP310', o, { range: rangeOf(o.call), function: o.within }, message, related);
}
