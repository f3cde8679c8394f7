import { isOfIterator } from '../flow/kernel/acquire.ts';
import type { ReleaseObservation } from '../flow/run/observation.ts';
import { called, isUnpin } from './evidence/apis.ts';
import { freesItsOwn, surestFirst } from './evidence/choice.ts';
import { ORDINARY } from './evidence/environments.ts';
import { pathFinding, rangeOf } from './evidence/findings.ts';
import { unpinApi, withReleases } from './evidence/forms.ts';
import { releases } from './evidence/observations.ts';
import { putsOfPinnedOnly } from './evidence/only-kind.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const putOnPinned: Rule = {
  code: 'GUP301',
  name: 'put-on-pinned',
  summary: 'pinned pages are released with put_page() or a relative of it',
  defaultLevel: 'error',
  documentSection: 'Tracking dma-pinned pages',
  documentLines: '104-110, 121-123',
  since: '5.6',
  rationale:
    'A pin adds GUP_PIN_COUNTING_BIAS (1024) to the reference count of a small folio, or one to the pincount of a large one. put_page() takes away one reference: the folio stays "maybe DMA-pinned" for ever, is never freed, and nr_foll_pin_released never catches up with nr_foll_pin_acquired.',
  bad: `static int peek(unsigned long uaddr, u8 *value)
{
	struct page *page;
	u8 *kaddr;

	if (pin_user_pages_fast(uaddr, 1, 0, &page) != 1)
		return -EFAULT;
	kaddr = kmap_local_page(page);
	*value = kaddr[offset_in_page(uaddr)];
	kunmap_local(kaddr);
	put_page(page);
	return 0;
}
`,
  good: `static int peek(unsigned long uaddr, u8 *value)
{
	struct page *page;
	u8 *kaddr;

	if (pin_user_pages_fast(uaddr, 1, 0, &page) != 1)
		return -EFAULT;
	kaddr = kmap_local_page(page);
	*value = kaddr[offset_in_page(uaddr)];
	kunmap_local(kaddr);
	unpin_user_page(page);
	return 0;
}
`,
  pairs: true,
  check: (flow, { text }) => {
    // Of an iterator's pages GUP602 speaks: they need not be pinned.
    const bad = releases(flow).filter(
      (o) =>
        o.set.kind === 'pin' &&
        !isUnpin(o.effect.api) &&
        !isOfIterator(o.set.model) &&
        !freesItsOwn(flow, o, text),
    );
    return surestFirst(flow, bad).map(({ o, choice }) =>
      choice ? { ...finding(o), certainty: 'possible' as const } : finding(o),
    );
  },
  checkFile: putsOfPinnedOnly,
  run: {
    environments: ORDINARY,
    endsAtRelease: true,
    documentForm: (steps) => withReleases(steps, unpinApi),
  },
};

function finding(o: ReleaseObservation): Finding {
  const { set } = o;
  const several = o.effect.does === 'release-array';
  const cure = several ? 'unpin_user_pages()' : 'unpin_user_page()';
  const message = `${called(o.call.fn)} drops one reference of a page that ${called(set.model.name)} pinned: the pin itself is never released, so the folio counts as DMA-pinned for ever and its memory is lost. Release it with ${cure}, or unpin_user_pages_dirty_lock() if it was written.`;
  const related = [{ range: rangeOf(set.call), message: 'pinned here' }];
  return pathFinding('GUP301', o, { range: rangeOf(o.call), function: o.within }, message, related);
}
