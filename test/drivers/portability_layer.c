// SPDX-License-Identifier: GPL-2.0
/*
 * A portability layer: macros for the release, for the type of a result and for the lock, names of its own for memory and
 * status. Locked pages are marked dirty without their lock, and a short count leaks where the array is freed first.
 */
#include <linux/mm.h>
#include <linux/version.h>

#define XRT_MIN(a, b, c) (LINUX_VERSION_CODE >= KERNEL_VERSION(a, b, c))
#define XRTDECL(type) type
#define XRT_MM_DOWN_READ(mm) down_read(&(mm)->mmap_lock)
#define XRT_MM_UP_READ(mm) up_read(&(mm)->mmap_lock)

enum { XRT_OK = 0, XRT_ERR_NO_MEMORY = -8, XRT_ERR_LOCK_FAILED = -22 };

struct xrt_obj {
	u32 type;
	int nr;
	struct page **pages;
};

XRTDECL(int)
/* expect: nothing */
xrt_obj_lock(struct xrt_obj *obj, unsigned long addr, int nr)
{
	struct mm_struct *mm = current->mm;
	int got;

	if (xrt_mem_alloc((void **)&obj->pages, nr * sizeof(*obj->pages)) != XRT_OK)
		return XRT_ERR_NO_MEMORY;
	XRT_MM_DOWN_READ(mm);
#if XRT_MIN(6, 5, 0)
	got = pin_user_pages(addr, nr, FOLL_WRITE, obj->pages);
#elif XRT_MIN(5, 6, 0)
	got = pin_user_pages(addr, nr, FOLL_WRITE, obj->pages, NULL);
#else
	got = get_user_pages(addr, nr, FOLL_WRITE, obj->pages, NULL);
#endif
	XRT_MM_UP_READ(mm);
	if (got == nr) {
		obj->nr = nr;
		return XRT_OK;
	}
	while (got-- > 0) {
#if XRT_MIN(5, 6, 0)
		unpin_user_page(obj->pages[got]);
#else
		put_page(obj->pages[got]);
#endif
	}
	xrt_mem_free(obj->pages);
	return XRT_ERR_LOCK_FAILED;
}

XRTDECL(int)
/* expect: GUP304 */
xrt_peek_lock(unsigned long addr, int nr, void **array)
{
	struct page **pages;
	int got;

	if (xrt_mem_alloc((void **)&pages, nr * sizeof(*pages)) != XRT_OK)
		return XRT_ERR_NO_MEMORY;
	got = get_user_pages_fast(addr, nr, 0, pages);
	if (got != nr) {
		xrt_err("got %d of %d pages\n", got, nr);
		xrt_mem_free(pages);
		return XRT_ERR_LOCK_FAILED;
	}
	*array = pages;
	return XRT_OK;
}

XRTDECL(void)
/* expect: GUP309 */
xrt_obj_free(struct xrt_obj *obj)
{
	int i;

	for (i = 0; i < obj->nr; i++) {
		SetPageDirty(obj->pages[i]);
#if XRT_MIN(5, 6, 0)
		unpin_user_page(obj->pages[i]);
#else
		put_page(obj->pages[i]);
#endif
	}
	xrt_mem_free(obj->pages);
}
