/** Pages that one file acquires and another file of the folder uses or releases. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import type { Analyzer } from '#server/linter/file/analyzer.ts';
import { lintPaths } from '#server/linter/run/run.ts';
import { placeText } from '#server/linter/text/finding.ts';
import { LineIndex } from '#server/syntax/lines.ts';
import { ATTACH, DETACH } from '../attach-detach.ts';

const UNPIN = DETACH.replace('put_page', 'unpin_user_page');

/** Acquires pages for its callers. */
const GATHER = `struct page **gather(unsigned long a, unsigned long n)
{
	struct page **pages;
	int got;

	pages = kvmalloc_array(n, sizeof(struct page *), GFP_KERNEL);
	if (!pages)
		return ERR_PTR(-ENOMEM);

	got = pin_user_pages_fast(a, n, FOLL_WRITE | FOLL_LONGTERM, pages);
	if (got == n)
		return pages;
	if (got > 0)
		unpin_user_pages(pages, got);
	kvfree(pages);
	return ERR_PTR(-EFAULT);
}
`;

const RELEASE = 'unpin_user_pages(pages, n), kvfree(pages);';

/** Calls it, and does `undo` where it fails. */
function caller(undo: string): string {
  return `int map(struct area *area, unsigned long a, unsigned long n)
{
	struct page **pages;
	struct table *table;
	int ret = 0;

	table = kzalloc(sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	pages = gather(a, n);
	if (IS_ERR(pages))
		return PTR_ERR(pages);
	ret = prepare(table, n);
	if (ret) {
		${undo}
		return ret;
	}
	area->pages = pages;
	area->n = n;
	return ret;
}

void unmap(struct area *area)
{
	unpin_user_pages(area->pages, area->n);
	kvfree(area->pages);
}
`;
}

let analyzer: Analyzer;
let folder: string;
beforeAll(async () => {
  analyzer = await createAnalyzer();
});
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gupcheck-join-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Lints files by name in a folder of their own: `file:line: code level`, with the files of related places. */
async function found(files: Readonly<Record<string, string>>, named = ['.']): Promise<string[]> {
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  const run = await lintPaths(async () => analyzer, named, folder, { explanations: true, levels: {} });
  return run.reports.flatMap((report) => {
    const lines = new LineIndex(report.text);
    return report.findings.map((f) => {
      const related = f.related.map(({ range }) => placeText(report, lines, range));
      return `${report.path}:${lines.lineOf(f.range.start)}: ${f.code} ${f.level} ${f.explanation?.verdict} ${related.join()}`;
    });
  });
}

