// SPDX-License-Identifier: GPL-2.0
/* A flag in user memory, set by the driver's interrupt for as long as the file is open. */
#include <linux/mm.h>
#include <linux/fs.h>
#include <linux/interrupt.h>

struct watch {
	struct page *page;
	u32 *flag;
	int irq;
};

/* expect: GUP203 */
static int watch_set_flag(struct watch *w, unsigned long uaddr)
{
	struct page *page;
	int ret;

	if (uaddr & 3)
		return -EINVAL;
	ret = get_user_pages_fast(uaddr, 1, FOLL_WRITE, &page);
	if (ret != 1)
		return ret < 0 ? ret : -EFAULT;
	w->page = page;
	w->flag = (u32 *)((char *)page_address(page) + offset_in_page(uaddr));
	return 0;
}

static irqreturn_t watch_irq(int irq, void *data)
{
	struct watch *w = data;

	if (w->flag)
		*w->flag = 1;
	return IRQ_HANDLED;
}

static long watch_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct watch *w = file->private_data;

	switch (cmd) {
	case WATCH_SET_FLAG:
		return w->page ? -EBUSY : watch_set_flag(w, arg);
	}
	return -ENOTTY;
}

static int watch_close(struct inode *inode, struct file *file)
{
	struct watch *w = file->private_data;

	free_irq(w->irq, w);
	if (w->page)
		put_page(w->page);
	kfree(w);
	return 0;
}

static const struct file_operations watch_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = watch_ioctl,
	.release = watch_close,
};
