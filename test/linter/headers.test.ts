/** Wrappers in headers of a project: followed through quoted includes, and no further. */
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import { lintPaths } from '#server/linter/run/run.ts';
import { type KernelVersion, parseKernelVersion } from '#server/syntax/preprocess/version.ts';
import { folderWith } from '../cli/harness.ts';

const analyzer = await createAnalyzer();

const COMPAT = `#ifndef COMPAT_H
#define COMPAT_H
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 6, 0)
#define HAVE_PIN
#endif
static inline int my_pin(unsigned long a, int n, struct page **pages)
{
#ifdef HAVE_PIN
	return pin_user_pages_fast(a, n, FOLL_WRITE, pages);
#else
	return get_user_pages_fast(a, n, FOLL_WRITE, pages);
#endif
}
#define MY_PIN(a, page) (my_pin(a, 1, page) == 1 ? 0 : -EFAULT)
#endif
`;

const user = (include: string, pin: string, release: string): string => `#include <linux/mm.h>
#include "${include}"
int f(unsigned long a)
{
	struct page *page;

	if (${pin})
		return -EFAULT;
${release}
	return 0;
}
`;
const CALL = 'my_pin(a, 1, &page) != 1';
const LADDER = '#ifdef HAVE_PIN\n\tunpin_user_page(page);\n#else\n\tput_page(page);\n#endif';

async function lint(folder: string, args = ['.'], kernel = '6.12'): Promise<string[]> {
  const release: KernelVersion = parseKernelVersion(kernel)!;
  const options = { kernel: release, explanations: false, levels: {} };
  const run = await lintPaths(() => Promise.resolve(analyzer), args, folder, options);
  return run.reports.flatMap(({ path: file, text, findings }) =>
    findings.map(({ code, range }) => `${file} ${code} ${text.slice(range.start, range.end)}`),
  );
}

/** A short count is stored as -EFAULT: where the member is unsigned, the loop that releases goes up to the first NULL. */
const STORED = `#include "req.h"
static void drop(struct req *rq)
{
	int i;

	for (i = 0; i < rq->count && rq->pages[i]; i++)
		unpin_user_page(rq->pages[i]);
}
int f(struct req *rq, unsigned long a, int n)
{
	struct page **pages = kcalloc(n, sizeof(*pages), GFP_KERNEL);
	int rv;

	if (!pages)
		return -ENOMEM;
	rq->pages = pages;
	rv = pin_user_pages_fast(a, n, FOLL_WRITE, pages);
	if (rv < 0)
		return rv;
	rq->count = rv == n ? n : -EFAULT;
	drop(rq);
	kfree(pages);
	return 0;
}
`;
const REQUEST = `struct req {
	unsigned int count; /* of pages */
	struct page **pages;
};
`;

describe('a struct in a header', () => {
  it('tells of which type its numbers are', async () => {
    const signed = REQUEST.replace('unsigned int', 'int');
    const found = ['a.c GUP304 pin_user_pages_fast(a, n, FOLL_WRITE, pages)'];
    for (const [header, expected] of [
      [REQUEST, []],
      [signed, found],
      [`typedef ${REQUEST.replace('req {', '_req {').replace('};', '} req, *req_ptr;')}`, []],
      [`#ifdef OLD\n${signed}#endif\n`, found],
    ] as const) {
      const folder = folderWith({ 'req.h': header, 'a.c': STORED });
      expect((await lint(folder)).filter((finding) => finding.includes('GUP30'))).toEqual(expected);
    }
  });
});

