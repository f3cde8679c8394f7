// SPDX-License-Identifier: GPL-2.0
/* Where a call may stand: locks, atomic sections, threads of the kernel. */
#include <linux/mm.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/kthread.h>
#include <linux/mmu_context.h>
#include <linux/interrupt.h>

struct job {
	spinlock_t lock;
	struct work_struct work;
	struct mm_struct *mm;
	unsigned long addr;
	struct page *page;
	struct list_head done;
};

/* expect: GUP108 */
static int job_pin_locked(struct job *j)
{
	int ret;

	spin_lock(&j->lock);
	ret = pin_user_pages_fast(j->addr, 1, FOLL_WRITE | FOLL_LONGTERM, &j->page);
	spin_unlock(&j->lock);
	return ret == 1 ? 0 : -EFAULT;
}

static void job_unpin(struct job *j)
{
	unpin_user_pages_dirty_lock(&j->page, 1, true);
}

/* expect: nothing */
static int job_pin(struct job *j)
{
	struct page *page;
	int ret;

	ret = pin_user_pages_fast(j->addr, 1, FOLL_WRITE | FOLL_LONGTERM, &page);
	if (ret != 1)
		return ret < 0 ? ret : -EFAULT;
	spin_lock_irq(&j->lock);
	j->page = page;
	spin_unlock_irq(&j->lock);
	return 0;
}

/* expect: GUP107 */
static int pin_twice_locked(struct mm_struct *mm, unsigned long addr)
{
	struct page *page;
	int ret;

	mmap_read_lock(current->mm);
	ret = pin_user_pages_fast(addr, 1, FOLL_WRITE, &page);
	mmap_read_unlock(current->mm);
	if (ret != 1)
		return -EFAULT;
	memset_page(page, 0, 0, 16);
	unpin_user_pages_dirty_lock(&page, 1, true);
	return 0;
}

/* expect: GUP112 */
static void job_work(struct work_struct *work)
{
	struct job *j = container_of(work, struct job, work);
	struct page *page;

	if (pin_user_pages_fast(j->addr, 1, FOLL_WRITE, &page) != 1)
		return;
	memset_page(page, 0, 0, 16);
	unpin_user_pages_dirty_lock(&page, 1, true);
}

/* expect: nothing */
static void job_work_with_mm(struct work_struct *work)
{
	struct job *j = container_of(work, struct job, work);
	struct page *page;

	kthread_use_mm(j->mm);
	if (pin_user_pages_fast(j->addr, 1, FOLL_WRITE, &page) == 1) {
		memset_page(page, 0, 0, 16);
		unpin_user_pages_dirty_lock(&page, 1, true);
	}
	kthread_unuse_mm(j->mm);
}

/* expect: nothing */
static void job_work_remote(struct work_struct *work)
{
	struct job *j = container_of(work, struct job, work);
	struct page *page;
	long ret;

	mmap_read_lock(j->mm);
	ret = pin_user_pages_remote(j->mm, j->addr, 1, FOLL_WRITE, &page, NULL);
	mmap_read_unlock(j->mm);
	if (ret != 1)
		return;
	memset_page(page, 0, 0, 16);
	unpin_user_pages_dirty_lock(&page, 1, true);
}

static void job_init(struct job *j, int how)
{
	INIT_WORK(&j->work, job_work);
	if (how == 1)
		INIT_WORK(&j->work, job_work_with_mm);
	if (how == 2)
		INIT_WORK(&j->work, job_work_remote);
}

/* expect: GUP108 */
static irqreturn_t job_irq(int irq, void *data)
{
	struct job *j = data;

	unpin_user_pages_dirty_lock(&j->page, 1, true);
	return IRQ_HANDLED;
}

static int job_request_irq(struct job *j, int irq)
{
	return request_irq(irq, job_irq, 0, "job", j);
}
