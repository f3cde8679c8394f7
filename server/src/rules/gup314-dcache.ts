import type { AccessObservation } from '../flow/run/observation.ts';
import { called } from './evidence/apis.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { accesses } from './evidence/observations.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const dcache: Rule = {
  code: 'GUP314',
  name: 'dcache',
  summary: 'page data is written through a kernel address without flush_dcache_page()',
  defaultLevel: 'note',
  documentSection: 'CASE 5: Pinning in order to write to the data within the page',
  documentLines: '181-197',
  rationale:
    'On processors whose data cache is indexed by virtual addresses (arm before v7, mips, parisc, sparc, xtensa …) the process does not see what was written through another address until the cache lines are written back. kunmap_local() does not do that. flush_dcache_page() does, and memcpy_to_page() and its relatives call it.',
  bad: `static int post(unsigned long uaddr, u32 value)
{
	struct page *page;
	void *kaddr;

	if (pin_user_pages_fast(uaddr, 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	kaddr = kmap_local_page(page);
	memcpy(kaddr + offset_in_page(uaddr), &value, sizeof(value));
	kunmap_local(kaddr);
	unpin_user_pages_dirty_lock(&page, 1, true);
	return 0;
}
`,
  good: `static int post(unsigned long uaddr, u32 value)
{
	struct page *page;
	void *kaddr;

	if (pin_user_pages_fast(uaddr, 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	kaddr = kmap_local_page(page);
	memcpy(kaddr + offset_in_page(uaddr), &value, sizeof(value));
	flush_dcache_page(page);
	kunmap_local(kaddr);
	unpin_user_pages_dirty_lock(&page, 1, true);
	return 0;
}
`,
  check: (flow, { text, mentions }) => {
    const bad = accesses(flow).filter(
      (o) => o.mode === 'write' && !BY_PAGE.test(text.slice(o.range.start, o.range.end)),
    );
    if (bad.length === 0 || mentions(FLUSHES)) return [];
    return firstPerKey(bad, (o) => `${o.set.call.start}`).map(finding);
  },
};

/** The file takes care of caches somewhere: for which addresses, is not followed. */
const FLUSHES =
  /\b(flush_(dcache|kernel|cache|icache|anon)\w*|invalidate_kernel_vmap_range|dma_sync_\w+|clflush\w*|drm_clflush_\w+|arch_\w*flush\w*)\s*\(/;

/** Helpers that are given the page flush it themselves (include/linux/highmem.h). */
const BY_PAGE =
  /^(mem(cpy|set|zero)_(to_)?(page|folio)|zero_user|folio_zero|clear_|copy_\w*(highpage|page|folio))/;

function finding(o: AccessObservation): Finding {
  const { set } = o;
  const message = `The data is written through a kernel address, and nothing in this file calls flush_dcache_page(): where caches are indexed by virtual addresses, the process may not see it. Call flush_dcache_page() before the mapping ends, or write with memcpy_to_page(), which does.`;
  const related = [{ range: rangeOf(set.call), message: `acquired here by ${called(set.model.name)}` }];
  return pathFinding('GUP314', o, { range: rangeOf(o.range), function: o.within }, message, related);
}
