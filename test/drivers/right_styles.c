// SPDX-License-Identifier: GPL-2.0
/* Ways to hold pages that are all right: each stands in some driver in one form or another. */
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/xarray.h>
#include <linux/kref.h>
#include <linux/cleanup.h>
#include <linux/device.h>

struct sg_region {
	struct sg_table sgt;
	struct page **pages;
	int nr;
	bool writable;
};

/* expect: nothing */
static int region_pin_sg(struct sg_region *r, unsigned long addr, int nr, unsigned long size)
{
	int got, ret;

	r->pages = kvmalloc_array(nr, sizeof(*r->pages), GFP_KERNEL);
	if (!r->pages)
		return -ENOMEM;
	got = pin_user_pages_fast(addr, nr, FOLL_LONGTERM | (r->writable ? FOLL_WRITE : 0), r->pages);
	if (got < nr) {
		if (got > 0)
			unpin_user_pages(r->pages, got);
		kvfree(r->pages);
		return got < 0 ? got : -ENOMEM;
	}
	r->nr = nr;
	ret = sg_alloc_table_from_pages(&r->sgt, r->pages, nr, 0, size, GFP_KERNEL);
	if (ret) {
		unpin_user_pages(r->pages, nr);
		kvfree(r->pages);
		return ret;
	}
	/* The table knows the pages from here on. */
	kvfree(r->pages);
	r->pages = NULL;
	return 0;
}

static void region_unpin_sg(struct sg_region *r)
{
	struct sg_page_iter iter;

	for_each_sgtable_page(&r->sgt, &iter, 0) {
		struct page *page = sg_page_iter_page(&iter);

		if (r->writable)
			set_page_dirty_lock(page);
		unpin_user_page(page);
	}
	sg_free_table(&r->sgt);
}

struct pfn_region {
	struct xarray pages;
	unsigned long *pfns;
	unsigned long nr;
};

/* expect: nothing */
static int pfns_pin(struct pfn_region *r, unsigned long addr)
{
	struct page *page;
	unsigned long i;
	int ret;

	for (i = 0; i < r->nr; i++) {
		ret = pin_user_pages_fast(addr + i * PAGE_SIZE, 1, FOLL_WRITE | FOLL_LONGTERM, &page);
		if (ret != 1) {
			if (ret >= 0)
				ret = -EFAULT;
			goto undo;
		}
		r->pfns[i] = page_to_pfn(page);
	}
	return 0;

undo:
	while (i--)
		unpin_user_page(pfn_to_page(r->pfns[i]));
	return ret;
}

static void pfns_unpin(struct pfn_region *r)
{
	unsigned long i;

	for (i = 0; i < r->nr; i++) {
		struct page *page = pfn_to_page(r->pfns[i]);

		unpin_user_pages_dirty_lock(&page, 1, true);
	}
}

/* expect: nothing */
static int xa_pin(struct pfn_region *r, unsigned long addr, unsigned long index)
{
	struct page *page;
	int ret;

	ret = pin_user_pages_fast(addr, 1, FOLL_WRITE | FOLL_LONGTERM, &page);
	if (ret < 0)
		return ret;
	if (!ret)
		return -EFAULT;
	ret = xa_err(xa_store(&r->pages, index, page, GFP_KERNEL));
	if (ret)
		unpin_user_page(page);
	return ret;
}

static void xa_unpin_all(struct pfn_region *r)
{
	struct page *page;
	unsigned long index;

	xa_for_each(&r->pages, index, page) {
		unpin_user_pages_dirty_lock(&page, 1, true);
		xa_erase(&r->pages, index);
	}
}

struct pinned {
	struct kref ref;
	unsigned int nr;
	struct page *pages[] __counted_by(nr);
};

static void pinned_release(struct kref *ref)
{
	struct pinned *p = container_of(ref, struct pinned, ref);

	unpin_user_pages_dirty_lock(p->pages, p->nr, true);
	kfree(p);
}

/* expect: nothing */
static struct pinned *pinned_create(unsigned long addr, unsigned int nr)
{
	struct pinned *p __free(kfree) = kzalloc(struct_size(p, pages, nr), GFP_KERNEL);
	int ret;

