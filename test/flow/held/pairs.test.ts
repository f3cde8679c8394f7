/** Pages that one entry point leaves in a structure and another one finds there. */
import { describe, expect, test } from 'vitest';
import { flowOf } from '../flow.ts';

/** What the pair flows of a snippet see: fields, consumers, and `what function: written dirtied`. */
function pairsOf(code: string) {
  return flowOf(code).flatMap((f) => {
    if (f.pair === undefined) return [];
    const seen = f.observations.flatMap((o) => {
      if (o.what === 'release') return [`release ${o.call.fn} ${o.set.written} ${o.set.dirtied}`];
      return o.what === 'access' ? [`${o.mode} in ${o.within}`] : [];
    });
    return [{ from: f.name, fields: f.pair.fields, to: f.pair.consumers, seen: [...new Set(seen)] }];
  });
}

const REG = `int reg(struct buf *b, unsigned long a)
{
	struct page *page;

	if (pin_user_pages_fast(a, 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	b->page = page;
	return 0;
}
`;

const unreg = (type: string, member: string): string => `
void unreg(struct ${type} *b)
{
	unpin_user_page(b->${member});
}
`;

describe('one page in a member', () => {
  test('is found by a function that reads the member of the same struct', () => {
    expect(pairsOf(REG + unreg('buf', 'page'))).toEqual([
      { from: 'reg', fields: ['buf.page'], to: ['unreg'], seen: ['release unpin_user_page no no'] },
    ]);
  });

  test('is not found in another struct, nor in another member', () => {
    expect(pairsOf(REG + unreg('other', 'page')).flatMap((p) => p.to)).toEqual([]);
    expect(pairsOf(REG + unreg('buf', 'spare'))).toEqual([]);
  });

  test('a writer comes before the function that releases', () => {
    const writer = `
void post(struct buf *b, u32 value)
{
	memcpy_to_page(b->page, 0, &value, 4);
}
`;
    expect(pairsOf(REG + unreg('buf', 'page') + writer)[0]?.seen).toEqual([
      'release unpin_user_page no no',
      'write in post',
      'release unpin_user_page yes no',
    ]);
  });
});

const ways: readonly (readonly [string, string, string])[] = [
  [
    'an array that the structure points to',
    'b->pages = kcalloc(2, sizeof(*b->pages), GFP_KERNEL); if (pin_user_pages_fast(a, 2, 0, b->pages) != 2) return -1; b->n = 2;',
    'unpin_user_pages(b->pages, b->n);',
  ],
  [
    'an array that was there before',
    'if (pin_user_pages_fast(a, 2, 0, b->pages) != 2) return -1;',
    'unpin_user_pages(b->pages, b->n);',
  ],
  [
    'a nested structure',
    'struct page *p; if (pin_user_pages_fast(a, 1, 0, &p) != 1) return -1; b->in.page = p;',
    'struct inner *in = &b->in; unpin_user_page(in->page);',
  ],
  [
    'a kernel address',
    'struct page *p; if (pin_user_pages_fast(a, 1, 0, &p) != 1) return -1; b->va = page_address(p);',
    'unpin_user_page(virt_to_page(b->va));',
  ],
  [
    'a page frame number',
    'struct page *p; if (pin_user_pages_fast(a, 1, 0, &p) != 1) return -1; b->pfn = page_to_pfn(p);',
    'unpin_user_page(pfn_to_page(b->pfn));',
  ],
  [
    'an object in a list',
    'struct page *p; struct buf *m; if (pin_user_pages_fast(a, 1, 0, &p) != 1) return -1; m = kmalloc(sizeof(*m), GFP_KERNEL); if (!m) { unpin_user_page(p); return -1; } m->page = p; list_add(&m->list, &b->all);',
    'struct buf *m; list_for_each_entry(m, &b->all, list) { unpin_user_page(m->page); }',
  ],
  [
    'a file-scope variable',
    'struct page *p; if (pin_user_pages_fast(a, 1, 0, &p) != 1) return -1; the_page = p;',
    'unpin_user_page(the_page);',
  ],
];

test.each(ways)('%s', (_name, keep, drop) => {
  const code = `struct inner {
	struct page *page;
};

struct buf {
	struct inner in;
};

static struct page *the_page;

int reg(struct buf *b, unsigned long a)
{
	${keep}
	return 0;
}

void unreg(struct buf *b)
{
	${drop}
}
`;
  const [pair] = pairsOf(code);
  expect(pair?.to).toEqual(['unreg']);
  expect(pair?.seen.filter((s) => s.startsWith('release')).length).toBe(1);
});

test('what the structure says of the pages goes with them', () => {
  const code = `int reg(struct buf *b, unsigned long a, bool writable)
{
	struct page *page;

	if (pin_user_pages_fast(a, 1, writable ? FOLL_WRITE : 0, &page) != 1)
		return -EFAULT;
	b->page = page;
	b->writable = writable;
	return 0;
}

void unreg(struct buf *b)
{
	if (b->writable)
		unpin_user_pages_dirty_lock(&b->page, 1, true);
	else
		unpin_user_page(b->page);
}
`;
  const dirtied = flowOf(code).flatMap((f) =>
    f.observations.flatMap((o) =>
      f.pair !== undefined && o.what === 'release' && o.makeDirty === 'yes' ? [o.set.flags.key] : [],
    ),
  );
  // FOLL_WRITE is 1: the pages that were taken without it are never dirtied.
  expect(dirtied).toEqual(['1']);
});