describe('two files of one folder', () => {
  test('are two programs where each defines the structure or the function itself', async () => {
    const own = 'struct monitor {\n\tstruct page *monitor_page;\n};\n\n';
    const typedef = own.replace('struct monitor {', 'typedef struct {').replace('};', '} monitor;');
    expect(await found({ 'hsm.c': own + ATTACH, 'vm.c': own + DETACH })).toEqual([]);
    expect(await found({ 'hsm.c': own + ATTACH, 'vm.c': typedef + DETACH })).toEqual([]);
    const hand = `struct page *take(unsigned long a)
{
	struct page *page;

	return pin_user_pages_fast(a, 1, FOLL_WRITE | FOLL_LONGTERM, &page) == 1 ? page : NULL;
}
`;
    const put = 'void use(unsigned long a)\n{\n\tput_page(take(a));\n}\n';
    const other = 'struct page *take(unsigned long a)\n{\n\treturn find_page(a);\n}\n';
    expect(await found({ 'hsm.c': hand, 'vm.c': other + put })).toEqual([]);
  });

  test('a wrong release is found in the file where it stands', async () => {
    expect(await found({ 'hsm.c': ATTACH, 'vm.c': DETACH })).toEqual([
      'vm.c:4: GUP301 warning shown hsm.c:5:6',
    ]);
  });

  test('whatever the order of their names', async () => {
    expect(await found({ 'b.c': ATTACH, 'a.c': DETACH })).toEqual(['a.c:4: GUP301 warning shown b.c:5:6']);
  });

  test('the right release is none', async () => {
    expect(await found({ 'hsm.c': ATTACH, 'vm.c': UNPIN })).toEqual([]);
  });

  test('another structure with a member of the same name is another matter', async () => {
    const other = DETACH.replace('struct monitor', 'struct spare');
    expect(await found({ 'hsm.c': ATTACH, 'vm.c': other })).toEqual([]);
  });

  test('where both files define a function of one name, nothing is said of who calls it', async () => {
    const drop = 'static void drop(struct page *page)\n{\n\tput_page(page);\n}\n\n';
    const right = drop.replace('put_page', 'unpin_user_page');
    const detach = DETACH.replace('put_page(', 'drop(');
    expect(await found({ 'hsm.c': drop + ATTACH, 'vm.c': right + detach })).toEqual([]);
    expect(await found({ 'hsm.c': ATTACH, 'vm.c': drop + detach })).toEqual([
      'vm.c:3: GUP301 warning shown hsm.c:5:6',
    ]);
  });

  test('pages that a function of the other file acquires are lost by its caller', async () => {
    const lost = await found({ 'pin.c': GATHER, 'use.c': caller('kvfree(pages);') });
    expect(lost).toEqual(['use.c:10: GUP303 error shown pin.c:10:8,use.c:15:3']);
    expect(await found({ 'pin.c': GATHER, 'use.c': caller(RELEASE) })).toEqual([]);
    expect(await found({ 'pin.c': GATHER, 'use.c': caller('keep(pages, n);') })).toEqual([]);
  });

  test('with their array, or with the local variable that alone leads to it', async () => {
    expect(await found({ 'pin.c': GATHER, 'use.c': caller('kfree(table);') })).toEqual([
      'use.c:10: GUP303 error shown pin.c:10:8,use.c:16:3',
    ]);
  });

  test('by a caller further up, to whom the object that leads to them belongs', async () => {
    const use = (undo: string): string => `static int fill(struct span *span, unsigned long n)
{
	struct page **pages = gather(span->start, n);

	if (IS_ERR(pages))
		return PTR_ERR(pages);
	span->pages = pages;
	return 0;
}

int span_setup(struct file_data *fd, unsigned long start, unsigned long n)
{
	struct span *span;
	int ret;

	span = kzalloc(sizeof(*span), GFP_KERNEL);
	if (!span)
		return -ENOMEM;
	span->start = start;
	ret = fill(span, n);
	if (ret)
		goto free_span;
	if (fd->used == fd->limit) {
		ret = -ENOSPC;
		${undo}
		kvfree(span->pages);
		goto free_span;
	}
	fd->span = span;
	return 0;

free_span:
	kfree(span);
	return ret;
}
`;
    expect(await found({ 'pin.c': GATHER, 'use.c': use('') })).toEqual([
      'use.c:20: GUP303 error shown pin.c:10:8,use.c:26:3',
    ]);
    expect(await found({ 'pin.c': GATHER, 'use.c': use('unpin_user_pages(span->pages, n);') })).toEqual([]);
  });

  test('pages that a function of the other file acquires are released in another way by its caller', async () => {
    const put = caller('release_pages(pages, n), kvfree(pages);');
    expect(await found({ 'pin.c': GATHER, 'use.c': put })).toEqual([
      'use.c:15: GUP301 error shown pin.c:10:8',
    ]);
  });

  test('a caller that has frame numbers only is not judged', async () => {
    const pfn = `unsigned long frame_of(unsigned long a)
{
	struct page *page;

	if (pin_user_pages_fast(a, 1, FOLL_WRITE | FOLL_LONGTERM, &page) != 1)
		return 0;
	return page_to_pfn(page);
}
`;
    const use = `int use(struct ring *r, unsigned long a)
{
	unsigned long pfn = frame_of(a);

	if (is_no_frame(pfn))
		return -EFAULT;
	unpin_user_page(pfn_to_page(pfn));
	return 0;
}
`;
    expect(await found({ 'pin.c': pfn, 'use.c': use })).toEqual([]);
  });

  test('a file that is named alone is seen with its folder', async () => {
    expect(await found({ 'hsm.c': ATTACH, 'vm.c': DETACH }, ['hsm.c'])).toEqual([
      'vm.c:4: GUP301 warning shown hsm.c:5:6',
    ]);
  });
});

