import { isOfIterator } from '../flow/kernel/acquire.ts';
import type { ReleaseObservation } from '../flow/run/observation.ts';
import { called, isUnpin } from './evidence/apis.ts';
import { freesItsOwn, surestFirst } from './evidence/choice.ts';
import { GONE, ORDINARY } from './evidence/environments.ts';
import { pathFinding, rangeOf } from './evidence/findings.ts';
import { putApi, withReleases } from './evidence/forms.ts';
import { releases } from './evidence/observations.ts';
import { unpinsOfGotOnly } from './evidence/only-kind.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const unpinOnGot: Rule = {
  code: 'GUP302',
  name: 'unpin-on-got',
  summary: 'pages from get_user_pages*() are released with unpin_user_page*()',
  defaultLevel: 'error',
  documentSection: 'Tracking dma-pinned pages',
  documentLines: '104-110, 121-123',
  since: '5.6',
  rationale:
    'unpin_user_page() takes GUP_PIN_COUNTING_BIAS (1024) from the reference count of a small folio. On a page that was only got, that takes 1023 references that others own: the count goes negative, and the page is freed under its users or can never be pinned again.',
  bad: `static int peek(unsigned long uaddr, u8 *value)
{
	struct page *page;
	u8 *kaddr;

	if (get_user_pages_fast(uaddr, 1, 0, &page) != 1)
		return -EFAULT;
	kaddr = kmap_local_page(page);
	*value = kaddr[offset_in_page(uaddr)];
	kunmap_local(kaddr);
	unpin_user_page(page);
	return 0;
}
`,
  good: `static int peek(unsigned long uaddr, u8 *value)
{
	struct page *page;
	u8 *kaddr;

	if (get_user_pages_fast(uaddr, 1, 0, &page) != 1)
		return -EFAULT;
	kaddr = kmap_local_page(page);
	*value = kaddr[offset_in_page(uaddr)];
	kunmap_local(kaddr);
	put_page(page);
	return 0;
}
`,
  pairs: true,
  check: (flow, { text }) => {
    const bad = releases(flow).filter(
      (o) =>
        o.set.kind === 'get' &&
        !freesItsOwn(flow, o, text) &&
        // Where an iterator's pages are kept, pages of the driver's own stand at other times.
        (isUnpin(o.effect.api) ? flow.pair === undefined || !isOfIterator(o.set.model) : isFreed(o)),
    );
    return surestFirst(flow, bad).map(({ o, choice }) =>
      choice ? { ...finding(o), certainty: 'possible' as const } : finding(o),
    );
  },
  checkFile: unpinsOfGotOnly,
  run: {
    environments: [...ORDINARY, ...GONE],
    endsAtRelease: true,
    documentForm: (steps) => withReleases(steps, putApi),
  },
};

function isFreed({ effect, set }: ReleaseObservation): boolean {
  return effect.api === '__free_page' && !isOfIterator(set.model);
}

function finding(o: ReleaseObservation): Finding {
  const { set } = o;
  const freed = o.effect.api === '__free_page';
  const what = freed
    ? `${called(o.call.fn)} is for pages that the driver allocated; this one belongs to the process, and ${called(set.model.name)} only took a reference: if it is the last, the page goes back to the allocator while it is still on the LRU list or in the page cache`
    : `${called(o.call.fn)} takes away a pin, but ${called(set.model.name)} only took a reference: the count drops by 1024 instead of 1 and the page can be freed while it is mapped`;
  const message = freed
    ? `${what}. Drop the reference with put_page().`
    : `${what}. Release with put_page(), or acquire with ${called(set.model.name.replace(/^get_/, 'pin_'))} if the data is accessed.`;
  const related = [{ range: rangeOf(set.call), message: 'the reference is taken here' }];
  return pathFinding('GUP302', o, { range: rangeOf(o.call), function: o.within }, message, related);
}
