import { FOLL } from '#engine/protocol/flags.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import type { HoldObservation } from '../flow/world.ts';
import { called, firstPerKey, pathFinding, pinForm, rangeOf } from './common.ts';
import { pinnedForDevice, registersNotifier } from './devices.ts';
import { COPY_ON_WRITE, RECLAIM, USER_CONTROLLED } from './environments.ts';
import type { Finding } from './finding.ts';
import { heldUntilLater, holds, releasedBy, userspaceDecides } from './holds.ts';
import type { Rule } from './rule.ts';

export const longtermUnderGet: Rule = {
  code: 'GUP203',
  name: 'longterm-under-get',
  summary: 'pages whose data is used are held by get_user_pages*() for as long as userspace likes (CASE 2)',
  defaultLevel: 'error',
  documentSection: 'CASE 2: RDMA',
  documentLines: '143-154',
  since: '5.6',
  rationale:
    'A reference of get_user_pages*() does not keep the page the one that the process sees: after fork() whoever writes first gets a copy. Until userspace closes or unregisters something there is time enough for that, and the kernel and the process then work on different pages. And the page stays in CMA or movable memory, which it blocks. A pin with FOLL_LONGTERM prevents both.',
  bad: `static int area_set(struct area *area, unsigned long uaddr)
{
	if (get_user_pages_fast(uaddr, 1, FOLL_WRITE, &area->page) != 1)
		return -EFAULT;
	area->kaddr = kmap(area->page);
	return 0;
}

static long area_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return cmd == AREA_SET ? area_set(file->private_data, arg) : -ENOTTY;
}

static int area_release(struct inode *inode, struct file *file)
{
	struct area *area = file->private_data;

	kunmap(area->page);
	set_page_dirty_lock(area->page);
	put_page(area->page);
	return 0;
}

static const struct file_operations area_fops = {
	.unlocked_ioctl = area_ioctl,
	.release = area_release,
};
`,
  good: `static int area_set(struct area *area, unsigned long uaddr)
{
	if (pin_user_pages_fast(uaddr, 1, FOLL_WRITE | FOLL_LONGTERM, &area->page) != 1)
		return -EFAULT;
	area->kaddr = kmap(area->page);
	return 0;
}

static long area_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return cmd == AREA_SET ? area_set(file->private_data, arg) : -ENOTTY;
}

static int area_release(struct inode *inode, struct file *file)
{
	struct area *area = file->private_data;

	kunmap(area->page);
	unpin_user_pages_dirty_lock(&area->page, 1, true);
	return 0;
}

static const struct file_operations area_fops = {
	.unlocked_ioctl = area_ioctl,
	.release = area_release,
};
`,
  check: (flow, { text }) => {
    const bad = holds(flow).filter(
      (o) => o.set.kind === 'get' && isUsed(o) && userspaceDecides(o) !== undefined,
    );
    if (bad.length === 0 || registersNotifier(text)) return [];
    return firstPerKey(bad, (o) => `${o.set.call.start}`).map(finding);
  },
  run: {
    environments: [...COPY_ON_WRITE, ...RECLAIM, ...USER_CONTROLLED],
    completed: (steps) => heldUntilLater(usedLater(steps)),
    refusalRepairs: true,
    documentForm: (steps) => pinnedForDevice(steps, FOLL.LONGTERM),
  },
};

/** The data is used, or can be: by a device, through an address, or by somebody who was told where the page is. */
function isUsed({ set }: HoldObservation): boolean {
  return set.device !== undefined || set.written !== 'no' || set.read || set.exposed;
}

/** What the pages are kept for happens later: the CPU writes or reads them, where no device has them. */
function usedLater(steps: readonly DriverStep[]): DriverStep[] {
  const acquire = steps.find((s) => s.op === 'acquire');
  if (acquire === undefined || steps.some((s) => s.op === 'dma-map')) return [...steps];
  const mode = (acquire.flags & FOLL.WRITE) !== 0 ? 'write' : 'read';
  const use: DriverStep = {
    op: 'access',
    mode,
    set: acquire.set,
    from: 0,
    count: acquire.expect ?? acquire.nr,
  };
  const end = steps.findIndex((s) => s.op === 'return');
  return [...steps.slice(0, end), { op: 'later' }, use, ...steps.slice(end)];
}

function finding(o: HoldObservation): Finding {
  const { set } = o;
  const message = `${called(set.model.name)} takes references that are dropped only by ${releasedBy(o)}, when userspace likes (CASE 2), and the data is used meanwhile: after a fork the process may have another page there, and the page can't be moved out of CMA or movable memory. Use ${called(pinForm(set.model.name))} with FOLL_LONGTERM and release with unpin_user_pages_dirty_lock().`;
  const at = { range: rangeOf(set.call), function: set.within };
  const found = pathFinding('GUP203', o, at, message, []);
  return { ...found, certainty: userspaceDecides(o) ?? 'possible' };
}
