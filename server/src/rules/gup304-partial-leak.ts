import { called } from './evidence/apis.ts';
import { GONE, ORDINARY } from './evidence/environments.ts';
import { released } from './evidence/forms.ts';
import { isShort, leakFindings, leaks, stranded, strandedFindings } from './evidence/leaks.ts';
import type { Rule } from './rule.ts';

export const partialLeak: Rule = {
  code: 'GUP304',
  name: 'partial-leak',
  summary: 'a short count is treated as failure without releasing what was acquired',
  defaultLevel: 'error',
  documentSection: 'Unit testing',
  documentLines: '244-266',
  rationale:
    'get_user_pages*() and pin_user_pages*() may return fewer pages than were asked for, for instance when the range runs past the end of a mapping. The pages that were acquired are held, and must be released before the caller gives up.',
  bad: `static int pin_buffer(unsigned long uaddr, int n, struct dma_buffer *buf)
{
	struct page **pages = kvmalloc_array(n, sizeof(*pages), GFP_KERNEL);
	int got;

	if (!pages)
		return -ENOMEM;
	got = pin_user_pages_fast(uaddr, n, FOLL_WRITE, pages);
	if (got != n) {
		kvfree(pages);
		return got < 0 ? got : -EFAULT;
	}
	buf->pages = pages;
	buf->n = n;
	return 0;
}
`,
  good: `static int pin_buffer(unsigned long uaddr, int n, struct dma_buffer *buf)
{
	struct page **pages = kvmalloc_array(n, sizeof(*pages), GFP_KERNEL);
	int got;

	if (!pages)
		return -ENOMEM;
	got = pin_user_pages_fast(uaddr, n, FOLL_WRITE, pages);
	if (got != n) {
		if (got > 0)
			unpin_user_pages(pages, got);
		kvfree(pages);
		return got < 0 ? got : -EFAULT;
	}
	buf->pages = pages;
	buf->n = n;
	return 0;
}
`,
  pairs: true,
  check: (flow, context) => {
    const lost = stranded(flow);
    const whole = new Set(lost.filter((o) => !isShort(o)).map((o) => o.set.call.start));
    const left = strandedFindings(
      'GUP304',
      lost.filter((o) => isShort(o) && !whole.has(o.set.call.start)),
    );
    if (flow.pair !== undefined) return left;
    const all = leaks(flow);
    // An end at which the pages leak whatever the count was is one cause, and GUP303's.
    const fullLeaks = new Set(
      all.filter((o) => !isShort(o)).map((o) => `${o.set.call.start}|${o.range.start}`),
    );
    const short = all.filter((o) => isShort(o) && !fullLeaks.has(`${o.set.call.start}|${o.range.start}`));
    const dropped = leakFindings('GUP304', short, context, (o) => {
      const cure = o.set.kind === 'pin' ? 'unpin_user_pages(pages, got)' : 'release_pages(pages, got)';
      return `${called(o.set.model.name)} may return fewer pages than asked for, and those it did acquire are still held when the function gives up: they are leaked. Release them with ${cure} where the count is short and positive.`;
    });
    return [...left, ...dropped];
  },
  run: {
    environments: [...ORDINARY, ...GONE],
    documentForm: released,
  },
};
