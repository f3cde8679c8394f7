// SPDX-License-Identifier: GPL-2.0
/*
 * Scatter-gather DMA from a character device, as FPGA boards do it: read() and write() move one user buffer.
 * get_user_pages_fast() with a bare 1 for the flags, the device reads or writes the pages, put_page().
 */
#include <linux/mm.h>
#include <linux/fs.h>
#include <linux/scatterlist.h>
#include <linux/dma-mapping.h>

struct board_io {
	void __user *buf;
	size_t len;
	unsigned int pages_nr;
	struct page **pages;
	struct sg_table sgt;
};

struct board_engine {
	struct device *dev;
	void __iomem *regs;
	enum dma_data_direction dir;
	struct completion done;
};

static void board_unmap_user_buf(struct board_io *io, bool write)
{
	int i;

	sg_free_table(&io->sgt);
	if (!io->pages || !io->pages_nr)
		return;

	for (i = 0; i < io->pages_nr; i++) {
		if (!io->pages[i])
			break;
		if (!write)
			set_page_dirty_lock(io->pages[i]);
		put_page(io->pages[i]);
	}
	kvfree(io->pages);
	io->pages = NULL;
}

/* expect: GUP202, GUP109 */
static int board_map_user_buf(struct board_io *io, bool write)
{
	struct scatterlist *sg;
	char __user *buf = io->buf;
	size_t len = io->len;
	unsigned int pages_nr = DIV_ROUND_UP(offset_in_page(buf) + len, PAGE_SIZE);
	int i, rv;

	if (!pages_nr)
		return -EINVAL;
	if (sg_alloc_table(&io->sgt, pages_nr, GFP_KERNEL))
		return -ENOMEM;
	io->pages = kvcalloc(pages_nr, sizeof(struct page *), GFP_KERNEL);
	if (!io->pages) {
		rv = -ENOMEM;
		goto err_out;
	}

	rv = get_user_pages_fast((unsigned long)buf, pages_nr, 1, io->pages);
	if (rv < 0) {
		pr_err("unable to pin down %u user pages, %d\n", pages_nr, rv);
		goto err_out;
	}
	if (rv != pages_nr) {
		pr_err("unable to pin down all %u user pages, %d\n", pages_nr, rv);
		io->pages_nr = rv;
		rv = -EFAULT;
		goto err_out;
	}
	io->pages_nr = pages_nr;

	sg = io->sgt.sgl;
	for (i = 0; i < pages_nr; i++, sg = sg_next(sg)) {
		unsigned int offset = offset_in_page(buf);
		unsigned int nbytes = min_t(unsigned int, PAGE_SIZE - offset, len);

		flush_dcache_page(io->pages[i]);
		sg_set_page(sg, io->pages[i], nbytes, offset);
		buf += nbytes;
		len -= nbytes;
	}
	return 0;

err_out:
	board_unmap_user_buf(io, write);
	return rv;
}

static ssize_t board_read_write(struct board_engine *engine, char __user *buf, size_t count, bool write)
{
	struct board_io io = { .buf = buf, .len = count };
	ssize_t res;
	int nents;

	res = board_map_user_buf(&io, write);
	if (res < 0)
		return res;
	nents = dma_map_sg(engine->dev, io.sgt.sgl, io.sgt.orig_nents, engine->dir);
	if (!nents) {
		board_unmap_user_buf(&io, write);
		return -EIO;
	}
	board_start(engine, &io.sgt, nents);
	wait_for_completion(&engine->done);
	dma_unmap_sg(engine->dev, io.sgt.sgl, io.sgt.orig_nents, engine->dir);
	board_unmap_user_buf(&io, write);
	return count;
}
