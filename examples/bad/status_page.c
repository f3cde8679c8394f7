// SPDX-License-Identifier: MIT
/*
 * A driver that reports completions in a status word of the process: written under
 * a plain reference, which is CASE 5 of Documentation/core-api/pin_user_pages.rst.
 */
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

	got = get_user_pages_fast(sp->uaddr, 1, FOLL_WRITE, &page);
	if (got != 1)
		return got < 0 ? got : -EFAULT;

	kaddr = kmap_local_page(page);
	memcpy(kaddr + offset_in_page(sp->uaddr), &sp->completed, sizeof(sp->completed));
	flush_dcache_page(page);
	kunmap_local(kaddr);
	set_page_dirty_lock(page);
	put_page(page);
	return 0;
}
