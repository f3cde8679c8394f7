// SPDX-License-Identifier: GPL-2.0
/* read() of a frame grabber: one transfer a call, the interrupt handler wakes the reader up. */
#include <linux/mm.h>
#include <linux/fs.h>
#include <linux/wait.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>

struct grabber {
	struct device *dev;
	wait_queue_head_t wait;
	bool done;
};

static irqreturn_t grabber_irq(int irq, void *data)
{
	struct grabber *g = data;

	g->done = true;
	wake_up(&g->wait);
	return IRQ_HANDLED;
}

/* expect: GUP311 */
static ssize_t grabber_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct grabber *g = file->private_data;
	unsigned long first = (unsigned long)buf >> PAGE_SHIFT;
	unsigned long last = ((unsigned long)buf + count - 1) >> PAGE_SHIFT;
	int n = last - first + 1, got;
	struct page **pages;
	struct sg_table sgt;
	ssize_t ret;

	pages = kmalloc_array(n, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	got = pin_user_pages_fast((unsigned long)buf, n, FOLL_WRITE, pages);
	if (got != n) {
		ret = got < 0 ? got : -EFAULT;
		goto unpin;
	}
	ret = sg_alloc_table_from_pages(&sgt, pages, n, offset_in_page(buf), count, GFP_KERNEL);
	if (ret)
		goto unpin;
	ret = dma_map_sgtable(g->dev, &sgt, DMA_FROM_DEVICE, 0);
	if (ret)
		goto free;
	g->done = false;
	grabber_start(g, &sgt);
	wait_event_interruptible(g->wait, g->done);
	dma_unmap_sgtable(g->dev, &sgt, DMA_FROM_DEVICE, 0);
	ret = count;
free:
	sg_free_table(&sgt);
unpin:
	if (got > 0)
		unpin_user_pages_dirty_lock(pages, got, ret > 0);
	kfree(pages);
	return ret;
}
