import { FOLL } from '#engine/protocol/flags.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import type { HoldObservation } from '../flow/held/observation.ts';
import { oneLine } from '../flow/lower/ir.ts';
import { certainBits } from '../flow/state/value.ts';
import type { WitnessStep } from '../flow/state/witness.ts';
import { called, pinForm } from './evidence/apis.ts';
import { pinnedForDevice, registersNotifier, transferEnds } from './evidence/devices.ts';
import { COPY_ON_WRITE, RECLAIM, USER_CONTROLLED } from './evidence/environments.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { holds, lasting, laterStep, userspaceDecides } from './evidence/holds.ts';
import type { Finding } from './finding.ts';
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
  check: (flow, context) => {
    const bad = holds(flow).filter(
      (o) => o.set.kind === 'get' && (o.used || isForWriting(o)) && userspaceDecides(o) !== undefined,
    );
    if (bad.length === 0 || registersNotifier(context)) return [];
    return firstPerKey(bad, (o) => `${o.set.call.start}`).map((o) => finding(o, context.text));
  },
  run: {
    environments: [...COPY_ON_WRITE, ...RECLAIM, ...USER_CONTROLLED],
    completed: transferEnds,
    refusalRepairs: true,
    documentForm: (steps) => pinnedForDevice(steps, FOLL.LONGTERM),
  },
};

/** Where the driver gets at the data, as an access after that time: what it holds the address for. */
function use(o: HoldObservation, text: string): WitnessStep[] {
  const { set } = o;
  if (set.exposed === undefined || set.device !== undefined || set.written === 'yes') return [];
  const mode = (certainBits(set.flags) & FOLL.WRITE) !== 0 ? 'write' : 'read';
  const step: DriverStep = {
    op: 'access',
    mode,
    set: 0,
    from: 0,
    count: Math.min(set.result, set.slots.length),
  };
  return [{ step, range: set.exposed, text: oneLine(text, set.exposed) }];
}

/** FOLL_WRITE is asked for: nobody needs it who does not write to the data, now or later. */
function isForWriting({ set }: HoldObservation): boolean {
  return (certainBits(set.flags) & FOLL.WRITE) !== 0;
}

function finding(o: HoldObservation, text: string): Finding {
  const { set } = o;
  const used = o.used ? 'the data is used meanwhile' : 'FOLL_WRITE says that the data is written meanwhile';
  const message = `${called(set.model.name)} takes references that ${lasting(o, 'dropped')}: userspace decides how long that takes (CASE 2), and ${used}: after a fork the process may have another page there, and the page can't be moved out of CMA or movable memory. Use ${called(pinForm(set.model.name))} with FOLL_LONGTERM and release with unpin_user_pages_dirty_lock().`;
  const at = { range: rangeOf(set.call), function: set.within };
  const found = pathFinding('GUP203', o, at, message, []);
  const { steps = [], assumed = [] } = found.witness ?? {};
  const witness = { steps: [...steps, laterStep(o), ...use(o, text)], assumed };
  const certainty = userspaceDecides(o) ?? 'possible';
  return { ...found, witness, certainty: certainty === 'certain' && !o.used ? 'likely' : certainty };
}
