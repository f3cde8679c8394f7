// SPDX-License-Identifier: GPL-2.0
/*
 * A driver whose users register a buffer by ioctl and unregister it by another: the device may write to it all the
 * time between. Pinned, but without FOLL_LONGTERM.
 */
#include <linux/mm.h>
#include <linux/fs.h>
#include <linux/dma-mapping.h>

struct user_buffer {
	struct list_head list;
	u32 handle;
	unsigned long npages;
	struct page **pages;
	struct sg_table sgt;
};

struct client {
	struct device *dev;
	struct mutex lock;
	struct list_head buffers;
	u32 next;
};

/* expect: GUP204 */
static int buffer_register(struct client *c, struct buffer_args *args)
{
	struct user_buffer *ub;
	long pinned;
	int ret;

	if (!PAGE_ALIGNED(args->addr) || !args->size)
		return -EINVAL;
	ub = kzalloc(sizeof(*ub), GFP_KERNEL);
	if (!ub)
		return -ENOMEM;
	ub->npages = PAGE_ALIGN(args->size) >> PAGE_SHIFT;
	ub->pages = kvmalloc_array(ub->npages, sizeof(*ub->pages), GFP_KERNEL);
	if (!ub->pages) {
		ret = -ENOMEM;
		goto err_free;
	}

	pinned = pin_user_pages_fast(args->addr, ub->npages, FOLL_WRITE, ub->pages);
	if (pinned < 0) {
		ret = pinned;
		goto err_pages;
	}
	if (pinned != ub->npages) {
		ret = -EFAULT;
		goto err_unpin;
	}
	ret = sg_alloc_table_from_pages(&ub->sgt, ub->pages, ub->npages, 0, args->size, GFP_KERNEL);
	if (ret)
		goto err_unpin;
	ret = dma_map_sgtable(c->dev, &ub->sgt, DMA_BIDIRECTIONAL, 0);
	if (ret)
		goto err_sgt;

	mutex_lock(&c->lock);
	ub->handle = c->next++;
	list_add(&ub->list, &c->buffers);
	mutex_unlock(&c->lock);
	args->handle = ub->handle;
	return 0;

err_sgt:
	sg_free_table(&ub->sgt);
err_unpin:
	unpin_user_pages(ub->pages, pinned);
err_pages:
	kvfree(ub->pages);
err_free:
	kfree(ub);
	return ret;
}

static void buffer_destroy(struct client *c, struct user_buffer *ub)
{
	dma_unmap_sgtable(c->dev, &ub->sgt, DMA_BIDIRECTIONAL, 0);
	sg_free_table(&ub->sgt);
	unpin_user_pages_dirty_lock(ub->pages, ub->npages, true);
	kvfree(ub->pages);
	kfree(ub);
}

static int buffer_unregister(struct client *c, u32 handle)
{
	struct user_buffer *ub;

	mutex_lock(&c->lock);
	list_for_each_entry(ub, &c->buffers, list) {
		if (ub->handle != handle)
			continue;
		list_del(&ub->list);
		mutex_unlock(&c->lock);
		buffer_destroy(c, ub);
		return 0;
	}
	mutex_unlock(&c->lock);
	return -ENOENT;
}

static long client_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct client *c = file->private_data;
	struct buffer_args args;
	int ret;

	if (copy_from_user(&args, (void __user *)arg, sizeof(args)))
		return -EFAULT;
	switch (cmd) {
	case CLIENT_REGISTER_BUFFER:
		ret = buffer_register(c, &args);
		if (!ret && copy_to_user((void __user *)arg, &args, sizeof(args)))
			ret = -EFAULT;
		return ret;
	case CLIENT_UNREGISTER_BUFFER:
		return buffer_unregister(c, args.handle);
	default:
		return -ENOTTY;
	}
}

static int client_release(struct inode *inode, struct file *file)
{
	struct client *c = file->private_data;
	struct user_buffer *ub, *next;

	list_for_each_entry_safe(ub, next, &c->buffers, list) {
		list_del(&ub->list);
		buffer_destroy(c, ub);
	}
	kfree(c);
	return 0;
}

static void board_remove(struct platform_device *pdev)
{
	struct client *c = platform_get_drvdata(pdev);
	struct user_buffer *ub, *next;

	list_for_each_entry_safe(ub, next, &c->buffers, list)
		buffer_destroy(c, ub);
}

static struct platform_driver board_driver = {
	.probe = board_probe,
	.remove_new = board_remove,
};

static const struct file_operations client_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = client_ioctl,
	.release = client_release,
};
