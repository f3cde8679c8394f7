import type { ReleaseObservation } from '../flow/run/observation.ts';
import { called, isUnpin } from './evidence/apis.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { releases } from './evidence/observations.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const iterExtractRelease: Rule = {
  code: 'GUP602',
  name: 'iter-extract-release',
  summary: 'pages of iov_iter_extract_pages() are released without regard to how they are held',
  defaultLevel: 'warning',
  documentSection: 'Tracking dma-pinned pages',
  documentLines: '104-110, 121-123',
  since: '6.3',
  rationale:
    "iov_iter_extract_pages() pins the pages of a user's iterator (ITER_UBUF, ITER_IOVEC). Those of the kernel's own iterators (ITER_KVEC, ITER_BVEC, ITER_FOLIOQ, ITER_XARRAY) it only lists: it takes neither reference nor pin. Which of the two it was is what iov_iter_extract_will_pin() tells. An unpin of a page that was only listed takes 1024 references that belong to somebody else, and put_page() never releases a pin.",
  bad: `static ssize_t send(struct iov_iter *iter)
{
	struct page *page, **pages = &page;
	size_t offset;
	ssize_t len;

	len = iov_iter_extract_pages(iter, &pages, PAGE_SIZE, 1, 0, &offset);
	if (len <= 0)
		return len;
	len = checksum_page(len, offset);
	unpin_user_page(page);
	return len;
}
`,
  good: `static ssize_t send(struct iov_iter *iter)
{
	struct page *page, **pages = &page;
	size_t offset;
	ssize_t len;

	len = iov_iter_extract_pages(iter, &pages, PAGE_SIZE, 1, 0, &offset);
	if (len <= 0)
		return len;
	len = checksum_page(len, offset);
	if (iov_iter_extract_will_pin(iter))
		unpin_user_page(page);
	return len;
}
`,
  pairs: true,
  check: (flow, { mentions }) => {
    // What another entry point goes by when it unpins, the one that extracted the pages may have told it.
    const isBad = (o: ReleaseObservation): boolean =>
      flow.pair === undefined
        ? !isUnpin(o.effect.api) || isUnasked(o)
        : !isUnpin(o.effect.api) && o.effect.api !== '__free_page';
    const bad = releases(flow).filter((o) => o.set.model.name === 'iov_iter_extract_pages' && isBad(o));
    // Where the file also unpins, the puts may be of other objects of the kind.
    if (flow.pair !== undefined && bad.length > 0 && mentions(UNPINS)) return [];
    const elsewhere = bad.length > 0 && mentions(KNOWS_KIND);
    return firstPerKey(bad, (o) => `${o.set.call.start}|${o.call.start}`).map((o) => finding(o, elsewhere));
  },
};

const UNPINS = /\bunpin_\w+\s*\(/;

/** The file asks for the kind of its iterators, or makes them of a user's memory. */
const KNOWS_KIND =
  /\b(iov_iter_extract_will_pin|user_backed_iter|iter_is_(ubuf|iovec)|iov_iter_(is_\w+|ubuf|init)|import_(ubuf|iovec|single_range))\s*\(/;

/** No test on the way to the release concerns the iterator or a flag that remembers its kind. */
function isUnasked({ set, path }: ReleaseObservation): boolean {
  if (set.iterator === 'user') return false;
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if ('holds' in event && /pin|backed|kvec|bvec|ubuf|iovec/i.test(event.text)) return false;
  }
  return true;
}

function finding(o: ReleaseObservation, elsewhere: boolean): Finding {
  const { set } = o;
  const release = called(o.call.fn);
  const unpin = isUnpin(o.effect.api);
  const message = unpin
    ? `${release} unpins what iov_iter_extract_pages() pinned only for a user's iterator: of the kernel's own (ITER_KVEC, ITER_BVEC …) the pages are merely listed, and the unpin takes references of somebody else. Unpin only where iov_iter_extract_will_pin() is true.`
    : `${release} drops a reference that iov_iter_extract_pages() never took: of a user's iterator the pages are pinned, of the kernel's own they are merely listed. Call unpin_user_page() where iov_iter_extract_will_pin() is true, and nothing otherwise.`;
  const related = [{ range: rangeOf(set.call), message: 'extracted here' }];
  const at = { range: rangeOf(o.call), function: o.within };
  const found = pathFinding('GUP602', o, at, message, related);
  return unpin && elsewhere ? { ...found, certainty: 'possible' } : found;
}
