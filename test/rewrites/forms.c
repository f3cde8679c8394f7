/* Right code with many forms in it, each of which a rewriting knows another form for. */
#include <linux/mm.h>

struct ring {
	struct page **pages;
	int nr_pages;
	bool writable;
	int state;
};

/* Branches, comparisons and loops around pages that are given back at once. */
static int ring_fill(unsigned long addr, int nr, struct page **pages, const void *data, bool more)
{
	int done = 0;
	int step;
	int got, i;

	if (nr > 0 && more) {
		if (nr > 16)
			nr = 16;
	}
	if (nr < 0) {
		if (more)
			return -EINVAL;
	}
	if (more)
		step = 1;
	else
		step = 2;
	got = pin_user_pages_fast(addr, nr, FOLL_WRITE, pages);
	if (got < 0) {
		return got;
	} else {
		done = done + step;
	}
	for (i = 0; i < got; i++)
		memcpy_to_page(pages[i], 0, data, PAGE_SIZE);
	for (i = 0; i < got; i++)
		set_page_dirty_lock(pages[i]);
	for (i = 0; i < got; i++)
		unpin_user_page(pages[i]);
	if (got != nr)
		goto out;
	return done;
out:
	return -EFAULT;
}

/* An assignment in a condition, and a release that counts down. */
static int ring_peek(unsigned long addr, void *data, struct page **pages)
{
	int got;

	if ((got = pin_user_pages_fast(addr, 4, 0, pages)) < 0)
		return got;
	if (got > 0) {
		memcpy_from_page(data, pages[0], 0, PAGE_SIZE);
	}
	while (got--)
		unpin_user_page(pages[got]);
	return 0;
}

/* Pages that stay in an object, and the two ways in which it lets them go. */
static int ring_map(struct ring *ring, unsigned long addr, int nr)
{
	int got;

	ring->pages = kcalloc(nr, sizeof(*ring->pages), GFP_KERNEL);
	if (!ring->pages)
		return -ENOMEM;
	got = pin_user_pages_fast(addr, nr, FOLL_WRITE | FOLL_LONGTERM, ring->pages);
	if (got != nr) {
		if (got > 0)
			unpin_user_pages(ring->pages, got);
		kfree(ring->pages);
		ring->pages = NULL;
		return -EFAULT;
	}
	ring->nr_pages = nr;
	return 0;
}

static void ring_unmap(struct ring *ring)
{
	if (ring->pages == NULL)
		return;
	unpin_user_pages_dirty_lock(ring->pages, ring->nr_pages, ring->writable);
	kfree(ring->pages);
	ring->pages = NULL;
}

static long ring_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ring *ring = file->private_data;
	int ret;

	switch (cmd) {
	case RING_MAP:
		ret = ring_map(ring, arg, min_t(int, ring->state, 16));
		break;
	case RING_UNMAP:
		ring_unmap(ring);
		ret = 0;
		break;
	default:
		ret = -ENOTTY;
		break;
	}
	return ret < 0 ? ret : 0;
}

static int ring_release(struct inode *inode, struct file *file)
{
	ring_unmap(file->private_data);
	return 0;
}

static const struct file_operations ring_fops = {
	.unlocked_ioctl = ring_ioctl,
	.release = ring_release,
};
