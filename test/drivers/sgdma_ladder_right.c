// SPDX-License-Identifier: GPL-2.0
/* Scatter-gather DMA of a card, for kernels with pins and without: right in both. */
#include <linux/mm.h>
#include <linux/version.h>

struct card_io {
	struct page **pages;
	unsigned int pages_nr;
	struct sg_table sgt;
	bool write;
};

static void card_io_unmap_user(struct card_io *cb, bool write)
{
	int i;

	sg_free_table(&cb->sgt);
	if (!cb->pages || !cb->pages_nr)
		return;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 6, 0)
	unpin_user_pages_dirty_lock(cb->pages, cb->pages_nr, !write);
#else
	for (i = 0; i < cb->pages_nr; i++) {
		if (!cb->pages[i])
			break;
		if (!write)
			set_page_dirty_lock(cb->pages[i]);
		put_page(cb->pages[i]);
	}
#endif
	kfree(cb->pages);
	cb->pages = NULL;
	cb->pages_nr = 0;
}

/* expect: nothing */
static int card_io_map_user(struct card_io *cb, const char __user *buf, size_t len, bool write)
{
	unsigned int nr = DIV_ROUND_UP(((unsigned long)buf & ~PAGE_MASK) + len, PAGE_SIZE);
	int rv;

	cb->pages = kcalloc(nr, sizeof(struct page *), GFP_KERNEL);
	if (!cb->pages)
		return -ENOMEM;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 6, 0)
	rv = pin_user_pages_fast((unsigned long)buf, nr, write ? 0 : FOLL_WRITE, cb->pages);
#else
	rv = get_user_pages_fast((unsigned long)buf, nr, !write, cb->pages);
#endif
	if (rv < 0) {
		pr_err("unable to pin down %u user pages, %d\n", nr, rv);
		goto err_out;
	}
	cb->pages_nr = rv;
	if (rv != nr) {
		pr_err("unable to pin down all %u user pages, %d\n", nr, rv);
		rv = -EFAULT;
		goto err_out;
	}
	rv = sg_alloc_table_from_pages(&cb->sgt, cb->pages, nr, offset_in_page(buf), len, GFP_KERNEL);
	if (rv)
		goto err_out;
	return 0;
err_out:
	card_io_unmap_user(cb, write);
	return rv;
}

/* expect: nothing */
ssize_t card_sgdma(struct card *card, const char __user *buf, size_t len, bool write)
{
	struct card_io cb = { .write = write };
	enum dma_data_direction dir = write ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
	ssize_t res = card_io_map_user(&cb, buf, len, write);

	if (res < 0)
		return res;
	if (!dma_map_sg(card->dev, cb.sgt.sgl, cb.sgt.orig_nents, dir)) {
		res = -EIO;
		goto out;
	}
	res = card_transfer(card, cb.sgt.sgl, cb.sgt.nents, dir);
	dma_unmap_sg(card->dev, cb.sgt.sgl, cb.sgt.orig_nents, dir);
out:
	card_io_unmap_user(&cb, write);
	return res;
}
