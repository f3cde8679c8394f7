// SPDX-License-Identifier: GPL-2.0
/* A hypervisor's host interface with a form of the call for each kernel: one page is right, two forget the first. */
#include <linux/version.h>
#include <linux/mm.h>

typedef unsigned long VA64;
typedef unsigned long long MPN64;
#define HOSTIF_OK 0
#define HOSTIF_NO_MEM 1
#define HOSTIF_LOCK_FAILED 2
#define INVALID_MPN ((MPN64)-1)

/* expect: GUP304 */
static int HostGetUserPages(VA64 uvAddr, struct page **ppages, unsigned int numPages)
{
	int retval;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	mmap_read_lock(current->mm);
	retval = get_user_pages(uvAddr, numPages, 0, ppages);
	mmap_read_unlock(current->mm);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(5, 8, 0)
	mmap_read_lock(current->mm);
	retval = get_user_pages(uvAddr, numPages, 0, ppages, NULL);
	mmap_read_unlock(current->mm);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(4, 9, 0)
	down_read(&current->mm->mmap_sem);
	retval = get_user_pages(uvAddr, numPages, 0, ppages, NULL);
	up_read(&current->mm->mmap_sem);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(4, 6, 0)
	down_read(&current->mm->mmap_sem);
	retval = get_user_pages(uvAddr, numPages, 0, 0, ppages, NULL);
	up_read(&current->mm->mmap_sem);
#else
	down_read(&current->mm->mmap_sem);
	retval = get_user_pages(current, current->mm, uvAddr, numPages, 0, 0, ppages, NULL);
	up_read(&current->mm->mmap_sem);
#endif
	return retval != numPages;
}

/* expect: nothing */
int HostIF_LookupUserMPN(VA64 uvAddr, MPN64 *mpn)
{
	struct page *page;

	if (HostGetUserPages(uvAddr, &page, 1))
		return HOSTIF_LOCK_FAILED;
	*mpn = page_to_pfn(page);
	put_page(page);
	return HOSTIF_OK;
}

/* expect: nothing */
int HostIF_LockPair(VA64 uvAddr, MPN64 *a, MPN64 *b)
{
	struct page *pages[2];

	if (HostGetUserPages(uvAddr, pages, 2))
		return HOSTIF_LOCK_FAILED;
	*a = page_to_pfn(pages[0]);
	*b = page_to_pfn(pages[1]);
	put_page(pages[0]);
	put_page(pages[1]);
	return HOSTIF_OK;
}