	if (!p)
		return ERR_PTR(-ENOMEM);
	kref_init(&p->ref);
	ret = pin_user_pages_fast(addr, nr, FOLL_WRITE | FOLL_LONGTERM, p->pages);
	if (ret < 0)
		return ERR_PTR(ret);
	p->nr = ret;
	if (ret < nr) {
		unpin_user_pages(p->pages, ret);
		return ERR_PTR(-EFAULT);
	}
	return_ptr(p);
}

static int pinned_use(struct device *dev, unsigned long addr, unsigned int nr)
{
	struct pinned *p = pinned_create(addr, nr);

	if (IS_ERR(p))
		return PTR_ERR(p);
	device_program(dev, p->pages, p->nr);
	kref_put(&p->ref, pinned_release);
	return 0;
}

static void unpin_action(void *data)
{
	struct sg_region *r = data;

	unpin_user_pages_dirty_lock(r->pages, r->nr, true);
}

/* expect: nothing */
static int managed_pin(struct device *dev, struct sg_region *r, unsigned long addr)
{
	int got = pin_user_pages_fast(addr, r->nr, FOLL_WRITE | FOLL_LONGTERM, r->pages);

	if (got < 0)
		return got;
	if (got != r->nr) {
		unpin_user_pages(r->pages, got);
		return -EFAULT;
	}
	return devm_add_action_or_reset(dev, unpin_action, r);
}

/* expect: nothing */
static long pin_in_steps(struct page **pages, unsigned long start, unsigned long nr, unsigned int flags)
{
	unsigned long done = 0;
	long ret;

	do {
		unsigned long batch = min(nr - done, 512UL);

		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			goto unwind;
		}
		ret = pin_user_pages_fast(start + (done << PAGE_SHIFT), batch, flags, pages + done);
		if (ret <= 0) {
			ret = ret ?: -EFAULT;
			goto unwind;
		}
		done += ret;
		cond_resched();
	} while (done < nr);
	return done;

unwind:
	unpin_user_pages(pages, done);
	return ret;
}

/* expect: nothing */
static u64 page_identity(unsigned long addr)
{
	struct page *page;
	u64 id;

	if (get_user_pages_fast(addr, 1, 0, &page) != 1)
		return 0;
	id = (u64)page_to_pfn(page) << PAGE_SHIFT | offset_in_page(addr);
	put_page(page);
	return id;
}

/* expect: nothing */
static int read_header(unsigned long addr, struct header *header)
{
	struct page *page;
	int ret = get_user_pages_fast(addr, 1, 0, &page);

	if (ret < 1)
		return ret ? ret : -EFAULT;
	memcpy_from_page((char *)header, page, offset_in_page(addr), sizeof(*header));
	put_page(page);
	return 0;
}

/* expect: nothing */
static int prefault(unsigned long addr, unsigned long nr)
{
	long ret;

	mmap_read_lock(current->mm);
	ret = get_user_pages(addr, nr, FOLL_WRITE, NULL);
	mmap_read_unlock(current->mm);
	return ret < 0 ? ret : 0;
}

struct kva_page {
	void *kva;
};

/* expect: nothing */
static int kva_pin(struct kva_page *k, unsigned long addr)
{
	struct page *page;
	int ret = pin_user_pages_fast(addr & PAGE_MASK, 1, FOLL_WRITE | FOLL_LONGTERM, &page);

	if (ret != 1)
		return ret < 0 ? ret : -EFAULT;
	k->kva = page_address(page) + offset_in_page(addr);
	return 0;
}

static void kva_unpin(struct kva_page *k)
{
	struct page *page = virt_to_page(k->kva);

	set_page_dirty_lock(page);
	unpin_user_page(page);
}

/* expect: nothing */
static int pin_pair(unsigned long a, unsigned long b, struct page **pa, struct page **pb)
{
	int ret;

	ret = pin_user_pages_fast(a, 1, FOLL_WRITE, pa);
	if (ret != 1)
		return -EFAULT;
	ret = pin_user_pages_fast(b, 1, FOLL_WRITE, pb);
	if (ret != 1) {
		unpin_user_page(*pa);
		return -EFAULT;
	}
	return 0;
}

static int copy_pair(unsigned long a, unsigned long b)
{
	struct page *pa, *pb;
	int ret = pin_pair(a, b, &pa, &pb);

	if (ret)
		return ret;
	copy_highpage(pb, pa);
	unpin_user_pages_dirty_lock(&pb, 1, true);
	unpin_user_page(pa);
	return 0;
}
