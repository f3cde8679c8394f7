// SPDX-License-Identifier: GPL-2.0
/* Mistakes of the kind that kernel drivers once had, each beside its repaired form. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

struct ring_if {
	u64 num_pages;
	struct page **pages;
};

static void ring_release(struct page **pages, u64 num, bool dirty)
{
	u64 i;

	for (i = 0; i < num; i++) {
		if (dirty)
			set_page_dirty_lock(pages[i]);
		unpin_user_page(pages[i]);
	}
}

/* expect: GUP402 */
static int ring_attach_unsigned(struct ring_if *r, u64 va)
{
	int got;

	got = pin_user_pages_fast(va, r->num_pages, FOLL_WRITE | FOLL_LONGTERM, r->pages);
	if (got < r->num_pages) {
		ring_release(r->pages, got, false);
		return -ENOMEM;
	}
	return 0;
}

/* expect: nothing */
static int ring_attach(struct ring_if *r, u64 va)
{
	int got;

	got = pin_user_pages_fast(va, r->num_pages, FOLL_WRITE | FOLL_LONGTERM, r->pages);
	if (got < (int)r->num_pages) {
		if (got > 0)
			ring_release(r->pages, got, false);
		return -ENOMEM;
	}
	return 0;
}

static void ring_detach(struct ring_if *r)
{
	ring_release(r->pages, r->num_pages, true);
}

struct umem {
	u32 npgs;
	struct page **pgs;
	unsigned long addr;
};

static void umem_unpin(struct umem *u)
{
	unpin_user_pages_dirty_lock(u->pgs, u->npgs, true);
	kvfree(u->pgs);
	u->pgs = NULL;
}

/* expect: nothing */
static int umem_pin(struct umem *u)
{
	long npgs;
	int err;

	u->pgs = kvcalloc(u->npgs, sizeof(*u->pgs), GFP_KERNEL | __GFP_NOWARN);
	if (!u->pgs)
		return -ENOMEM;
	mmap_read_lock(current->mm);
	npgs = pin_user_pages(u->addr, u->npgs, FOLL_WRITE | FOLL_LONGTERM, &u->pgs[0]);
	mmap_read_unlock(current->mm);
	if (npgs != u->npgs) {
		if (npgs >= 0) {
			u->npgs = npgs;
			err = -ENOMEM;
			goto out_pin;
		}
		err = npgs;
		goto out_pgs;
	}
	return 0;

out_pin:
	umem_unpin(u);
out_pgs:
	kvfree(u->pgs);
	u->pgs = NULL;
	return err;
}

enum blit_state { BLIT_NONE, BLIT_ALLOCATED, BLIT_LOCKED };

struct blit {
	enum blit_state state;
	unsigned long num_pages;
	struct page **pages;
	bool to_user;
};

static void blit_free(struct blit *b)
{
	unsigned long i;

	switch (b->state) {
	case BLIT_LOCKED:
		for (i = 0; i < b->num_pages; ++i) {
			if (b->pages[i])
				unpin_user_pages_dirty_lock(&b->pages[i], 1, b->to_user);
		}
		fallthrough;
	case BLIT_ALLOCATED:
		vfree(b->pages);
		b->pages = NULL;
		fallthrough;
	default:
		b->state = BLIT_NONE;
	}
}

/* expect: nothing */
static int blit_lock(struct blit *b, unsigned long addr)
{
	int ret;

	b->pages = vzalloc(array_size(sizeof(struct page *), b->num_pages));
	if (!b->pages)
		return -ENOMEM;
	b->state = BLIT_ALLOCATED;
	ret = pin_user_pages_fast(addr, b->num_pages, b->to_user ? FOLL_WRITE : 0, b->pages);
	if (ret != b->num_pages) {
		if (ret < 0)
			return ret;
		b->state = BLIT_LOCKED;
		return -EINVAL;
	}
	b->state = BLIT_LOCKED;
	return 0;
}

static int blit_run(struct blit *b, unsigned long addr)
{
	int ret = blit_lock(b, addr);

	if (!ret)
		ret = blit_start(b);
	blit_free(b);
	return ret;
}

struct pinned_window {
	int nr_pages;
	struct page **pages;
	int prot;
};

static void window_destroy(struct pinned_window *w)
{
	int j;

	for (j = 0; j < w->nr_pages; j++) {
		if (w->pages[j]) {
			if (w->prot)
				set_page_dirty_lock(w->pages[j]);
			unpin_user_page(w->pages[j]);
		}
	}
	kvfree(w->pages);
	kfree(w);
}

/* expect: nothing */
static int window_pin(unsigned long addr, int nr_pages, int prot, struct pinned_window **out)
{
	struct pinned_window *w = kzalloc(sizeof(*w), GFP_KERNEL);
	int err = 0;

	if (!w)
		return -ENOMEM;
	w->pages = kvcalloc(nr_pages, sizeof(*w->pages), GFP_KERNEL);
	if (!w->pages) {
		kfree(w);
		return -ENOMEM;
	}
	w->prot = prot;
	w->nr_pages = pin_user_pages_fast(addr, nr_pages, FOLL_WRITE | FOLL_LONGTERM, w->pages);
	if (nr_pages != w->nr_pages) {
		if (w->nr_pages < 0)
			w->nr_pages = 0;
		err = -EFAULT;
		goto error;
	}
	*out = w;
	return 0;
error:
	window_destroy(w);
	return err;
}

struct transfer {
	int nr;
	struct page **pages;
};

/* expect: GUP304 */
static int transfer_setup_short(struct transfer *t, unsigned long addr)
{
	int rv;

	t->pages = kcalloc(t->nr, sizeof(*t->pages), GFP_KERNEL);
	if (!t->pages)
		return -ENOMEM;
	rv = pin_user_pages_fast(addr, t->nr, FOLL_WRITE, t->pages);
	if (rv != t->nr) {
		rv = -EFAULT;
		goto err;
	}
	return transfer_start(t);
err:
	kfree(t->pages);
	t->pages = NULL;
	return rv;
}

static void transfer_done(struct transfer *t)
{
	unpin_user_pages_dirty_lock(t->pages, t->nr, true);
	kfree(t->pages);
}

/* expect: GUP305 */
static int read_then_release_all(unsigned long addr, int n, char *out)
{
	struct page *pages[16];
	int i, got;

	if (n > 16)
		return -EINVAL;
	got = pin_user_pages_fast(addr, n, 0, pages);
	if (got <= 0)
		return -EFAULT;
	for (i = 0; i < got; i++)
		memcpy_from_page(out + i * 64, pages[i], 0, 64);
	unpin_user_pages(pages, n);
	return got;
}

/* expect: GUP305 */
static int stamp_page(unsigned long addr, u32 value)
{
	struct page *page;

	pin_user_pages_fast(addr, 1, FOLL_WRITE, &page);
	memcpy_to_page(page, offset_in_page(addr), (char *)&value, sizeof(value));
	unpin_user_pages_dirty_lock(&page, 1, true);
	return 0;
}
