import type { ReleaseObservation } from '../flow/run/observation.ts';
import { called, isUnpin } from './evidence/apis.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { releases } from './evidence/observations.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const structPageOnly: Rule = {
  code: 'GUP206',
  name: 'struct-page-only',
  summary: 'pages are pinned although only struct page is looked at (CASE 4)',
  defaultLevel: 'note',
  documentSection: 'CASE 4: Pinning for struct page manipulation only',
  documentLines: '175-179',
  rationale:
    'A pin says that the data of the page is accessed: it makes fork() copy the page, keeps reclaim and migration away, and moves the page out of movable memory with FOLL_LONGTERM. Code that only asks struct page something (its node, its size, its flags) needs it to stay there, which a reference does.',
  bad: `static int node_of(unsigned long uaddr)
{
	struct page *page;
	int node;

	if (pin_user_pages_fast(uaddr, 1, 0, &page) != 1)
		return -EFAULT;
	node = page_to_nid(page);
	unpin_user_page(page);
	return node;
}
`,
  good: `static int node_of(unsigned long uaddr)
{
	struct page *page;
	int node;

	if (get_user_pages_fast(uaddr, 1, 0, &page) != 1)
		return -EFAULT;
	node = page_to_nid(page);
	put_page(page);
	return node;
}
`,
  check: (flow, { code }) => {
    const unpins = releases(flow).filter((o) => o.set.kind === 'pin' && isUnpin(o.effect.api));
    const other = new Set(unpins.filter((o) => !looksOnly(o, code)).map((o) => o.set.call.start));
    const bad = unpins.filter((o) => !other.has(o.set.call.start));
    return firstPerKey(bad, (o) => `${o.set.call.start}`).map(finding);
  },
};

/** Questions that struct page answers by itself. */
const ASKS_PAGE =
  /\b(page_to_nid|page_zonenum|page_zone|page_size|page_order|compound_(order|nr)|page_mapcount|Page(Huge|Compound|TransHuge|Anon|Dirty|Head|Tail|LRU|Reserved)|folio_(nid|size|order|nr_pages|test_\w+|mapcount)|is_zone_device_page|is_migrate_cma_page)\s*\(/;

/** What leads on to the data, or to somebody who may get at it. */
const LEADS_ON =
  /\b(k?v?map\w*|vm_map_\w+|page_address|page_to_(phys|virt|pfn)|sg_\w+|dma_\w+|bio_\w+|memcpy_\w+|copy_\w+)\s*\(/;

/** Between the acquire and the release, in one function, struct page is asked something, and nothing else is done. */
function looksOnly({ set, call, within }: ReleaseObservation, code: string): boolean {
  const touched = set.written !== 'no' || set.read || set.dirtied !== 'no' || set.device !== undefined;
  if (touched || set.escaped !== undefined || set.guessed || set.within !== within) return false;
  const between = code.slice(set.call.end, Math.max(set.call.end, call.start));
  return ASKS_PAGE.test(between) && !LEADS_ON.test(between);
}

function finding(o: ReleaseObservation): Finding {
  const { set } = o;
  const name = called(set.model.name);
  const message = `${name} pins, but between here and ${called(o.call.fn)} only struct page is looked at (CASE 4): a pin is for access to the data, and moves or copies pages for nothing. Use ${called(set.model.name.replace(/^pin_/, 'get_'))} and put_page().`;
  const related = [{ range: rangeOf(o.call), message: 'released here' }];
  return pathFinding('GUP206', o, { range: rangeOf(set.call), function: set.within }, message, related);
}
