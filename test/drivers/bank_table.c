// SPDX-License-Identifier: GPL-2.0
/* Banks of host memory in a table of the card, given by userspace: what fails half-way is forgotten with its array. */
#include <linux/mm.h>
#include <linux/scatterlist.h>

struct bank {
	struct page **pages;
	struct sg_table sgt;
	u64 size;
};

struct card {
	struct device *dev;
	struct bank *banks;
	u64 nr_banks;
};

/* expect: GUP303 */
static int bank_set(struct card *card, u32 idx, u64 addr, u64 size)
{
	struct bank *bank = &card->banks[idx];
	u64 nr = size >> PAGE_SHIFT;
	int got, ret;

	bank->pages = vzalloc(nr * sizeof(*bank->pages));
	if (!bank->pages)
		return -ENOMEM;
	got = pin_user_pages_fast(addr, nr, FOLL_WRITE | FOLL_LONGTERM, bank->pages);
	if (got < 0) {
		ret = got;
		goto free;
	}
	if (got != nr) {
		card_err(card->dev, "can't pin all of bank %u\n", idx);
		unpin_user_pages(bank->pages, got);
		ret = -EINVAL;
		goto free;
	}
	ret = sg_alloc_table_from_pages(&bank->sgt, bank->pages, nr, 0, size, GFP_KERNEL);
	if (ret)
		goto free;
	bank->size = size;
	return 0;
free:
	vfree(bank->pages);
	bank->pages = NULL;
	return ret;
}

static void bank_clear(struct card *card, u32 idx)
{
	struct bank *bank = &card->banks[idx];

	if (!bank->pages)
		return;
	sg_free_table(&bank->sgt);
	unpin_user_pages_dirty_lock(bank->pages, bank->size >> PAGE_SHIFT, true);
	vfree(bank->pages);
	bank->pages = NULL;
}

static long card_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct card *card = file->private_data;
	struct bank_args args;

	if (copy_from_user(&args, (void __user *)arg, sizeof(args)))
		return -EFAULT;
	if (args.idx >= card->nr_banks)
		return -EINVAL;
	if (cmd == CARD_BANK_SET)
		return bank_set(card, args.idx, args.addr, args.size);
	bank_clear(card, args.idx);
	return 0;
}

static const struct file_operations card_fops = {
	.unlocked_ioctl = card_ioctl,
};
