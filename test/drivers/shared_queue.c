// SPDX-License-Identifier: GPL-2.0
/* Queue pages shared with a process for the life of a connection: taken with a get, vmapped, written by the kernel. */
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include <linux/kref.h>

struct queue {
	struct kref ref;
	struct page **pages;
	unsigned int nr;
	struct queue_header *header;
};

static void queue_put_pages(struct queue *q, unsigned int nr, bool dirty)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (dirty)
			set_page_dirty_lock(q->pages[i]);
		put_page(q->pages[i]);
		q->pages[i] = NULL;
	}
}

/* expect: GUP203 */
static int queue_attach(struct queue *q, u64 uva)
{
	int got;

	got = get_user_pages_fast(uva, q->nr, FOLL_WRITE, q->pages);
	if (got < (int)q->nr) {
		pr_debug("got %d pages of %u\n", got, q->nr);
		if (got > 0)
			queue_put_pages(q, got, false);
		return -EFAULT;
	}
	q->header = vmap(q->pages, q->nr, VM_MAP, PAGE_KERNEL);
	if (!q->header) {
		queue_put_pages(q, q->nr, false);
		return -ENOMEM;
	}
	q->header->produced = 0;
	return 0;
}

static void queue_produce(struct queue *q, const void *data, size_t len)
{
	memcpy(q->header->data + q->header->produced, data, len);
	q->header->produced += len;
}

static void queue_free(struct kref *ref)
{
	struct queue *q = container_of(ref, struct queue, ref);

	vunmap(q->header);
	queue_put_pages(q, q->nr, true);
	kfree(q->pages);
	kfree(q);
}

static int queue_close(struct inode *inode, struct file *file)
{
	struct queue *q = file->private_data;

	kref_put(&q->ref, queue_free);
	return 0;
}

static long queue_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct queue *q = file->private_data;

	switch (cmd) {
	case QUEUE_ATTACH:
		return queue_attach(q, arg);
	case QUEUE_KICK:
		queue_produce(q, &arg, sizeof(arg));
		return 0;
	}
	return -ENOTTY;
}

static const struct file_operations queue_fops = {
	.unlocked_ioctl = queue_ioctl,
	.release = queue_close,
};
