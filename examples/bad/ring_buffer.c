// SPDX-License-Identifier: MIT
/*
 * A ring buffer shared with user space: pages lost when fewer are pinned than asked for,
 * and pins that are dropped with the wrong function.
 */
#include <linux/mm.h>
#include <linux/slab.h>

struct ring {
	struct page **pages;
	int nr_pages;
};

static void ring_put(struct page **pages, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		put_page(pages[i]);
}

int ring_check(struct ring *ring, unsigned long uaddr)
{
	struct page *pages[2];
	int got;

	got = pin_user_pages_fast(uaddr, 2, FOLL_WRITE, pages);
	if (got != 2)
		return -EFAULT;
	ring_put(pages, 2);
	return 0;
}

int ring_map(struct ring *ring, unsigned long uaddr, int nr)
{
	unsigned int gup_flags = FOLL_LONGTERM;
	struct page **pages;
	int got;

	pages = kvmalloc_array(nr, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;

	gup_flags |= FOLL_PIN;
	got = get_user_pages_fast(uaddr, nr, gup_flags, pages);
	if (got != nr) {
		kvfree(pages);
		return got < 0 ? got : -EFAULT;
	}

	ring->pages = pages;
	ring->nr_pages = nr;
	return 0;
}