describe('a wrapper in a header', () => {
  it('is seen through in files that mention nothing of page pinning', async () => {
    const folder = folderWith({ 'compat.h': COMPAT, 'a.c': user('compat.h', CALL, '\tput_page(page);') });
    expect(await lint(folder)).toEqual(['a.c GUP301 put_page(page)']);
    expect(await lint(folder, ['a.c'])).toEqual(['a.c GUP301 put_page(page)']);
    expect(await lint(folder, ['.'], '5.5')).toEqual([]);
  });

  it('is read for its macros where they only map a page or put it', async () => {
    const folder = folderWith({
      'compat.h': '#define MAP(page) kmap_local_page(page)\n#define DROP(page) page_cache_release(page)\n',
      'a.c': user(
        'compat.h',
        'get_user_pages_fast(a, 1, FOLL_WRITE, &page) != 1',
        '\tmemset(MAP(page), 0, 8);\n\tDROP(page);',
      ),
    });
    expect(await lint(folder, ['.'], '4.4')).toEqual(
      expect.arrayContaining([expect.stringMatching(/^a\.c GUP308 /)]),
    );
  });

  it('may be a macro around a function, with what it does reported at its use', async () => {
    const folder = folderWith({ 'compat.h': COMPAT, 'a.c': user('compat.h', 'MY_PIN(a, &page)', '') });
    expect(await lint(folder)).toEqual(['a.c GUP303 MY_PIN(a, &page)']);
  });

  it('settles the names that the file asks for', async () => {
    const folder = folderWith({ 'compat.h': COMPAT, 'a.c': user('compat.h', CALL, LADDER) });
    for (const kernel of ['5.5', '6.12']) expect(await lint(folder, ['.'], kernel)).toEqual([]);
  });

  it('is found beside the file, above it, in include folders, and through other headers', async () => {
    const code = user('compat.h', CALL, '\tput_page(page);');
    const found = ['src/a.c GUP301 put_page(page)'];
    const indirect = { 'src/all.h': '#include "compat.h"\n', 'src/a.c': code.replace('compat.h', 'all.h') };
    for (const tree of [
      { 'src/compat.h': COMPAT, 'src/a.c': code },
      { 'compat.h': COMPAT, 'src/a.c': code },
      { 'include/compat.h': COMPAT, 'src/a.c': code },
      { 'compat.h': COMPAT, 'src/a.c': code.replace('compat.h', '../compat.h') },
      { 'compat.h': COMPAT, ...indirect },
    ]) {
      expect(await lint(folderWith({ '.git/HEAD': '', ...tree }), ['src/a.c'])).toEqual(found);
    }
  });

  it.each([
    ['Kbuild', 'ccflags-y += -I$(src)/os/compat'],
    ['Makefile', 'EXTRA_CFLAGS := -Wall \\\n\t-I$(PWD)/os/compat'],
    ['Makefile', 'COMPAT_DIR := os/compat\nINC := -I$(TOP)/$(COMPAT_DIR)\nccflags-y += $(INC)'],
    ['src/Makefile', 'ccflags-y += -I$(srctree)/$(src)/../os/compat'],
    ['Kbuild.in', 'ccflags-y := "-I@abs_top_srcdir@/os/compat"'],
  ])('is found in a folder that the %s names: %s', async (makefile, text) => {
    const code = user('compat.h', CALL, '\tput_page(page);');
    const tree = { 'dkms.conf': '', 'os/compat/compat.h': COMPAT, 'src/a.c': code };
    const found = ['src/a.c GUP301 put_page(page)'];
    expect(await lint(folderWith(tree), ['src/a.c'])).toEqual([]);
    expect(await lint(folderWith({ ...tree, [makefile]: `${text}\n` }), ['src/a.c'])).toEqual(found);
  });

  it('is followed in brackets where it is not the kernel that has it', async () => {
    const code = user('compat.h', CALL, '\tput_page(page);').replace('"compat.h"', '<my/compat.h>');
    const tree = { 'dkms.conf': '', 'include/my/compat.h': COMPAT, 'src/a.c': code };
    expect(await lint(folderWith(tree), ['src/a.c'])).toEqual(['src/a.c GUP301 put_page(page)']);
    const kernel = { Makefile: 'VERSION = 6\nPATCHLEVEL = 12\n', 'include/linux/compat.h': COMPAT };
    const own = { ...kernel, 'drivers/a.c': code.replace('my/', 'linux/') };
    expect(await lint(folderWith(own), ['drivers/a.c'])).toEqual([]);
    const module = {
      'dkms.conf': '',
      'include/linux/compat.h': COMPAT,
      'a.c': code.replace('my/', 'linux/'),
    };
    expect(await lint(folderWith(module), ['a.c'])).toEqual([]);
  });

  it('says which structure a member of a structure is', async () => {
    const header = `/* struct no { struct pinned own; }; */
struct pinned { struct page *page; };
struct cached {
	struct page *page;
};
struct area {
	struct pinned dma;
};
struct entry {
	struct cached own; /* not pinned */
};
struct twin {
#ifdef SMALL
	struct pinned own;
#endif
};
`;
    const code = (type: string): string => `#include "types.h"
int f(struct area *area, unsigned long a)
{
	return pin_user_pages_fast(a, 1, 0, &area->dma.page) == 1 ? 0 : -EFAULT;
}
void g(struct ${type} *x)
{
	put_page(x->own.page);
}
`;
    const found = (type: string) => lint(folderWith({ 'types.h': header, 'a.c': code(type) }));
    expect(await found('entry')).toEqual([]);
    expect(await found('twin')).toEqual(['a.c GUP301 put_page(x->own.page)']);
  });

  it('is found from wherever the folder of the module is named', async () => {
    const tree = { 'include/compat.h': COMPAT, 'src/a.c': user('compat.h', CALL, '\tput_page(page);') };
    const elsewhere = folderWith({ 'b.c': '' });
    const [found, ...more] = await lint(elsewhere, [folderWith(tree)]);
    expect(found).toMatch(/src\/a\.c GUP301 put_page\(page\)$/);
    expect(more).toEqual([]);
    const module = folderWith({ ...tree, 'dkms.conf': '' });
    expect(await lint(elsewhere, [path.join(module, 'src/a.c')])).toHaveLength(1);
  });

  it('is not looked for outside of the project, nor behind a link that leads there', async () => {
    const code = user('../compat.h', CALL, '\tput_page(page);');
    const folder = folderWith({
      'compat.h': COMPAT,
      'drv/.git/HEAD': '',
      'drv/a.c': code,
      'drv/b.c': code.replace('../', 'inc/'),
    });
    mkdirSync(path.join(folder, 'drv/inc'));
    symlinkSync('../../compat.h', path.join(folder, 'drv/inc/compat.h'));
    expect(await lint(folder, ['drv', 'drv/a.c', 'drv/b.c'])).toEqual([]);
  });

  it('may include itself', async () => {
    const folder = folderWith({
      'a.h': `#include "b.h"\n${COMPAT}`,
      'b.h': '#include "a.h"\n#include "b.h"\n',
      'a.c': user('a.h', CALL, '\tput_page(page);'),
    });
    expect(await lint(folder)).toEqual(['a.c GUP301 put_page(page)']);
  });

  it('that has the name of a kernel function is what the file calls', async () => {
    const shim = `static inline int pin_user_pages_fast(unsigned long a, int n, unsigned int f, struct page **p)
{
	return get_user_pages_fast(a, n, f, p);
}
static inline void unpin_user_page(struct page *page)
{
	put_page(page);
}
`;
    const code = user('shim.h', 'pin_user_pages_fast(a, 1, 0, &page) != 1', '\tput_page(page);');
    expect(await lint(folderWith({ 'shim.h': shim, 'a.c': code }), ['a.c'], '5.4')).toEqual([]);
  });
});
