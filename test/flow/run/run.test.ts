import { describe, expect, test } from 'vitest';
import { endsOf, flowOf, releasesOf } from '../flow.ts';

const pin2 = (rest: string): string =>
  `int f(unsigned long a, int n, struct page **own)\n{\n\tstruct page *pages[2];\n\tint got, i;\n\n\tgot = pin_user_pages_fast(a, 2, 0, pages);\n${rest}\n}\n`;

describe('outcome classes', () => {
  test('a request of two pages ends with none, one or two', () => {
    expect(endsOf(pin2('\treturn got;'))).toEqual(['1/2 held empty: dropped', '2/2 held held: dropped']);
  });

  test('a request of one page is never short', () => {
    expect(
      endsOf(
        'int f(unsigned long a)\n{\n\tstruct page *p;\n\n\treturn get_user_pages_fast(a, 1, 0, &p);\n}\n',
      ),
    ).toEqual(['1/1 held: dropped']);
  });

  test('an unknown count becomes two, and what equals it too', () => {
    const code = `int f(unsigned long a, int n, struct page **pages)
{
	int want = n;
	int got = pin_user_pages_fast(a, n, 0, pages);

	if (got != want)
		return -EFAULT;
	unpin_user_pages(pages, want);
	return 0;
}
`;
    expect(endsOf(code).filter((e) => e.includes('held'))).toEqual(['1/2 held empty: caller']);
  });
});

describe('what a test of the result implies', () => {
  const tests: readonly (readonly [string, readonly string[]])[] = [
    ['got != 2', ['1/2 held empty: dropped']],
    ['got < 2', ['1/2 held empty: dropped']],
    ['got <= 0', []],
    ['got < 0', []],
    ['!got', []],
    ['got >= 0 && got < 2', ['1/2 held empty: dropped']],
    ['unlikely(got != 2)', ['1/2 held empty: dropped']],
    ['got == 2', ['2/2 held held: dropped']],
    ['got > 0', ['1/2 held empty: dropped', '2/2 held held: dropped']],
    ['IS_ERR_VALUE(got)', []],
  ];
  test.each(tests)('if (%s) return: pages held there', (condition, expected) => {
    const code = pin2(`\tif (${condition})\n\t\treturn -1;\n\tqueue_pages(pages);\n\treturn 0;`);
    expect(endsOf(code).filter((e) => e.endsWith('dropped'))).toEqual(expected);
  });

  test('a negative result compared with an unsigned count is large', () => {
    const code = `int f(unsigned long a)
{
	struct page *pages[2];
	unsigned int n = 2;
	int got = pin_user_pages_fast(a, n, 0, pages);

	if (got < n)
		return -EFAULT;
	unpin_user_pages(pages, 2);
	return 0;
}
`;
    // -EFAULT passes the test and reaches the release; only the short count returns early.
    expect(endsOf(code)).toEqual(['1/2 held empty: dropped', '2/2 released released: dropped']);
  });
});

describe('release loops', () => {
  const loops: readonly string[] = [
    'for (i = 0; i < got; i++) unpin_user_page(pages[i]);',
    'for (i = got - 1; i >= 0; i--) unpin_user_page(pages[i]);',
    'while (--got >= 0) unpin_user_page(pages[got]);',
    'while (got > 0) { got--; unpin_user_page(pages[got]); }',
    'unpin_user_pages(pages, got);',
    'unpin_user_pages_dirty_lock(pages, got, true);',
    'for (i = 0; i < 2; i++) if (i < got) unpin_user_page(pages[i]);',
  ];
  test.each(loops)('%s releases what was acquired', (loop) => {
    const code = pin2(`\tif (got < 0)\n\t\treturn got;\n\t${loop}\n\treturn 0;`);
    expect(endsOf(code).filter((e) => e.includes('held'))).toEqual([]);
    expect(releasesOf(code).length).toBeGreaterThan(0);
  });

  test('a loop that stops one short leaves one', () => {
    const code = pin2(
      '\tif (got < 0)\n\t\treturn got;\n\tfor (i = 0; i + 1 < got; i++)\n\t\tunpin_user_page(pages[i]);\n\treturn 0;',
    );
    expect(endsOf(code)).toEqual(['1/2 held empty: dropped', '2/2 released held: dropped']);
  });
});

