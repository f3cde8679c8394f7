import type { ExitObservation } from '../flow/run/observation.ts';
import { called } from './evidence/apis.ts';
import { GONE, ORDINARY } from './evidence/environments.ts';
import { released } from './evidence/forms.ts';
import {
  isShort,
  leakFindings,
  leaks,
  lossOf,
  overwrittenFindings,
  stranded,
  strandedFindings,
  unreleasedFindings,
} from './evidence/leaks.ts';
import type { Rule } from './rule.ts';

/** Another entry point frees the memory in which the pages stand, and the file has nobody who releases them. */
function lost(o: ExitObservation, cure: string, onRequest: readonly string[]): string {
  const kept = o.set.kind === 'pin' ? 'pinned' : 'held';
  const nobody =
    onRequest.length === 0
      ? ', and no function of this file does'
      : `. ${onRequest.map(called).join(' and ')} can release them before, but only if userspace asks for it: a process that just closes the file, or is killed, never does`;
  return `The pages that ${called(o.set.model.name)} acquires here are kept in a structure, and ${called(o.within)} frees the memory that leads to them while they are still ${kept}: nobody can release them any more${nobody}. Release them with ${cure} before that memory is freed.`;
}

export const leak: Rule = {
  code: 'GUP303',
  name: 'leak',
  summary: 'acquired pages are never released on some path',
  defaultLevel: 'error',
  documentSection: 'Unit testing',
  documentLines: '244-266',
  rationale:
    'Every reference or pin that is acquired must be released, on every path. A leaked page is never freed; a leaked pin also makes the folio count as DMA-pinned for ever, so that it cannot be migrated, swapped out or reused, and nr_foll_pin_acquired and nr_foll_pin_released never balance.',
  bad: `static int load(unsigned long uaddr, void *dst)
{
	struct page *page;
	void *kaddr;

	if (pin_user_pages_fast(uaddr, 1, 0, &page) != 1)
		return -EFAULT;
	kaddr = kmap_local_page(page);
	memcpy(dst, kaddr, PAGE_SIZE);
	kunmap_local(kaddr);
	if (!header_ok(dst))
		return -EINVAL;
	unpin_user_page(page);
	return 0;
}
`,
  good: `static int load(unsigned long uaddr, void *dst)
{
	struct page *page;
	void *kaddr;
	int ret = 0;

	if (pin_user_pages_fast(uaddr, 1, 0, &page) != 1)
		return -EFAULT;
	kaddr = kmap_local_page(page);
	memcpy(dst, kaddr, PAGE_SIZE);
	kunmap_local(kaddr);
	if (!header_ok(dst))
		ret = -EINVAL;
	unpin_user_page(page);
	return ret;
}
`,
  pairs: true,
  check: (flow, context) => [
    ...unreleasedFindings('GUP303', flow),
    ...overwrittenFindings('GUP303', flow),
    ...strandedFindings(
      'GUP303',
      stranded(flow).filter((o) => !isShort(o)),
    ),
    ...leakFindings(
      'GUP303',
      leaks(flow).filter((o) => !isShort(o)),
      context,
      (o) => {
        const { cure, effect } = lossOf(o.set);
        if (flow.pair !== undefined) return lost(o, cure, flow.pair.onRequest);
        const some = o.set.slots.includes('released') ? 'Some of the pages' : 'The pages';
        const where = o.within === o.set.within ? 'the function' : called(o.within);
        return `${some} that ${called(o.set.model.name)} acquires here are still held when ${where} returns, and nothing refers to them any more: ${effect}. Release them with ${cure} before returning.`;
      },
    ),
  ],
  run: {
    environments: [...ORDINARY, ...GONE],
    documentForm: released,
  },
};
