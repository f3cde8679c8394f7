// SPDX-License-Identifier: GPL-2.0
/* Asynchronous direct I/O: pages pinned at submission, unpinned by the bio's completion. Right. */
#include <linux/mm.h>
#include <linux/bio.h>

struct dio {
	struct kiocb *iocb;
	struct page **pages;
	int nr;
	bool dirty;
	struct work_struct work;
};

static void dio_finish(struct work_struct *work)
{
	struct dio *dio = container_of(work, struct dio, work);

	unpin_user_pages_dirty_lock(dio->pages, dio->nr, dio->dirty);
	dio->iocb->ki_complete(dio->iocb, 0);
	kvfree(dio->pages);
	kfree(dio);
}

static void dio_end_io(struct bio *bio)
{
	struct dio *dio = bio->bi_private;

	bio_put(bio);
	schedule_work(&dio->work);
}

/* expect: nothing */
static int dio_submit(struct kiocb *iocb, struct block_device *bdev, unsigned long addr, int nr, bool read)
{
	struct bio *bio;
	struct dio *dio;
	int i, got;

	dio = kzalloc(sizeof(*dio), GFP_KERNEL);
	if (!dio)
		return -ENOMEM;
	dio->pages = kvcalloc(nr, sizeof(*dio->pages), GFP_KERNEL);
	if (!dio->pages) {
		kfree(dio);
		return -ENOMEM;
	}
	INIT_WORK(&dio->work, dio_finish);
	dio->iocb = iocb;
	dio->dirty = read;

	got = pin_user_pages_fast(addr, nr, read ? FOLL_WRITE : 0, dio->pages);
	if (got <= 0) {
		kvfree(dio->pages);
		kfree(dio);
		return got ? got : -EFAULT;
	}
	dio->nr = got;

	bio = bio_alloc(bdev, got, read ? REQ_OP_READ : REQ_OP_WRITE, GFP_KERNEL);
	bio->bi_iter.bi_sector = iocb->ki_pos >> 9;
	bio->bi_private = dio;
	bio->bi_end_io = dio_end_io;
	for (i = 0; i < got; i++)
		__bio_add_page(bio, dio->pages[i], PAGE_SIZE, 0);
	submit_bio(bio);
	return -EIOCBQUEUED;
}
