// SPDX-License-Identifier: GPL-2.0
/* A memory region pinned in chunks that stand in a list. Right. */
#include <linux/mm.h>
#include <linux/list.h>

struct chunk {
	struct list_head list;
	unsigned int nents;
	struct page *pages[];
};

struct region {
	struct list_head chunks;
	struct mm_struct *mm;
	unsigned long npages;
};

static void region_unpin(struct region *r, bool dirty)
{
	struct chunk *c, *tmp;

	list_for_each_entry_safe(c, tmp, &r->chunks, list) {
		unpin_user_pages_dirty_lock(c->pages, c->nents, dirty);
		list_del(&c->list);
		kfree(c);
	}
}

/* expect: nothing */
static int region_pin(struct region *r, unsigned long addr, unsigned long npages)
{
	struct page **list = (struct page **)__get_free_page(GFP_KERNEL);
	struct chunk *c;
	long got = 0;
	int ret = 0, i;

	if (!list)
		return -ENOMEM;
	INIT_LIST_HEAD(&r->chunks);
	mmap_read_lock(current->mm);
	while (npages) {
		got = pin_user_pages(addr, min_t(unsigned long, npages, PAGE_SIZE / sizeof(struct page *)),
				     FOLL_WRITE | FOLL_LONGTERM, list);
		if (got < 0) {
			ret = got;
			break;
		}
		c = kmalloc(struct_size(c, pages, got), GFP_KERNEL);
		if (!c) {
			unpin_user_pages(list, got);
			ret = -ENOMEM;
			break;
		}
		c->nents = got;
		for (i = 0; i < got; i++)
			c->pages[i] = list[i];
		list_add_tail(&c->list, &r->chunks);
		addr += got << PAGE_SHIFT;
		npages -= got;
	}
	mmap_read_unlock(current->mm);
	if (ret)
		region_unpin(r, false);
	free_page((unsigned long)list);
	return ret;
}
