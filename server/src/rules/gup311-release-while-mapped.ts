import { FOLL } from '#engine/protocol/flags.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import type { FunctionFlow } from '../flow/file.ts';
import type { OrderObservation } from '../flow/held/observation.ts';
import type { DeviceObservation, ReleaseObservation } from '../flow/run/observation.ts';
import type { DeviceSlot } from '../flow/state/device-use.ts';
import type { PageSet } from '../flow/state/state.ts';
import type { WitnessStep } from '../flow/state/witness.ts';
import { called } from './evidence/apis.ts';
import { deviceEvents, firstMapping, registersNotifier, transferEnds } from './evidence/devices.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { releases } from './evidence/observations.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const releaseWhileMapped: Rule = {
  code: 'GUP311',
  name: 'release-while-mapped',
  summary: 'pages are released while a device can still reach them',
  defaultLevel: 'error',
  documentSection: 'Unit testing',
  documentLines: '244-266',
  rationale:
    "The pin is what keeps the page where the device expects it. Once it is dropped, the kernel may free the page and give it to somebody else, while the device's mapping still leads there: a late read sees foreign data, a late write destroys it. First stop the device, then unmap (which also copies bounce buffers back), then mark dirty and unpin.",
  bad: `static int receive_page(struct device *dev, unsigned long uaddr)
{
	struct page *page;
	dma_addr_t addr;

	if (pin_user_pages_fast(uaddr, 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	addr = dma_map_page(dev, page, 0, PAGE_SIZE, DMA_FROM_DEVICE);
	if (dma_mapping_error(dev, addr)) {
		unpin_user_page(page);
		return -EIO;
	}
	run_transfer(dev, addr, PAGE_SIZE);
	unpin_user_pages_dirty_lock(&page, 1, true);
	dma_unmap_page(dev, addr, PAGE_SIZE, DMA_FROM_DEVICE);
	return 0;
}
`,
  good: `static int receive_page(struct device *dev, unsigned long uaddr)
{
	struct page *page;
	dma_addr_t addr;

	if (pin_user_pages_fast(uaddr, 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	addr = dma_map_page(dev, page, 0, PAGE_SIZE, DMA_FROM_DEVICE);
	if (dma_mapping_error(dev, addr)) {
		unpin_user_page(page);
		return -EIO;
	}
	run_transfer(dev, addr, PAGE_SIZE);
	dma_unmap_page(dev, addr, PAGE_SIZE, DMA_FROM_DEVICE);
	unpin_user_pages_dirty_lock(&page, 1, true);
	return 0;
}
`,
  pairs: true,
  check: (flow, context) => {
    // A mapping that a notifier ends needs no reference (CASE 3).
    const isKept = ({ set }: { readonly set: PageSet }): boolean =>
      set.kind !== 'get' || !registersNotifier(context);
    const atRelease = releases(flow).flatMap((o) => {
      const why = reachable(o, flow.pair !== undefined);
      return why === undefined || !isKept(o) ? [] : [{ o, finding: finding(o, why) }];
    });
    const late = deviceEvents(flow).filter((o) => isLate(o) && isKept(o));
    const found = [
      ...late.map(lateFinding),
      ...atRelease.map((r) => r.finding),
      ...orders(flow).map(orderFinding),
    ];
    return firstPerKey(found, (r) => `${r.site.range.start}|${r.range.start}`);
  },
  run: {
    environments: [{ memory: 'anon', actors: [] }],
    completed: (steps) => transferEnds(mappedAtOnce(steps)),
    deviceOutlivesRelease: true,
    documentForm: (steps) => unmappedFirst(transferEnds(steps)),
  },
};

type Why = 'mapped' | 'interrupted';

/** Why a device can still reach what is released; undefined where it can't, or where that is not known. */
function reachable(o: ReleaseObservation, later: boolean): Why | undefined {
  const { set, slot } = o;
  if (set.device === undefined || set.guessed) return undefined;
  const { device } = set;
  const has = (test: (s: DeviceSlot) => boolean): boolean =>
    slot === null ? device.slots.every(test) : test(device.slots[slot] ?? 'none');
  if (device.interrupted && has((s) => s !== 'none')) return 'interrupted';
  // Between two entry points a third one may unmap.
  return !later && set.escaped === undefined && has((s) => s === 'open') ? 'mapped' : undefined;
}

/** The mapping itself came after the release, which is GUP307's. */
function isMappedLast({ path, set }: DeviceObservation): boolean {
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if (!('step' in event) || event.set !== set.id) continue;
    if (event.step.op === 'release') return false;
    if (event.step.op === 'dma-map') return true;
  }
  return false;
}

/** What is unmapped has been released before. */
function isLate(o: DeviceObservation): boolean {
  const { set, slot } = o;
  if (o.event !== 'unmapped' || set.guessed || set.device === undefined) return false;
  if (isMappedLast(o)) return false;
  const { slots } = set.device;
  const late = (i: number): boolean =>
    set.slots[i] === 'released' && (slots[i] === 'open' || slots[i] === 'maybe');
  return slot === null ? slots.length > 0 && slots.every((_, i) => late(i)) : late(slot);
}

