// SPDX-License-Identifier: MIT
/* The ring buffer of examples/bad as the document wants it: long-term pins, released on every path. */
#include <linux/mm.h>
#include <linux/slab.h>

struct ring {
	struct page **pages;
	int nr_pages;
};

int ring_map(struct ring *ring, unsigned long uaddr, int nr)
{
	struct page **pages;
	int got;

	pages = kvmalloc_array(nr, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;

	got = pin_user_pages_fast(uaddr, nr, FOLL_WRITE | FOLL_LONGTERM, pages);
	if (got != nr) {
		if (got > 0)
			unpin_user_pages(pages, got);
		kvfree(pages);
		return got < 0 ? got : -EFAULT;
	}

	ring->pages = pages;
	ring->nr_pages = nr;
	return 0;
}

void ring_unmap(struct ring *ring)
{
	unpin_user_pages_dirty_lock(ring->pages, ring->nr_pages, true);
	kvfree(ring->pages);
	ring->pages = NULL;
}
