// SPDX-License-Identifier: GPL-2.0
/* A debugger-like write into another process, page by page. The right and the old way. */
#include <linux/mm.h>
#include <linux/highmem.h>
#include <linux/sched/mm.h>

/* expect: nothing */
int poke_pinned(struct mm_struct *mm, unsigned long addr, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		size_t off = offset_in_page(addr), bytes = min_t(size_t, len - done, PAGE_SIZE - off);
		struct page *page;
		int locked = 1;
		long ret;

		mmap_read_lock(mm);
		ret = pin_user_pages_remote(mm, addr, 1, FOLL_WRITE, &page, &locked);
		if (locked)
			mmap_read_unlock(mm);
		if (ret < 1)
			return done ? done : -EFAULT;
		memcpy_to_page(page, off, buf + done, bytes);
		unpin_user_pages_dirty_lock(&page, 1, true);
		done += bytes;
		addr += bytes;
	}
	return done;
}

/* expect: GUP201 */
int poke_got(struct mm_struct *mm, unsigned long addr, const void *buf, size_t len)
{
	struct page *page;
	void *kaddr;
	long ret;

	mmap_read_lock(mm);
	ret = get_user_pages_remote(mm, addr & PAGE_MASK, 1, FOLL_WRITE, &page, NULL);
	mmap_read_unlock(mm);
	if (ret <= 0)
		return ret ? ret : -EFAULT;
	kaddr = kmap_local_page(page);
	memcpy(kaddr + offset_in_page(addr), buf, min_t(size_t, len, PAGE_SIZE - offset_in_page(addr)));
	kunmap_local(kaddr);
	set_page_dirty_lock(page);
	put_page(page);
	return 0;
}

/* expect: nothing */
int peek_got(struct mm_struct *mm, unsigned long addr, void *buf, size_t len)
{
	struct page *page;
	int locked = 1;
	long ret;

	mmap_read_lock(mm);
	ret = get_user_pages_remote(mm, addr & PAGE_MASK, 1, FOLL_FORCE, &page, &locked);
	if (locked)
		mmap_read_unlock(mm);
	if (ret <= 0)
		return ret ? ret : -EFAULT;
	memcpy_from_page(buf, page, offset_in_page(addr), min_t(size_t, len, PAGE_SIZE - offset_in_page(addr)));
	put_page(page);
	return 0;
}
