/** What is wrong in the same words with the pages of several calls is one finding, which names all the calls. */
import { expect, test } from 'vitest';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import { parseKernelVersion } from '#server/syntax/preprocess/version.ts';
import { lint } from './cases.ts';

const SHARED_MARK = `int f(unsigned long a, bool slow)
{
	struct page *page;
	int n;

	if (slow)
		n = pin_user_pages_unlocked(a, 1, &page, FOLL_WRITE);
	else
		n = pin_user_pages_fast(a, 1, FOLL_WRITE, &page);
	if (n != 1)
		return -EFAULT;
	memset(kmap_local_page(page), 0, PAGE_SIZE);
	set_page_dirty(page);
	unpin_user_page(page);
	return 0;
}
`;

test('one mark for the pages of two calls names both', async () => {
  const { findings } = lint(await createAnalyzer(), SHARED_MARK, parseKernelVersion('6.12')!);
  const [mark, ...others] = findings.filter(({ code }) => code === 'GUP309');
  expect(others).toEqual([]);
  const calls = mark!.related.map(({ range }) =>
    SHARED_MARK.slice(range.start, SHARED_MARK.indexOf('(', range.start)),
  );
  expect(calls.sort()).toEqual(['pin_user_pages_fast', 'pin_user_pages_unlocked']);
});
