// SPDX-License-Identifier: GPL-2.0
/* A GPU's userptr object: pinned while jobs run, an MMU interval notifier watches the range. Right. */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/dma-mapping.h>

struct userptr {
	struct device *dev;
	struct mmu_interval_notifier notifier;
	unsigned long notifier_seq;
	unsigned long addr;
	unsigned long npages;
	bool readonly;
	struct page **pages;
	struct sg_table sgt;
};

static bool userptr_invalidate(struct mmu_interval_notifier *mni, const struct mmu_notifier_range *range,
			       unsigned long seq)
{
	struct userptr *u = container_of(mni, struct userptr, notifier);

	if (!mmu_notifier_range_blockable(range))
		return false;
	mmu_interval_set_seq(mni, seq);
	gpu_wait_idle(u);
	return true;
}

static const struct mmu_interval_notifier_ops userptr_ops = {
	.invalidate = userptr_invalidate,
};

static int userptr_init(struct userptr *u)
{
	return mmu_interval_notifier_insert(&u->notifier, current->mm, u->addr, u->npages << PAGE_SHIFT,
					    &userptr_ops);
}

/* expect: nothing */
static int userptr_get_pages(struct userptr *u)
{
	unsigned int flags = u->readonly ? 0 : FOLL_WRITE;
	struct page **pages;
	unsigned long pinned = 0;
	int ret;

	pages = kvmalloc_array(u->npages, sizeof(*pages), GFP_KERNEL | __GFP_ZERO);
	if (!pages)
		return -ENOMEM;
	u->notifier_seq = mmu_interval_read_begin(&u->notifier);
	while (pinned < u->npages) {
		ret = pin_user_pages_fast(u->addr + pinned * PAGE_SIZE, u->npages - pinned, flags, pages + pinned);
		if (ret < 0)
			goto out;
		pinned += ret;
	}
	ret = sg_alloc_table_from_pages(&u->sgt, pages, u->npages, 0, u->npages << PAGE_SHIFT, GFP_KERNEL);
	if (ret)
		goto out;
	ret = dma_map_sgtable(u->dev, &u->sgt, DMA_BIDIRECTIONAL, 0);
	if (ret) {
		sg_free_table(&u->sgt);
		goto out;
	}
	u->pages = pages;
	return 0;
out:
	unpin_user_pages(pages, pinned);
	kvfree(pages);
	return ret;
}

static void userptr_put_pages(struct userptr *u)
{
	dma_unmap_sgtable(u->dev, &u->sgt, DMA_BIDIRECTIONAL, 0);
	sg_free_table(&u->sgt);
	unpin_user_pages_dirty_lock(u->pages, u->npages, !u->readonly);
	kvfree(u->pages);
	u->pages = NULL;
}
