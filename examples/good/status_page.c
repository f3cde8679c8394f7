// SPDX-License-Identifier: MIT
/* The same driver as in examples/bad, with the page pinned while it is written. */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

struct status_page {
	unsigned long uaddr;
	u32 completed;
};

int status_page_update(struct status_page *sp)
{
	struct page *page;
	void *kaddr;
	int got;

	got = pin_user_pages_fast(sp->uaddr, 1, FOLL_WRITE, &page);
	if (got != 1)
		return got < 0 ? got : -EFAULT;

	kaddr = kmap_local_page(page);
	memcpy(kaddr + offset_in_page(sp->uaddr), &sp->completed, sizeof(sp->completed));
	kunmap_local(kaddr);

	unpin_user_pages_dirty_lock(&page, 1, true);
	return 0;
}
