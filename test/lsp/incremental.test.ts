/** An edited document's analysis: the same as a fresh one, sooner, and without leaving parser memory behind. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import type { EditorAnalyzer } from '#server/linter/file/analyzer.ts';
import { lintText } from '#server/linter/file/service.ts';
import { IncrementalParser, KEPT_VERSIONS } from '#server/syntax/incremental.ts';
import { createParser, type ParsedSlice, type Parser, type SourceSlice } from '#server/syntax/parser.ts';

const OPTIONS = { kernel: { major: 6, minor: 12, patch: 0 }, explanations: true, levels: {} } as const;

/** A helper that hands pages over, two callers, a function of its own kind, and one that touches no page. */
const FILE = `#define NR 4
static struct page **grab(unsigned long addr, int nr)
{
	struct page **pages = kcalloc(nr, sizeof(*pages), GFP_KERNEL);
	int got;

	if (!pages)
		return NULL;
	got = get_user_pages_fast(addr, nr, FOLL_WRITE, pages);
	if (got != nr) {
		kfree(pages);
		return NULL;
	}
	return pages;
}

static void drop(struct page **pages, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		put_page(pages[i]);
}

int fill(unsigned long addr)
{
	struct page **pages = grab(addr, NR);

	if (!pages)
		return -ENOMEM;
	memset(page_address(pages[0]), 0, PAGE_SIZE);
	drop(pages, NR);
	return 0;
}

int peek(unsigned long addr)
{
	struct page *page;

	if (pin_user_pages_fast(addr, 1, 0, &page) != 1)
		return -EFAULT;
	put_page(page);
	return 0;
}

int other(int a)
{
	return a ? other(a - 1) : 0;
}
`;

/** The same work through macros, in two configurations. */
const CLEANUPS = `
static void page_done(struct page *page)
{
	unpin_user_page(page);
}

DEFINE_FREE(page_done, struct page *, if (_T) page_done(_T))
DEFINE_FREE(put_page, struct page *, if (_T) put_page(_T))

int first(unsigned long a, void *to)
{
	struct page *page __free(page_done) = NULL;

	if (pin_user_pages_fast(a, 1, 0, &page) != 1)
		return -EFAULT;
	memcpy_from_page(to, page, 0, 64);
	return 0;
}

struct page *second(unsigned long a)
{
	struct page *page __free(put_page) = NULL;

	if (get_user_pages_fast(a, 1, 0, &page) != 1)
		return NULL;
	return no_free_ptr(page);
}
`;

const LADDER = `#ifdef USE_PINS
#define MY_PIN(a, p) pin_user_pages_fast(a, 1, 0, p)
#else
#define MY_PIN(a, p) get_user_pages_fast(a, 1, 0, p)
#endif
#define DROP(p) put_page(p)
int once(unsigned long addr)
{
	struct page *page;

	if (MY_PIN(addr, &page) != 1)
		return -EFAULT;
#ifdef USE_PINS
	unpin_user_page(page);
#else
	DROP(page);
#endif
	return 0;
}
${FILE.slice(FILE.indexOf('int peek'))}`;

/** Two functions that leave pages in structures, one that writes to them, two that release them. */
const SHARED = `struct buf {
	struct page *page;
	struct page **pages;
	int n;
	bool writable;
};

int reg(struct buf *b, unsigned long addr, bool writable)
{
	struct page *page;

	if (pin_user_pages_fast(addr, 1, writable ? FOLL_WRITE : 0, &page) != 1)
		return -EFAULT;
	b->page = page;
	b->writable = writable;
	return 0;
}

int reg_all(struct buf *b, unsigned long addr)
{
	if (get_user_pages_fast(addr, b->n, FOLL_WRITE, b->pages) != b->n)
		return -EFAULT;
	return 0;
}

void post(struct buf *b, int value)
{
	memcpy_to_page(b->page, 0, &value, sizeof(value));
	memcpy_to_page(b->pages[0], 0, &value, sizeof(value));
}

static void drop(struct page **pages, int n)
{
	int i;

	for (i = 0; i < n; i++)
		put_page(pages[i]);
}

void unreg(struct buf *b)
{
	if (b->writable)
		unpin_user_page(b->page);
	else
		put_page(b->page);
}

void unreg_all(struct buf *b)
{
	drop(b->pages, b->n);
}
`;

let analyzer: EditorAnalyzer;
beforeAll(async () => {
  analyzer = await createAnalyzer();
});

const PIECES = [
  '{',
  '}',
  ';',
  '\n',
  'put_page(page);',
  'if (',
  'pin',
  'x',
  '/*',
  '*/',
  '#if 0\n',
  'FOLL_PIN | ',
  '#endif\n',
  'MY_PIN(',
  '__free(put_page)',
  'DEFINE_FREE(page_done, int, unpin_user_page(_T))\n',
  '->page',
  'b->writable',
  '"',
];

/** A random edit: cut a few characters out, put a piece of C in. */
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.nat(12),
  piece: fc.constantFrom(...PIECES, ''),
});

