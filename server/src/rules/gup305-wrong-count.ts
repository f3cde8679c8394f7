import type { DriverStep } from '#engine/protocol/steps.ts';
import type { UnfilledObservation } from '../flow/run/observation.ts';
import { called } from './evidence/apis.ts';
import { ORDINARY } from './evidence/environments.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const wrongCount: Rule = {
  code: 'GUP305',
  name: 'wrong-count',
  summary: 'pages are released by another count than was acquired',
  defaultLevel: 'error',
  documentSection: 'Unit testing',
  documentLines: '244-266',
  rationale:
    'An acquire may return fewer pages than were asked for, or an error. Entries of the array beyond its result were never written: a release that goes by the number asked for follows pointers that are not there. A negative result used as count becomes a huge one.',
  bad: `static int checksum(unsigned long uaddr, u32 *sum)
{
	struct page *pages[2];
	int got = pin_user_pages_fast(uaddr, 2, 0, pages);
	int ret = -EFAULT;

	if (got == 2)
		ret = checksum_pages(sum);
	unpin_user_pages(pages, 2);
	return ret;
}
`,
  good: `static int checksum(unsigned long uaddr, u32 *sum)
{
	struct page *pages[2];
	int got = pin_user_pages_fast(uaddr, 2, 0, pages);
	int ret = -EFAULT;

	if (got == 2)
		ret = checksum_pages(sum);
	if (got > 0)
		unpin_user_pages(pages, got);
	return ret;
}
`,
  pairs: true,
  check: (flow) => {
    const bad = flow.observations.filter((o) => o.what === 'unfilled');
    return firstPerKey(bad, (o) => `${o.set.call.start}|${o.call.start}`).map(finding);
  },
  run: {
    environments: ORDINARY,
    endsAtRelease: true,
    documentForm: onlyFilled,
  },
};

/** Releases what the acquire gave, and nothing else. */
function onlyFilled(steps: readonly DriverStep[]): DriverStep[] {
  let filled = 0;
  return steps.filter((s) => {
    if (s.op === 'acquire') filled = Math.max(0, s.expect ?? s.nr);
    return s.op !== 'release' || (s.count > 0 && s.from + s.count <= filled);
  });
}

function finding(o: UnfilledObservation): Finding {
  const acquire = called(o.set.model.name);
  const release = called(o.call.fn);
  const message =
    o.count < 0
      ? `When ${acquire} fails, its negative result is the count of ${release}: that warns at best, and otherwise runs off the array. Release only where the result is positive.`
      : o.set.result <= 0
        ? `When ${acquire} acquires nothing, ${release} still releases pages[${o.slot}], which was never written: it follows whatever stands there. Release as many pages as were acquired.`
        : `When ${acquire} acquires fewer pages than asked for, ${release} also releases pages[${o.slot}], which was never written. Release as many pages as were acquired.`;
  const related = [{ range: rangeOf(o.set.call), message: 'may fail, or acquire fewer pages' }];
  return pathFinding('GUP305', o, { range: rangeOf(o.call), function: o.within }, message, related);
}