describe('where pages go', () => {
  const fates: readonly (readonly [string, string])[] = [
    ['own[0] = pages[0]; own[1] = pages[1]; return 0;', 'caller'],
    ['keep(pages); return 0;', 'given to keep'],
    ['pr_info("%p", pages[0]); return 0;', 'dropped'],
    ['kfree(own); return 0;', 'dropped'],
    ['return page_to_pfn(pages[0]);', 'caller'],
    ['the_pages = pages[0]; return 0;', 'object'],
  ];
  test.each(fates)('%s', (rest, fate) => {
    const ends = endsOf(
      pin2(`\tif (got != 2) {\n\t\tif (got > 0) unpin_user_page(pages[0]);\n\t\treturn -1;\n\t}\n\t${rest}`),
    );
    expect(ends.filter((e) => e.includes('held held'))).toEqual([`2/2 held held: ${fate}`]);
  });
});

describe('helpers of the same file', () => {
  test('a helper that hands pages over is followed into its callers', () => {
    const code = `static int grab(unsigned long a, struct page **p)
{
	return get_user_pages_fast(a, 1, 0, p);
}

int f(unsigned long a)
{
	struct page *page;

	if (grab(a, &page) != 1)
		return -EFAULT;
	put_page(page);
	return 0;
}
`;
    expect(flowOf(code).map((f) => f.name)).toEqual(['grab', 'f']);
    expect(endsOf(code).filter((e) => e.includes('held'))).toEqual([]);
    expect(releasesOf(code)).toEqual(['put_page get: held']);
  });

  test('recursion ends', () => {
    const code = `static int again(unsigned long a, int depth, struct page **p)
{
	if (depth > 3)
		return -ELOOP;
	if (get_user_pages_fast(a, 1, 0, p) == 1)
		return 0;
	return again(a, depth + 1, p);
}

int f(unsigned long a)
{
	struct page *page;
	int ret = again(a, 0, &page);

	if (!ret)
		put_page(page);
	return ret;
}
`;
    expect(endsOf(code).filter((e) => e.endsWith('dropped') && e.includes('held'))).toEqual([]);
  });
});

test('a run that needs more than its budget says so', () => {
  const code = pin2('\tfor (i = 0; i < got; i++)\n\t\tunpin_user_page(pages[i]);\n\treturn 0;');
  expect(flowOf(code, { budget: 10 }).map((f) => f.cut)).toEqual([true]);
  expect(flowOf(code).map((f) => f.cut)).toEqual([false]);
});

describe('entries that were never filled', () => {
  const releases: readonly (readonly [string, readonly string[]])[] = [
    ['unpin_user_pages(pages, 2);', ['-14/2 pages[0]', '-14/2 pages[1]', '1/2 pages[1]']],
    ['unpin_user_pages(pages, got);', ['-14/2 count -14']],
    ['for (i = 0; i < got; i++) unpin_user_page(pages[i]);', []],
    ['if (got > 0) unpin_user_pages(pages, got);', []],
    ['pages[0] = NULL; pages[1] = NULL; unpin_user_pages(pages, 2);', []],
  ];
  test.each(releases)('%s', (release, expected) => {
    const seen = flowOf(pin2(`\t${release}\n\treturn 0;`)).flatMap((f) =>
      f.observations.flatMap((o) => {
        if (o.what !== 'unfilled') return [];
        const what = o.count < 0 ? `count ${o.count}` : `pages[${o.slot}]`;
        return [`${o.set.result}/${o.set.nr} ${what}`];
      }),
    );
    expect(seen.sort()).toEqual(expected);
  });
});

test('what the text says is seen where nothing runs', () => {
  const code = `static bool busy(struct page *page)
{
	return page_count(page) > GUP_PIN_COUNTING_BIAS;
}

static void drop(struct page *page)
{
	put_user_page(page);
}
`;
  expect(flowOf(code).flatMap((f) => f.observations.map((o) => `${f.name}: ${o.what}`))).toEqual([
    'busy: refcount',
    'drop: call',
  ]);
});
