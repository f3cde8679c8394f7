import { FOLL } from '#engine/protocol/flags.ts';
import type { HoldObservation } from '../flow/held/observation.ts';
import { called, knownFlags } from './evidence/apis.ts';
import { pinnedForDevice, registersNotifier, transferEnds } from './evidence/devices.ts';
import { USER_CONTROLLED } from './evidence/environments.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { holds, lasting, laterStep, userspaceDecides } from './evidence/holds.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const missingLongterm: Rule = {
  code: 'GUP204',
  name: 'missing-longterm',
  summary: 'pages are pinned for as long as userspace likes, without FOLL_LONGTERM (CASE 2)',
  defaultLevel: 'error',
  documentSection: 'CASE 2: RDMA',
  documentLines: '143-154',
  since: '5.6',
  rationale:
    'A pin that lasts until userspace closes, unmaps or unregisters something may last for ever. Without FOLL_LONGTERM the page stays where it is: in CMA or movable memory it blocks allocations and memory hot-unplug, and pages of DAX or dirty-tracked files are admitted, whose file system then waits for the pin. FOLL_LONGTERM moves the page out first, and refuses what cannot be held that long.',
  bad: `static int buf_register(struct buf *buf, unsigned long uaddr)
{
	if (pin_user_pages_fast(uaddr, 1, FOLL_WRITE, &buf->page) != 1)
		return -EFAULT;
	return 0;
}

static long buf_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return cmd == BUF_REGISTER ? buf_register(file->private_data, arg) : -ENOTTY;
}

static int buf_release(struct inode *inode, struct file *file)
{
	struct buf *buf = file->private_data;

	unpin_user_pages_dirty_lock(&buf->page, 1, true);
	return 0;
}

static const struct file_operations buf_fops = {
	.unlocked_ioctl = buf_ioctl,
	.release = buf_release,
};
`,
  good: `static int buf_register(struct buf *buf, unsigned long uaddr)
{
	if (pin_user_pages_fast(uaddr, 1, FOLL_WRITE | FOLL_LONGTERM, &buf->page) != 1)
		return -EFAULT;
	return 0;
}

static long buf_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return cmd == BUF_REGISTER ? buf_register(file->private_data, arg) : -ENOTTY;
}

static int buf_release(struct inode *inode, struct file *file)
{
	struct buf *buf = file->private_data;

	unpin_user_pages_dirty_lock(&buf->page, 1, true);
	return 0;
}

static const struct file_operations buf_fops = {
	.unlocked_ioctl = buf_ioctl,
	.release = buf_release,
};
`,
  check: (flow, context) => {
    const bad = holds(flow).filter((o) => {
      if (o.set.kind !== 'pin' || userspaceDecides(o) === undefined) return false;
      const flags = knownFlags(o.set, context.kernel);
      return flags !== undefined && (flags & FOLL.LONGTERM) === 0;
    });
    if (bad.length === 0 || registersNotifier(context)) return [];
    return firstPerKey(bad, (o) => `${o.set.call.start}`).map(finding);
  },
  run: {
    environments: USER_CONTROLLED,
    completed: transferEnds,
    refusalRepairs: true,
    documentForm: (steps) => pinnedForDevice(steps, FOLL.LONGTERM),
  },
};

function finding(o: HoldObservation): Finding {
  const { set, keeper } = o;
  const pins = `${called(set.model.name)} pins pages ${keeper === undefined ? 'that' : `for ${keeper}() that`}`;
  const cure = keeper === undefined ? 'Add FOLL_LONGTERM.' : 'Let that one pass FOLL_LONGTERM.';
  const message = `${pins} ${lasting(o, 'released')}: userspace decides how long that takes (CASE 2), and meanwhile the page can't be moved out of CMA or movable memory, and a file system may have to wait for it. ${cure}`;
  const at = { range: rangeOf(set.call), function: set.within };
  const found = pathFinding('GUP204', o, at, message, []);
  const { steps = [], assumed = [] } = found.witness ?? {};
  const witness = { steps: [...steps, laterStep(o)], assumed };
  const certainty = userspaceDecides(o) ?? 'possible';
  return { ...found, witness, certainty, ...(keeper !== undefined && { flagsFrom: keeper }) };
}
