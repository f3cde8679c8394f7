import { FOLL } from '#engine/protocol/flags.ts';
import type { HoldObservation } from '../flow/held/observation.ts';
import { certainBits } from '../flow/state/value.ts';
import { called } from './evidence/apis.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { holds, userspaceDecides } from './evidence/holds.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const memlock: Rule = {
  code: 'GUP313',
  name: 'memlock',
  summary: 'memory is pinned for as long as userspace likes, and not counted against RLIMIT_MEMLOCK',
  defaultLevel: 'note',
  documentSection: 'CASE 2: RDMA',
  documentLines: '143-154',
  rationale:
    'Pages that are pinned for long cannot be reclaimed, swapped or moved. RLIMIT_MEMLOCK says how much memory a process may lock; a driver that pins for it without counting lets every process lock all memory of the machine. account_locked_vm() counts against the mm, which is to be kept for the release: current->mm may be another one then.',
  bad: `static long buf_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct buf *buf = file->private_data;

	if (pin_user_pages_fast(arg, 64, FOLL_WRITE | FOLL_LONGTERM, buf->pages) != 64)
		return -EFAULT;
	return 0;
}

static int buf_release(struct inode *inode, struct file *file)
{
	struct buf *buf = file->private_data;

	unpin_user_pages_dirty_lock(buf->pages, 64, true);
	return 0;
}

static const struct file_operations buf_fops = {
	.unlocked_ioctl = buf_ioctl,
	.release = buf_release,
};
`,
  good: `static long buf_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct buf *buf = file->private_data;
	int got, ret;

	ret = account_locked_vm(current->mm, 64, true);
	if (ret)
		return ret;
	buf->mm = current->mm;
	mmgrab(buf->mm);
	got = pin_user_pages_fast(arg, 64, FOLL_WRITE | FOLL_LONGTERM, buf->pages);
	if (got == 64)
		return 0;
	if (got > 0)
		unpin_user_pages(buf->pages, got);
	account_locked_vm(buf->mm, 64, false);
	mmdrop(buf->mm);
	return -EFAULT;
}

static int buf_release(struct inode *inode, struct file *file)
{
	struct buf *buf = file->private_data;

	unpin_user_pages_dirty_lock(buf->pages, 64, true);
	account_locked_vm(buf->mm, 64, false);
	mmdrop(buf->mm);
	return 0;
}

static const struct file_operations buf_fops = {
	.unlocked_ioctl = buf_ioctl,
	.release = buf_release,
};
`,
  check: (flow, { mentions }) => {
    const bad = holds(flow).filter(
      (o) =>
        o.set.nr > 1 && (certainBits(o.set.flags) & FOLL.LONGTERM) !== 0 && userspaceDecides(o) !== undefined,
    );
    if (bad.length === 0 || mentions(ACCOUNTS)) return [];
    return firstPerKey(bad, (o) => `${o.set.call.start}`).map(finding);
  },
};

/** The file counts somewhere, by itself or through a subsystem that does. */
const ACCOUNTS =
  /\b(_*account_locked_vm|locked_vm|pinned_vm|RLIMIT_MEMLOCK|mm_account_pinned_pages|io_account_mem|io_buffer_account_pin|ib_umem_\w+|rlimit|capable)\b/;

function finding(o: HoldObservation): Finding {
  const { set } = o;
  const message = `${called(set.model.name)} pins memory here for as long as userspace likes, and nothing in this file counts it against RLIMIT_MEMLOCK: every process may lock all memory. Call account_locked_vm() with the mm before pinning, keep that mm, and call it again after unpinning.`;
  return pathFinding('GUP313', o, { range: rangeOf(set.call), function: set.within }, message, []);
}
