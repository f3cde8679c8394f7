import type { DriverStep } from '#engine/protocol/steps.ts';
import { oneLine } from '../flow/lower/ir.ts';
import type { AccessObservation, DeviceObservation, ExitObservation } from '../flow/run/observation.ts';
import type { WitnessStep } from '../flow/state/witness.ts';
import { called } from './evidence/apis.ts';
import { deviceEvents, registersNotifier, transferEnds, WHO } from './evidence/devices.ts';
import { GONE, ORDINARY } from './evidence/environments.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { accesses, exits, isReleased, lastRelease } from './evidence/observations.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const useAfterRelease: Rule = {
  code: 'GUP307',
  name: 'use-after-release',
  summary: 'page data is accessed after the page was released',
  defaultLevel: 'error',
  documentSection: 'FOLL_PIN, FOLL_GET, FOLL_LONGTERM: when to use which flags',
  documentLines: '131-141',
  rationale:
    'After the release nothing keeps the page: it may be freed and given to another process or to the kernel itself before the access. A mapping that kmap() or vmap() made does not hold the page.',
  bad: `static int fetch(unsigned long uaddr, u32 *value)
{
	struct page *page;
	u32 *kaddr;

	if (pin_user_pages_fast(uaddr, 1, 0, &page) != 1)
		return -EFAULT;
	kaddr = kmap_local_page(page);
	unpin_user_page(page);
	*value = kaddr[0];
	kunmap_local(kaddr);
	return 0;
}
`,
  good: `static int fetch(unsigned long uaddr, u32 *value)
{
	struct page *page;
	u32 *kaddr;

	if (pin_user_pages_fast(uaddr, 1, 0, &page) != 1)
		return -EFAULT;
	kaddr = kmap_local_page(page);
	*value = kaddr[0];
	kunmap_local(kaddr);
	unpin_user_page(page);
	return 0;
}
`,
  pairs: true,
  check: (flow, context) => {
    const bad = accesses(flow).filter(isReleased);
    // A list by itself may be for a look at the pages.
    const late = deviceEvents(flow).filter((o) => o.event === 'mapped' && isReleased(o));
    const given = registersNotifier(context) ? [] : late;
    const kept = exits(flow).filter(returnsReleased);
    return [
      ...firstPerKey(bad, (o) => `${o.set.call.start}|${o.range.start}`).map(finding),
      ...firstPerKey(given, (o) => `${o.set.call.start}`).map(givenFinding),
      ...firstPerKey(kept, (o) => `${o.set.call.start}`).map((o) => returnedFinding(o, context.text)),
    ];
  },
  run: {
    environments: [...ORDINARY, ...GONE],
    deviceOutlivesRelease: true,
    completed: (steps) => transferEnds(steps),
    documentForm: (steps) => accessesFirst(transferEnds(steps)),
  },
};

const LATE: ReadonlySet<DriverStep['op']> = new Set(['access', 'dma-map', 'dma-unmap']);

/** Moves the accesses before the first release. */
function accessesFirst(steps: readonly DriverStep[]): DriverStep[] {
  const first = steps.findIndex((s) => s.op === 'release');
  const late = steps.filter((s, i) => i > first && LATE.has(s.op));
  const rest = steps.filter((s) => !late.includes(s));
  return [...rest.slice(0, first), ...late, ...rest.slice(first)];
}

/** The function returns the address of data, and has released all of the pages. */
function returnsReleased({ set, returns }: ExitObservation): boolean {
  return returns?.t === 'data' && returns.set === set.id && isReleased({ set, slot: null });
}

/** Whoever is given the address reads behind it. */
function returnedFinding(o: ExitObservation, text: string): Finding {
  const release = lastRelease(o.path, o.set.id);
  const message = `The address of the data that ${called(o.set.model.name)} acquired is returned after the pages were released: kmap() and vmap() take no references, so by the time it is used they may belong to somebody else. Keep the pages until the mapping is gone, and release them then.`;
  const related = [
    { range: rangeOf(o.set.call), message: 'acquired here' },
    ...(release === undefined ? [] : [{ range: release.range, message: 'released here, too early' }]),
  ];
  const found = pathFinding('GUP307', o, { range: o.range, function: o.within }, message, related);
  const { steps = [], assumed = [] } = found.witness ?? {};
  const step: DriverStep = { op: 'access', mode: 'read', set: 0, from: 0, count: o.set.slots.length };
  const read: WitnessStep = { step, range: o.range, text: oneLine(text, o.range) };
  return { ...found, certainty: 'likely', witness: { steps: [...steps, read], assumed } };
}

function finding(o: AccessObservation): Finding {
  const release = lastRelease(o.path, o.set.id);
  const how = o.mode === 'read' ? 'read' : 'written';
  const message = `The data of a page from ${called(o.set.model.name)} is ${how} after the page was released: by then it may belong to somebody else. Release it after the last access.`;
  const related = [
    { range: rangeOf(o.set.call), message: 'acquired here' },
    ...(release === undefined ? [] : [{ range: release.range, message: 'released here' }]),
  ];
  return pathFinding('GUP307', o, { range: o.range, function: o.within }, message, related);
}

/** A device is given what is not held any more. */
function givenFinding(o: DeviceObservation): Finding {
  const release = lastRelease(o.path, o.set.id);
  const message = `${called(o.call.fn)} gives ${WHO[o.way]} a page that was released before: by then it may belong to somebody else, whose data is read or overwritten. Keep what ${called(o.set.model.name)} acquired until the device is done, and release it then.`;
  const related = [
    { range: rangeOf(o.set.call), message: 'acquired here' },
    ...(release === undefined ? [] : [{ range: release.range, message: 'released here, too early' }]),
  ];
  return pathFinding('GUP307', o, { range: o.range, function: o.within }, message, related);
}
