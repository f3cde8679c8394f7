// SPDX-License-Identifier: GPL-2.0
/* Zero-copy crypto on user buffers, as an out-of-tree crypto device does it: works for 4.x to 6.x kernels. */
#include <linux/mm.h>
#include <linux/version.h>
#include <linux/scatterlist.h>

struct session {
	struct page **pages;
	struct scatterlist *sg;
	unsigned int array_size;
	unsigned int used_pages;
	unsigned int readonly_pages;
};

static int pages_from(unsigned long uaddr, unsigned int len)
{
	return ((uaddr + len - 1) >> PAGE_SHIFT) - (uaddr >> PAGE_SHIFT) + 1;
}

/* expect: nothing */
static int get_userbuf(u8 __user *addr, u32 len, int write, unsigned int pgcount, struct page **pg,
		       struct scatterlist *sg, struct task_struct *task, struct mm_struct *mm)
{
	int ret, i;

	if (pgcount == 0 || !addr)
		return 0;

	down_read(&mm->mmap_lock);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	ret = pin_user_pages_remote(mm, (unsigned long)addr, pgcount, write ? FOLL_WRITE : 0, pg, NULL);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(5, 9, 0)
	ret = pin_user_pages_remote(mm, (unsigned long)addr, pgcount, write ? FOLL_WRITE : 0, pg, NULL, NULL);
#else
	ret = get_user_pages_remote(task, mm, (unsigned long)addr, pgcount, write ? FOLL_WRITE : 0, pg, NULL, NULL);
#endif
	up_read(&mm->mmap_lock);
	if (ret < 0)
		return ret;
	if (ret != pgcount) {
		for (i = 0; i < ret; i++)
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 9, 0)
			unpin_user_page(pg[i]);
#else
			put_page(pg[i]);
#endif
		return -EINVAL;
	}
	sg_init_table(sg, pgcount);
	for (i = 0; i < pgcount; i++)
		sg_set_page(&sg[i], pg[i], PAGE_SIZE, 0);
	return 0;
}

static void release_user_pages(struct session *ses)
{
	unsigned int i;

	for (i = 0; i < ses->used_pages; i++) {
		if (i >= ses->readonly_pages)
			set_page_dirty_lock(ses->pages[i]);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 9, 0)
		unpin_user_page(ses->pages[i]);
#else
		put_page(ses->pages[i]);
#endif
	}
	ses->used_pages = 0;
}

static int session_run(struct session *ses, struct crypto_op *op, struct task_struct *task, struct mm_struct *mm)
{
	int rc;

	ses->used_pages = pages_from((unsigned long)op->dst, op->len);
	if (ses->used_pages > ses->array_size)
		return -ENOMEM;
	rc = get_userbuf(op->dst, op->len, 1, ses->used_pages, ses->pages, ses->sg, task, mm);
	if (rc) {
		ses->used_pages = 0;
		return rc;
	}
	rc = crypto_run(ses->sg, op);
	release_user_pages(ses);
	return rc;
}