describe('an edited document', () => {
  it.each([
    ['helpers', FILE],
    ['structures', SHARED],
    ['macros and configurations', LADDER],
    ['cleanups', CLEANUPS],
  ])('is analysed as a fresh one is, whatever the edits: %s', (_name, file) => {
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 8 }), (edits) => {
        const document = analyzer.forDocument();
        let text = file;
        lintText(document, 'a.c', text, OPTIONS);
        const versions = [text];
        for (const { at, cut, piece } of edits) {
          const from = Math.floor(at * text.length);
          text = text.slice(0, from) + piece + text.slice(from + cut);
          versions.push(text);
        }
        // And back, as undo does.
        for (const version of [...versions.slice(1), ...versions.reverse()]) {
          expect(lintText(document, 'a.c', version, OPTIONS)).toEqual(
            lintText(analyzer, 'a.c', version, OPTIONS),
          );
        }
        document.dispose();
      }),
      { numRuns: 60 },
    );
  });

  it('has its findings where they are after lines were put in front of them', () => {
    const document = analyzer.forDocument();
    const before = lintText(document, 'a.c', FILE, OPTIONS).findings;
    expect(before.map(({ code }) => code)).toContain('GUP301');
    const shift = '/* a line */\n'.length;
    const after = lintText(document, 'a.c', `/* a line */\n${FILE}`, OPTIONS).findings;
    expect(after.map(({ range }) => range.start)).toEqual(before.map(({ range }) => range.start + shift));
    expect(after.map(({ fingerprint }) => fingerprint)).toEqual(before.map(({ fingerprint }) => fingerprint));
  });

  it('depends on its macros', () => {
    const document = analyzer.forDocument();
    for (const text of [FILE, FILE.replace('NR 4', 'NR 1'), `#define put_page unpin_user_page\n${FILE}`]) {
      expect(lintText(document, 'a.c', text, OPTIONS)).toEqual(lintText(analyzer, 'a.c', text, OPTIONS));
    }
  });

  it('depends on the kernel release', () => {
    const document = analyzer.forDocument();
    const old = { ...OPTIONS, kernel: { major: 5, minor: 4, patch: 0 } };
    lintText(document, 'a.c', FILE, OPTIONS);
    expect(lintText(document, 'a.c', FILE, old)).toEqual(lintText(analyzer, 'a.c', FILE, old));
    expect(lintText(document, 'a.c', FILE, OPTIONS)).toEqual(lintText(analyzer, 'a.c', FILE, OPTIONS));
  });
});

/** Counts the slices whose memory is held. */
function counting(parser: Parser) {
  const counts = { open: 0, opened: 0, reparsed: 0 };
  const wrapped: Parser = {
    backend: parser.backend,
    parse: (slice) => parser.parse(slice),
    open(slice): ParsedSlice {
      const inner = parser.open(slice);
      counts.open++;
      counts.opened++;
      return {
        get tree() {
          return inner.tree;
        },
        reparse(next) {
          counts.reparsed++;
          return inner.reparse(next);
        },
        dispose() {
          counts.open--;
          inner.dispose();
        },
      };
    },
  };
  return { parser: wrapped, counts };
}

function slice(code: string, from = 0): SourceSlice {
  return { text: ' '.repeat(from) + code, code, from };
}

describe('the incremental parser', () => {
  const A = 'int a_function(void) { return 1; }';
  const B = 'int b_function(void) { return 2; }';

  it('parses what has not changed once, and moves it', async () => {
    const { parser, counts } = counting(await createParser());
    const incremental = new IncrementalParser(parser);
    const before = incremental.parse(slice(A));
    const after = incremental.parse(slice(A, 100));
    expect([...after.start]).toEqual([...before.start].map((at) => at + 100));
    expect(after.text).toBe(slice(A, 100).text);
    expect(counts).toEqual({ open: 1, opened: 1, reparsed: 0 });
  });

  it('parses what was edited with the old tree', async () => {
    const plain = await createParser();
    const { parser, counts } = counting(plain);
    const incremental = new IncrementalParser(parser);
    incremental.parse(slice(A));
    incremental.parse(slice(B, 50));
    incremental.sweep();
    const edited = slice(B.replace('2', '2 + x'), 50);
    expect(incremental.parse(edited)).toEqual(plain.parse(edited));
    expect(counts).toEqual({ open: 2, opened: 2, reparsed: 1 });
  });

  it('parses half-typed code afresh, so that it depends on nothing before', async () => {
    const { parser, counts } = counting(await createParser());
    const incremental = new IncrementalParser(parser);
    incremental.parse(slice(A));
    incremental.sweep();
    expect(incremental.parse(slice(A.replace('1', '('))).hasError).toBe(true);
    expect(counts).toEqual({ open: 1, opened: 2, reparsed: 1 });
  });

  it('frees what has not been asked for in a while, and everything in the end', async () => {
    const { parser, counts } = counting(await createParser());
    const incremental = new IncrementalParser(parser);
    incremental.parse(slice(A));
    incremental.parse(slice(B, 50));
    for (let version = 0; version < KEPT_VERSIONS; version++) {
      incremental.parse(slice(A));
      incremental.sweep();
    }
    expect(counts.open).toBe(2);
    incremental.parse(slice(A));
    incremental.sweep();
    expect(counts.open).toBe(1);
    incremental.dispose();
    expect(counts.open).toBe(0);
  });
});