test('three files: taken in one, written in another, put in a third', async () => {
  const files = {
    'door.c': `int attach(struct door *d, unsigned long a)
{
	struct page *page;

	if (get_user_pages_fast(a, 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	d->notify_page = page;
	return 0;
}
`,
    'ring.c': `void ring(struct door *d)
{
	memset(page_address(d->notify_page), 1, 1);
}
`,
    'shut.c': `void shut(struct door *d)
{
	put_page(d->notify_page);
}
`,
  };
  expect(await found(files)).toEqual(['door.c:5: GUP201 warning shown ring.c:3:2,shut.c:3:2']);
});

test('an address that an exported function returns, kept and given back in another file', async () => {
  const files = {
    'guest.c': `void *pin_guest(unsigned long a)
{
	struct page *page;

	if (get_user_pages_fast(a, 1, FOLL_WRITE, &page) != 1)
		return NULL;
	return page_address(page);
}

void unpin_guest(void *va)
{
	put_page(virt_to_page(va));
}
`,
    'vcpu.c': `int set_area(struct area *v, unsigned long a)
{
	v->pinned_addr = pin_guest(a);
	return v->pinned_addr ? 0 : -EFAULT;
}

void post(struct area *v, u32 value)
{
	u32 *words = v->pinned_addr;

	words[0] = value;
}

void drop_area(struct area *v)
{
	unpin_guest(v->pinned_addr);
}
`,
  };
  expect(await found(files)).toEqual(['guest.c:5: GUP201 warning shown vcpu.c:11:2,guest.c:12:2']);
});

describe('pages in a structure of a header, which the file itself never releases', () => {
  const header =
    'struct ring {\n\tstruct page *shared;\n\tvoid *at;\n};\n\nint ring_open(struct ring *ring, unsigned long a);\n';
  const open = `#include "ring.h"

int ring_open(struct ring *ring, unsigned long a)
{
	struct page *page;

	if (pin_user_pages_fast(a, 1, FOLL_WRITE | FOLL_LONGTERM, &page) != 1)
		return -EFAULT;
	ring->shared = page;
	return 0;
}
`;
  const user = `#include "ring.h"

static long ring_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return ring_open(file->private_data, arg);
}
`;
  const close = `#include "ring.h"

void ring_close(struct ring *ring)
{
	unpin_user_page(ring->shared);
}
`;
  const lost = ['open.c:7: GUP303 warning'];
  const leaks = async (files: Readonly<Record<string, string>>, named?: string[]): Promise<string[]> => {
    const all = await found(files, named);
    return all.filter((f) => f.includes('GUP303')).map((f) => f.split(' ').slice(0, 3).join(' '));
  };

  test('are lost where no other file of the folder does it', async () => {
    expect(await leaks({ 'ring.h': header, 'open.c': open, 'user.c': user })).toEqual(lost);
  });

  test('also where another structure has a member of that name', async () => {
    const other = `#include "ring.h"

void pool_free(struct pool *pool)
{
	unpin_user_page(pool->shared);
}
`;
    expect(await leaks({ 'ring.h': header, 'open.c': open, 'user.c': user, 'pool.c': other })).toEqual(lost);
  });

  test('are not where another file, or a function in the header, releases them', async () => {
    expect(await leaks({ 'ring.h': header, 'open.c': open, 'user.c': user, 'close.c': close })).toEqual([]);
    const inline = close.replace('#include "ring.h"\n', '').replace('void', 'static inline void');
    rmSync(path.join(folder, 'close.c'));
    expect(await leaks({ 'ring.h': header + inline, 'open.c': open, 'user.c': user })).toEqual([]);
  });

  test('are not where another file gives them to who may release them', async () => {
    const given = close.replace('unpin_user_page', 'hypervisor_free');
    expect(await leaks({ 'ring.h': header, 'open.c': open, 'user.c': user, 'close.c': given })).toEqual([]);
  });

  test('are not judged where nobody calls the function yet, or nobody knows the structure', async () => {
    expect(await leaks({ 'ring.h': header, 'open.c': open })).toEqual([]);
    rmSync(path.join(folder, 'ring.h'));
    expect(await leaks({ 'open.c': open, 'user.c': user })).toEqual([]);
  });

  test('are not judged where a file of another folder includes the header', async () => {
    const below = path.join(folder, 'arch');
    mkdirSync(below);
    writeFileSync(path.join(below, 'end.c'), close.replace('ring.h', '../ring.h'));
    expect(await leaks({ 'ring.h': header, 'open.c': open, 'user.c': user }, ['open.c'])).toEqual([]);
  });

  test('are not looked for outside the project', async () => {
    mkdirSync(path.join(folder, 'driver'));
    mkdirSync(path.join(folder, 'beside'));
    writeFileSync(path.join(folder, 'beside', 'end.c'), close.replace('ring.h', '../driver/ring.h'));
    const files = { 'driver/ring.h': header, 'driver/open.c': open, 'driver/user.c': user };
    expect(await leaks(files, ['driver'])).toEqual([]);
    mkdirSync(path.join(folder, 'driver', '.git'));
    expect(await leaks(files, ['driver'])).toEqual(lost.map((each) => `driver/${each}`));
  });
});