function finding(o: ReleaseObservation, why: Why): Finding {
  const message =
    why === 'mapped'
      ? `${called(o.call.fn)} releases a page that is still mapped for a device: from here on the page may belong to somebody else, and the device still reads or writes it. Unmap it first, then release it.`
      : `${called(o.call.fn)} releases pages after a wait that ended before the device was done: nothing on this path has stopped the device, and from here on it reads or writes a page that may belong to somebody else. Stop the device, or wait on without interruption, before the pages are released.`;
  return atReleaseOf(o, { range: rangeOf(o.call), function: o.within }, message, []);
}

function lateFinding(o: DeviceObservation): Finding {
  let released: ReturnType<typeof firstMapping>;
  for (let link = o.path; link !== undefined && released === undefined; link = link.previous)
    if ('step' in link.event && link.event.set === o.set.id && link.event.step.op === 'release')
      released = link.event;
  const at = released ?? { range: o.range, within: o.within };
  const message = `The page is released here, and only then unmapped by ${called(o.call.fn)}: in between it may belong to somebody else, and the device still reads or writes it. Unmap it first, then release it.`;
  const related = [{ range: o.range, message: 'the mapping ends only here' }];
  return atReleaseOf(o, { range: at.range, function: at.within }, message, related);
}

function orders(flow: FunctionFlow): OrderObservation[] {
  return flow.observations.filter((o) => o.what === 'order');
}

/** The pages are found by a number that a mapping remembers, released, and only then is the mapping ended. */
function orderFinding(o: OrderObservation): Finding {
  const { kind: why, release, unmap, api, by } = o.late;
  if (why === 'wait') return waitFinding(o);
  const message = `${called(api)} releases pages that are found by the number which a mapping remembers, and only then ${called(by)} ends that mapping: in between a page may belong to somebody else, and the device still reads or writes it. Unmap first, then release.`;
  const related = [{ range: unmap, message: 'the mapping ends only here' }];
  const found = pathFinding('GUP311', o, { range: release, function: o.within }, message, related);
  const { steps = [], assumed = [] } = found.witness ?? {};
  const slots = { set: 0, from: 0, count: Math.max(1, o.set.slots.length) };
  const kind = o.set.kind === 'pin' ? 'unpin_user_page' : 'put_page';
  const later: WitnessStep[] = [
    { step: { op: 'later' }, range: release, text: `${o.within}()`, within: o.within },
    { step: { op: 'release', api: kind, ...slots }, range: release, text: called(api), within: o.within },
    { step: { op: 'dma-unmap', ...slots }, range: unmap, text: called(by), within: o.within },
  ];
  return { ...found, certainty: 'likely', witness: { steps: [...steps, ...later], assumed } };
}

/** Whoever waited for the device releases the pages, whichever way the wait ended. */
function waitFinding(o: OrderObservation): Finding {
  const { release, unmap, api, by } = o.late;
  const message = `${called(api)} releases the pages after ${called(by)} has waited for the device, also when a signal or a timeout has ended the wait: nothing on the way stops the device, and it reads or writes pages that may belong to somebody else. Stop the device, or wait on without interruption, before the pages are released.`;
  const related = [{ range: unmap, message: 'the wait may end here before the device is done' }];
  const found = pathFinding('GUP311', o, { range: release, function: o.within }, message, related);
  const { steps = [], assumed = [] } = found.witness ?? {};
  const slots = { set: 0, from: 0, count: Math.max(1, o.set.slots.length) };
  const kind = o.set.kind === 'pin' ? 'unpin_user_page' : 'put_page';
  const step: DriverStep = { op: 'release', api: kind, ...slots };
  const later: WitnessStep[] = [{ step, range: release, text: called(api), within: o.within }];
  return { ...found, certainty: 'likely', witness: { steps: [...steps, ...later], assumed } };
}

/** A path that unmaps what it does not show being mapped: it was mapped after the acquire. */
function mappedAtOnce(steps: readonly DriverStep[]): DriverStep[] {
  const at = steps.findIndex((s) => s.op === 'acquire');
  const acquire = steps[at];
  const unmaps = steps.some((s) => s.op === 'dma-unmap');
  if (acquire?.op !== 'acquire' || !unmaps || steps.some((s) => s.op === 'dma-map')) return [...steps];
  const direction = (acquire.flags & FOLL.WRITE) !== 0 ? 'from-device' : 'to-device';
  const map: DriverStep = {
    op: 'dma-map',
    direction,
    set: acquire.set,
    from: 0,
    count: acquire.expect ?? acquire.nr,
  };
  return [...steps.slice(0, at + 1), map, ...steps.slice(at + 1)];
}

function atReleaseOf(
  o: ReleaseObservation | DeviceObservation,
  at: { readonly range: Finding['range']; readonly function: string },
  message: string,
  more: Finding['related'],
): Finding {
  const mapping = firstMapping(o.path, o.set.id);
  const related = [
    { range: rangeOf(o.set.call), message: 'acquired here' },
    ...(mapping === undefined ? [] : [{ range: mapping.range, message: 'mapped for the device here' }]),
    ...more,
  ];
  return pathFinding('GUP311', o, at, message, related);
}

/** Mappings end before the pages in them are released. */
function unmappedFirst(steps: readonly DriverStep[]): DriverStep[] {
  const unmaps = steps.filter((s) => s.op === 'dma-unmap');
  const rest = steps.filter((s) => s.op !== 'dma-unmap');
  const first = rest.findIndex((s) => s.op === 'release');
  return first < 0 ? [...steps] : [...rest.slice(0, first), ...unmaps, ...rest.slice(first)];
}
