import { FOLL } from '#engine/protocol/flags.ts';
import type { AccessObservation, DeviceObservation } from '../flow/run/observation.ts';
import type { KernelVersion } from '../syntax/preprocess/version.ts';
import { called, knownFlags, takesFlags } from './evidence/apis.ts';
import { deviceEvents, transferEnds } from './evidence/devices.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { accesses } from './evidence/observations.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const missingFollWrite: Rule = {
  code: 'GUP207',
  name: 'missing-foll-write',
  summary: 'page data is written, but FOLL_WRITE is not set',
  defaultLevel: 'error',
  documentSection: 'CASE 5: Pinning in order to write to the data within the page',
  documentLines: '181-197',
  rationale:
    'Without FOLL_WRITE gup hands out whatever page may be read: the zero page that every process maps, a page that is shared with a child after fork(), a page of the page cache behind a private mapping. A write to it becomes visible to others and is lost for the process. FOLL_WRITE also makes the call fail where the mapping is read-only.',
  bad: `static int clear_flag(unsigned long uaddr)
{
	struct page *page;

	if (pin_user_pages_fast(uaddr, 1, 0, &page) != 1)
		return -EFAULT;
	memzero_page(page, offset_in_page(uaddr), sizeof(u32));
	unpin_user_pages_dirty_lock(&page, 1, true);
	return 0;
}
`,
  good: `static int clear_flag(unsigned long uaddr)
{
	struct page *page;

	if (pin_user_pages_fast(uaddr, 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	memzero_page(page, offset_in_page(uaddr), sizeof(u32));
	unpin_user_pages_dirty_lock(&page, 1, true);
	return 0;
}
`,
  pairs: true,
  check: (flow, { kernel, text }) => {
    const written = accesses(flow).filter((o) => o.mode === 'write');
    // The direction of a later mapping goes by what the object was made for, which flags and direction tell separately.
    const mapped = flow.pair === undefined ? deviceEvents(flow).filter((o) => o.event === 'mapped') : [];
    const given = mapped.filter(
      (o) => o.direction === 'from-device' || o.direction === 'bidirectional' || isNotToDevice(o, text),
    );
    const bad = [...written, ...given].filter((o) => {
      const flags = knownFlags(o.set, kernel);
      return flags !== undefined && (flags & FOLL.WRITE) === 0;
    });
    return firstPerKey(bad, (o) => `${o.set.call.start}`).map((o) => finding(o, kernel));
  },
  run: {
    environments: [
      { memory: 'zero', actors: [] },
      { memory: 'file-private', actors: [] },
      { memory: 'anon', actors: ['fork-parent-write'] },
    ],
    endsAtRelease: true,
    completed: transferEnds,
    documentForm: (steps) =>
      steps.map((s) => (s.op === 'acquire' ? { ...s, flags: s.flags | FOLL.WRITE } : s)),
  },
};

/** The path has found the direction that it maps with to be another than DMA_TO_DEVICE. */
function isNotToDevice({ direction, call, path }: DeviceObservation, text: string): boolean {
  if (direction !== undefined) return false;
  const given = new Set(call.args.map((a) => text.slice(a.start, a.end)));
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if ('step' in event) continue;
    const [, tested, op] = /^(.+?)\s*([=!]=)\s*(?:DMA|PCI_DMA)_TO_?DEVICE$/.exec(event.text) ?? [];
    if (tested !== undefined && given.has(tested)) return event.holds === (op === '!=');
  }
  return false;
}

function finding(o: AccessObservation | DeviceObservation, kernel: KernelVersion): Finding {
  const { set } = o;
  const device = o.what === 'device';
  const who = device ? `${called(o.call.fn)} lets a device write to the pages` : 'the data is written';
  const isFlags = !set.form?.booleans && takesFlags(set.model.name, kernel);
  const [without, cure] = isFlags ? ['FOLL_WRITE', 'Add FOLL_WRITE.'] : ['write', 'Pass 1 for write.'];
  const message = `${called(set.model.name)} is called without ${without}, but ${who}: the page may be the zero page, or one that others share, and the write reaches them instead of the process. ${cure}`;
  const related = [
    { range: o.range, message: device ? 'mapped for writing here' : 'the data is written here' },
  ];
  const at = { range: rangeOf(set.call), function: set.within };
  const found = pathFinding('GUP207', o, at, message, related);
  // DMA_BIDIRECTIONAL is also what drivers say who do not know which way the data goes.
  return device && o.direction === 'bidirectional' ? { ...found, certainty: 'possible' } : found;
}
