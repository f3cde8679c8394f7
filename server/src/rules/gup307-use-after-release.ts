import type { DriverStep } from '#engine/protocol/steps.ts';
import type { AccessObservation } from '../flow/run/observation.ts';
import { called } from './evidence/apis.ts';
import { GONE, ORDINARY } from './evidence/environments.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { accesses, isReleased, lastRelease } from './evidence/observations.ts';
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
  check: (flow) => {
    const bad = accesses(flow).filter(isReleased);
    return firstPerKey(bad, (o) => `${o.set.call.start}|${o.range.start}`).map(finding);
  },
  run: {
    environments: [...ORDINARY, ...GONE],
    documentForm: accessesFirst,
  },
};

/** Moves the accesses before the first release. */
function accessesFirst(steps: readonly DriverStep[]): DriverStep[] {
  const first = steps.findIndex((s) => s.op === 'release');
  const late = steps.filter((s, i) => i > first && s.op === 'access');
  const rest = steps.filter((s) => !late.includes(s));
  return [...rest.slice(0, first), ...late, ...rest.slice(first)];
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
