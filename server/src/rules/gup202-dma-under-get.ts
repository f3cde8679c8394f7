import type { DeviceObservation, ReleaseObservation } from '../flow/run/observation.ts';
import type { KernelVersion } from '../syntax/preprocess/version.ts';
import { beforePins, called, hasNoPins, pinForm } from './evidence/apis.ts';
import {
  deviceEvents,
  givenLate,
  pinnedForDevice,
  registersNotifier,
  transferEnds,
  WHO,
  withTransfer,
} from './evidence/devices.ts';
import { COPY_ON_WRITE, RECLAIM, WRITEBACK } from './evidence/environments.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { exits, releases } from './evidence/observations.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const dmaUnderGet: Rule = {
  code: 'GUP202',
  name: 'dma-under-get',
  summary: 'a device reads or writes pages that are held by get_user_pages*() (CASE 1)',
  defaultLevel: 'error',
  documentSection: 'CASE 1: Direct IO (DIO)',
  documentLines: '131-141',
  rationale:
    'A reference of get_user_pages*() keeps the page allocated, but does not keep it the page that the process sees: after fork() whoever writes first gets a copy, and the device goes on with the other one. It then reads stale data, or writes where nobody looks. A pin makes fork() copy for the child at once, and tells writeback and reclaim that a device is at work.',
  bad: `static int send_page(struct device *dev, unsigned long uaddr)
{
	struct page *page;
	dma_addr_t addr;
	int ret = 0;

	if (get_user_pages_fast(uaddr, 1, 0, &page) != 1)
		return -EFAULT;
	addr = dma_map_page(dev, page, 0, PAGE_SIZE, DMA_TO_DEVICE);
	if (dma_mapping_error(dev, addr)) {
		ret = -EIO;
		goto out;
	}
	run_transfer(dev, addr, PAGE_SIZE);
	dma_unmap_page(dev, addr, PAGE_SIZE, DMA_TO_DEVICE);
out:
	put_page(page);
	return ret;
}
`,
  good: `static int send_page(struct device *dev, unsigned long uaddr)
{
	struct page *page;
	dma_addr_t addr;
	int ret = 0;

	if (pin_user_pages_fast(uaddr, 1, 0, &page) != 1)
		return -EFAULT;
	addr = dma_map_page(dev, page, 0, PAGE_SIZE, DMA_TO_DEVICE);
	if (dma_mapping_error(dev, addr)) {
		ret = -EIO;
		goto out;
	}
	run_transfer(dev, addr, PAGE_SIZE);
	dma_unmap_page(dev, addr, PAGE_SIZE, DMA_TO_DEVICE);
out:
	unpin_user_page(page);
	return ret;
}
`,
  check: (flow, context) => {
    const given = deviceEvents(flow).filter(
      (o) => o.event !== 'unmapped' && o.set.kind === 'get' && !givenLate(o),
    );
    if (given.length === 0 || registersNotifier(context)) return [];
    const ends = releases(flow);
    const left = exits(flow).filter((o) => o.owner === 'object' && o.set.slots.includes('held'));
    const kept = new Set(left.map((o) => o.set.call.start));
    return firstPerKey(mappedFirst(given), (o) => `${o.set.call.start}`).map((o) =>
      finding(o, ends, kept.has(o.set.call.start), context.kernel),
    );
  },
  run: {
    environments: [...COPY_ON_WRITE, ...RECLAIM, ...WRITEBACK],
    completed: (steps) => transferEnds(withTransfer(steps)),
    documentForm: (steps) => pinnedForDevice(steps, 0),
  },
};

function mappedFirst(given: readonly DeviceObservation[]): DeviceObservation[] {
  return [...given.filter((o) => o.event === 'mapped'), ...given.filter((o) => o.event === 'listed')];
}

function finding(
  o: DeviceObservation,
  ends: readonly ReleaseObservation[],
  outlives: boolean,
  kernel: KernelVersion,
): Finding {
  const { set } = o;
  const message = `${called(set.model.name)} takes a reference, but ${WHO[o.way]} gets to the data (CASE 1): after a fork the process may have another page there, and the device reads what is stale or writes what nobody sees. Use ${called(pinForm(set.model.name))} and release with unpin_user_pages${o.direction === 'to-device' ? '()' : '_dirty_lock() where the device wrote'}.${beforePins(kernel)}`;
  const at = { range: rangeOf(set.call), function: set.within };
  const related = [{ range: o.range, message: 'the pages are given away here' }];
  const found = pathFinding('GUP202', laterOn(o, ends), at, message, related);
  if (hasNoPins(kernel)) return { ...found, certainty: 'possible' };
  // A scatterlist by itself may be for the CPU. Of pages that live on, a notifier may be registered elsewhere.
  const unsure = (o.event === 'listed' && o.way === 'list') || outlives;
  return unsure ? { ...found, certainty: 'likely' } : found;
}

/** A path through the same mapping that goes on to a release, if one was seen: it says more. */
function laterOn(
  o: DeviceObservation,
  ends: readonly ReleaseObservation[],
): DeviceObservation | ReleaseObservation {
  const end = ends.find(
    ({ set, effect }) =>
      set.id === o.set.id && effect.api !== '__free_page' && set.device?.slots.every((s) => s !== 'none'),
  );
  return end ?? o;
}
