// SPDX-License-Identifier: GPL-2.0
/* A vendor's operating system layer: wrapper macros for several kernels, the pages given to the caller. One wrapper is wrong. */
#include <linux/mm.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define OS_PIN_USER_PAGES(start, n, flags, pages) pin_user_pages(start, n, flags, pages)
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(5, 6, 0)
#define OS_PIN_USER_PAGES(start, n, flags, pages) pin_user_pages(start, n, flags, pages, NULL)
#else
#define OS_PIN_USER_PAGES(start, n, flags, pages) get_user_pages(start, n, flags, pages, NULL)
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 6, 0)
#define OS_UNPIN_USER_PAGE put_page
#else
#define OS_UNPIN_USER_PAGE put_page
#define FOLL_LONGTERM 0
#endif

/* expect: GUP301 */
int os_lock_user_pages(unsigned long address, u64 page_count, void **page_array, bool writable)
{
	unsigned int flags = FOLL_LONGTERM | (writable ? FOLL_WRITE : 0);
	struct page **user_pages;
	long pinned;
	u64 i;

	user_pages = kvmalloc_array(page_count, sizeof(*user_pages), GFP_KERNEL);
	if (!user_pages)
		return -ENOMEM;

	mmap_read_lock(current->mm);
	pinned = OS_PIN_USER_PAGES(address, page_count, flags, user_pages);
	mmap_read_unlock(current->mm);

	if (pinned < 0) {
		kvfree(user_pages);
		return pinned;
	}
	if ((u64)pinned < page_count) {
		for (i = 0; i < pinned; i++)
			OS_UNPIN_USER_PAGE(user_pages[i]);
		kvfree(user_pages);
		return -EINVAL;
	}
	*page_array = user_pages;
	return 0;
}

int os_unlock_user_pages(u64 page_count, void *page_array, bool dirty)
{
	struct page **user_pages = page_array;
	u64 i;

	for (i = 0; i < page_count; i++) {
		if (dirty)
			set_page_dirty_lock(user_pages[i]);
		OS_UNPIN_USER_PAGE(user_pages[i]);
	}
	kvfree(user_pages);
	return 0;
}
