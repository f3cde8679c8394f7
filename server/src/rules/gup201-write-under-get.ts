import type { ReleaseObservation } from '../flow/run/observation.ts';
import type { KernelVersion } from '../syntax/preprocess/version.ts';
import { beforePins, called, hasNoPins, isUnpin, pinForm } from './evidence/apis.ts';
import { registersNotifier } from './evidence/devices.ts';
import { COPY_ON_WRITE, RECLAIM, WRITEBACK } from './evidence/environments.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { pinned } from './evidence/forms.ts';
import { lastAccess, releases } from './evidence/observations.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const writeUnderGet: Rule = {
  code: 'GUP201',
  name: 'write-under-get',
  summary: 'page data is written by the CPU under get_user_pages*() and put_page() (CASE 5)',
  defaultLevel: 'error',
  documentSection: 'CASE 5: Pinning in order to write to the data within the page',
  documentLines: '181-197',
  rationale:
    'A reference of get_user_pages*() does not tell the kernel that the data of the page is being written. After fork() such a page is copied by whoever writes first, and the driver then writes into a page that the process no longer sees. A pin makes fork() copy for the child at once and keeps the page where it is; releasing with unpin_user_pages_dirty_lock() marks it dirty.',
  bad: `static int write_status(unsigned long uaddr, u32 status)
{
	struct page *page;
	void *kaddr;

	if (get_user_pages_fast(uaddr, 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	kaddr = kmap_local_page(page);
	memcpy(kaddr + offset_in_page(uaddr), &status, sizeof(status));
	kunmap_local(kaddr);
	set_page_dirty_lock(page);
	put_page(page);
	return 0;
}
`,
  good: `static int write_status(unsigned long uaddr, u32 status)
{
	struct page *page;
	void *kaddr;

	if (pin_user_pages_fast(uaddr, 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	kaddr = kmap_local_page(page);
	memcpy(kaddr + offset_in_page(uaddr), &status, sizeof(status));
	flush_dcache_page(page);
	kunmap_local(kaddr);
	unpin_user_pages_dirty_lock(&page, 1, true);
	return 0;
}
`,
  pairs: true,
  check: (flow, context) => {
    const bad = releases(flow).filter(
      (o) => o.set.kind === 'get' && o.set.written === 'yes' && !o.set.underLock && !isUnpin(o.effect.api),
    );
    // What only a device writes a notifier may keep coherent (CASE 3).
    const coherent = bad.length > 0 && registersNotifier(context);
    const found = bad.filter((o) => !coherent || lastAccess(o.path, o.set.id, 'write') !== undefined);
    return firstPerKey(found, (o) => `${o.set.call.start}`).map((o) =>
      finding(o, context.mentions(MAKES_MM), context.kernel),
    );
  },
  run: {
    environments: [...COPY_ON_WRITE, ...RECLAIM, ...WRITEBACK],
    endsAtRelease: true,
    documentForm: (steps) => pinned(steps.filter((s) => s.op !== 'dirty')),
  },
};

/** A process is being made here: what its mm holds is written before anything runs, and can fork, in it. */
const MAKES_MM = /\bmm_alloc\s*\(/;

function finding(o: ReleaseObservation, makesMm: boolean, kernel: KernelVersion): Finding {
  const { set } = o;
  const write = lastAccess(o.path, set.id, 'write');
  const message = `${called(set.model.name)} takes a reference, but the page's data is written before ${called(o.call.fn)} (CASE 5): after a fork the write can go to a copy that the process no longer sees. Use ${called(pinForm(set.model.name))} and release with unpin_user_pages_dirty_lock().${beforePins(kernel)}`;
  const related = [
    ...(write === undefined ? [] : [{ range: write.range, message: 'the data is written here' }]),
    { range: rangeOf(o.call), message: 'the reference is dropped here' },
  ];
  const found = pathFinding(
    'GUP201',
    o,
    { range: rangeOf(set.call), function: set.within },
    message,
    related,
  );
  if (hasNoPins(kernel)) return { ...found, certainty: 'possible' };
  // The mm of somebody else may be one that can't fork: it surely may where the file makes one, as for execve().
  if (set.model.api !== 'get_user_pages_remote') return found;
  return { ...found, certainty: makesMm ? 'possible' : 'likely' };
}
