import type { SignObservation } from '../flow/run/observation.ts';
import { called } from './evidence/apis.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const signedness: Rule = {
  code: 'GUP402',
  name: 'signedness',
  summary: 'a negative result is compared or stored as unsigned, and taken for a count',
  defaultLevel: 'error',
  documentSection: 'Which flags are set by each wrapper',
  documentLines: '53-56',
  rationale:
    'Where an int meets an unsigned int, C converts it: -EFAULT becomes 4294967282, which is not less than any count. The test for a short result then lets an error pass, and the code goes on with an array that was never filled.',
  bad: `static int pin_all(unsigned long uaddr, unsigned int n, struct page **pages)
{
	int got = pin_user_pages_fast(uaddr, n, FOLL_WRITE, pages);

	if (got < n) {
		if (got > 0)
			unpin_user_pages(pages, got);
		return -EFAULT;
	}
	return 0;
}
`,
  good: `static int pin_all(unsigned long uaddr, unsigned int n, struct page **pages)
{
	int got = pin_user_pages_fast(uaddr, n, FOLL_WRITE, pages);

	if (got < 0 || got < n) {
		if (got > 0)
			unpin_user_pages(pages, got);
		return -EFAULT;
	}
	return 0;
}
`,
  check: (flow) => {
    const lost = flow.observations.filter((o) => o.what === 'sign');
    const places = firstPerKey(lost, (o) => `${o.range.start}`).sort((a, b) => a.range.start - b.range.start);
    const worst = [...places.filter((o) => !o.tested), ...places.filter((o) => o.tested)];
    // Who tests the result where it is compared first needs no other test.
    return firstPerKey(worst, ({ set, within }) => `${set.call.start} ${within}`).map((o) => {
      const again = places.filter(
        (p) => p !== o && p.set.call.start === o.set.call.start && p.within === o.within,
      );
      return finding(o, again);
    });
  },
};

function finding(o: SignObservation, again: readonly SignObservation[]): Finding {
  const name = called(o.set.model.name);
  const message = `When ${name} fails, its negative result is compared as an unsigned number here, so -errno is taken for a large count and passes for success. Test for a negative result first, or keep count and result signed.`;
  const related = [
    { range: rangeOf(o.set.call), message: 'may return -errno' },
    ...again.map(({ range }) => ({
      range: rangeOf(range),
      message: 'compared as an unsigned number here as well',
    })),
  ];
  const at = { range: rangeOf(o.range), function: o.within };
  const found = pathFinding('GUP402', o, at, message, related);
  // Where the sign is tested as well, the loss may do no harm.
  return o.tested ? { ...found, certainty: 'likely' } : found;
}
