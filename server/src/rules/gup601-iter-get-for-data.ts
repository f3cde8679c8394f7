import { FOLL } from '#engine/protocol/flags.ts';
import { isOfIterator } from '../flow/kernel/acquire.ts';
import { isSince } from '../flow/kernel/presence.ts';
import type { DeviceObservation, ReleaseObservation } from '../flow/run/observation.ts';
import type { PathLink } from '../flow/state/path.ts';
import type { PageSet } from '../flow/state/state.ts';
import type { KernelVersion } from '../syntax/preprocess/version.ts';
import { beforePins, called, hasNoPins, isUnpin } from './evidence/apis.ts';
import { deviceEvents, pinnedForDevice, transferEnds, WHO, withTransfer } from './evidence/devices.ts';
import { COPY_ON_WRITE, RECLAIM, WRITEBACK } from './evidence/environments.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { pinned } from './evidence/forms.ts';
import { lastAccess, releases } from './evidence/observations.ts';
import type { Finding, RelatedPlace } from './finding.ts';
import type { Rule } from './rule.ts';

export const iterGetForData: Rule = {
  code: 'GUP601',
  name: 'iter-get-for-data',
  summary: 'page data is accessed under iov_iter_get_pages2(), which takes references, not pins',
  defaultLevel: 'warning',
  documentSection: 'FOLL_PIN, FOLL_GET, FOLL_LONGTERM: when to use which flags',
  documentLines: '125-197',
  rationale:
    "iov_iter_get_pages2() calls get_user_pages_fast() for a user's iterator: a fork() in between makes the process or its child copy the page, and what is written then goes to a page that the process no longer sees. iov_iter_extract_pages() pins the same pages: fork() copies for the child at once. It takes neither references nor pins of the kernel's own iterators, and iov_iter_extract_will_pin() tells whether there is something to unpin.",
  bad: `static ssize_t fill(struct iov_iter *iter, const void *src)
{
	struct page *page;
	size_t offset;
	ssize_t len;

	len = iov_iter_get_pages2(iter, &page, PAGE_SIZE, 1, &offset);
	if (len <= 0)
		return len;
	memcpy_to_page(page, offset, src, len);
	set_page_dirty_lock(page);
	put_page(page);
	return len;
}
`,
  good: `static ssize_t fill(struct iov_iter *iter, const void *src)
{
	struct page *page, **pages = &page;
	size_t offset;
	ssize_t len;

	len = iov_iter_extract_pages(iter, &pages, PAGE_SIZE, 1, 0, &offset);
	if (len <= 0)
		return len;
	memcpy_to_page(page, offset, src, len);
	if (iov_iter_extract_will_pin(iter))
		unpin_user_pages_dirty_lock(&page, 1, true);
	return len;
}
`,
  pairs: true,
  check: (flow, { kernel }) => {
    const written = releases(flow).filter(
      (o) => isGot(o.set) && o.set.written === 'yes' && !isUnpin(o.effect.api),
    );
    const given = deviceEvents(flow).filter((o) => isGot(o.set) && o.event !== 'unmapped');
    return firstPerKey(
      [
        ...written.map((o) => ({ set: o.set, found: writtenByCpu(o, kernel) })),
        ...given.map((o) => ({ set: o.set, found: givenToDevice(o, kernel) })),
      ],
      ({ set }) => `${set.call.start}`,
    ).map(({ found }) => found);
  },
  run: {
    environments: [...COPY_ON_WRITE, ...RECLAIM, ...WRITEBACK],
    endsAtRelease: true,
    completed: (steps) => (steps.some((s) => s.op === 'access') ? steps : transferEnds(withTransfer(steps))),
    documentForm: (steps) => {
      const clean = steps.filter((s) => s.op !== 'dirty');
      return clean.some((s) => s.op === 'dma-map') ? pinnedForDevice(clean, 0) : pinned(clean);
    },
  },
};

function isGot(set: PageSet): boolean {
  return set.kind === 'get' && isOfIterator(set.model);
}

function writtenByCpu(o: ReleaseObservation, kernel: KernelVersion): Finding {
  const write = lastAccess(o.path, o.set.id, 'write');
  const related = write === undefined ? [] : [{ range: write.range, message: 'the data is written here' }];
  return intoMemory(finding(o, "the CPU writes the pages' data (CASE 5)", related, kernel));
}

/** Which way the data goes is the iterator's business; a list of pages may be meant for the CPU. */
function givenToDevice(o: DeviceObservation, kernel: KernelVersion): Finding {
  const related = [{ range: o.range, message: 'the pages are given away here' }];
  const found = finding(o, `${WHO[o.way]} gets to the data (CASE 1)`, related, kernel);
  if (o.event !== 'mapped' || o.direction === undefined)
    return hasNoPins(kernel) ? found : { ...found, certainty: 'likely' };
  return o.direction === 'to-device' ? found : intoMemory(found);
}

function finding(
  o: { readonly set: PageSet; readonly path: PathLink | undefined },
  what: string,
  related: readonly RelatedPlace[],
  kernel: KernelVersion,
): Finding {
  const { set } = o;
  const cure = isSince(kernel, '6.3')
    ? 'Use iov_iter_extract_pages(), and unpin_user_pages_dirty_lock() where iov_iter_extract_will_pin() is true.'
    : `Take the addresses from the iterator's segments and pin them with pin_user_pages_fast().${beforePins(kernel)}`;
  const message = `${called(set.model.name)} takes references, but ${what}: after a fork the process may have another page there. ${cure}`;
  const at = { range: rangeOf(set.call), function: set.within };
  const found = pathFinding('GUP601', o, at, message, related);
  return hasNoPins(kernel) ? { ...found, certainty: 'possible' } : found;
}

/** The iterator is a destination, since its pages are written: gup is then called with FOLL_WRITE. */
function intoMemory(found: Finding): Finding {
  if (found.witness === undefined) return found;
  const steps = found.witness.steps.map((s) =>
    s.step.op === 'acquire' ? { ...s, step: { ...s.step, flags: s.step.flags | FOLL.WRITE } } : s,
  );
  return { ...found, witness: { ...found.witness, steps } };
}