describe('who decides how long pages are held', () => {
  const pool = `int pool_map(struct pool *pool, unsigned long a)
{
	return pin_user_pages_fast(a, 1, FOLL_WRITE, &pool->page) == 1 ? 0 : -EFAULT;
}

void pool_unmap(struct pool *pool)
{
	unpin_user_pages_dirty_lock(&pool->page, 1, true);
}
`;
  const users = (
    more: string,
  ): string => `static long pool_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return pool_map(file->private_data, arg);
}

static int pool_release(struct inode *inode, struct file *file)
{
	pool_unmap(file->private_data);
	return 0;
}
${more}
static const struct file_operations pool_fops = { .unlocked_ioctl = pool_ioctl, .release = pool_release };
`;

  test('is read off the files that call', async () => {
    expect(await found({ 'pool.c': pool, 'dev.c': users('') })).toEqual(['pool.c:3: GUP204 warning shown ']);
  });

  test('the end of the I/O in another file makes it a short pin', async () => {
    const irq = `
static irqreturn_t pool_irq(int irq, void *data)
{
	pool_unmap(data);
	return IRQ_HANDLED;
}

static int pool_probe(struct pool *pool)
{
	return request_irq(pool->irq, pool_irq, 0, "pool", pool);
}
`;
    expect(await found({ 'pool.c': pool, 'dev.c': users(irq) })).toEqual([]);
  });

  test('the entry points stand beside the acquire, and the release in another file', async () => {
    const device = `static int pool_fill(struct pool *pool, unsigned long a)
{
	struct page *page;

	if (pin_user_pages_fast(a, 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	pool->page = page;
	return 0;
}

static long pool_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct pool_user *user = file->private_data;

	return pool_fill(user->pool, arg);
}

static int pool_release(struct inode *inode, struct file *file)
{
	struct pool_user *user = file->private_data;

	pool_leave(user->pool);
	kfree(user);
	return 0;
}

static const struct file_operations pool_fops = { .unlocked_ioctl = pool_ioctl, .release = pool_release };
`;
    const leave = `static void pool_free(struct kref *kref)
{
	struct pool *pool = container_of(kref, struct pool, kref);

	unpin_user_pages_dirty_lock(&pool->page, 1, true);
	kfree(pool);
}

void pool_leave(struct pool *pool)
{
	kref_put(&pool->kref, pool_free);
}
`;
    expect(await found({ 'dev.c': device })).toEqual([]);
    expect(await found({ 'dev.c': device, 'pool.c': leave })).toEqual(['dev.c:5: GUP204 warning shown ']);
  });

  test('a file by itself does not say', async () => {
    expect(await found({ 'pool.c': pool })).toEqual([]);
  });
});
