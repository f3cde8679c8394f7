import type { DriverStep } from '#engine/protocol/steps.ts';
import type { ReleaseObservation } from '../flow/run/observation.ts';
import { called } from './evidence/apis.ts';
import { ORDINARY } from './evidence/environments.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { isReleased, releases } from './evidence/observations.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const doubleRelease: Rule = {
  code: 'GUP306',
  name: 'double-release',
  summary: 'a page is released twice on one path',
  defaultLevel: 'error',
  documentSection: 'Unit testing',
  documentLines: '244-266',
  rationale:
    "One acquire gives one reference or one pin. The second release takes away somebody else's: the reference count reaches zero while the page is still in use, and it is freed under its users. For a pin of a small folio that is 1024 references at once.",
  bad: `static int copy_header(unsigned long uaddr, void *dst)
{
	struct page *page;
	int ret = 0;

	if (pin_user_pages_fast(uaddr, 1, 0, &page) != 1)
		return -EFAULT;
	memcpy_from_page(dst, page, 0, PAGE_SIZE);
	if (!header_ok(dst)) {
		unpin_user_page(page);
		ret = -EINVAL;
	}
	unpin_user_page(page);
	return ret;
}
`,
  good: `static int copy_header(unsigned long uaddr, void *dst)
{
	struct page *page;
	int ret = 0;

	if (pin_user_pages_fast(uaddr, 1, 0, &page) != 1)
		return -EFAULT;
	memcpy_from_page(dst, page, 0, PAGE_SIZE);
	if (!header_ok(dst))
		ret = -EINVAL;
	unpin_user_page(page);
	return ret;
}
`,
  check: (flow) => {
    const bad = releases(flow).filter((o) => o.slot !== null && isReleased(o));
    return firstPerKey(bad, (o) => `${o.set.call.start}|${o.call.start}`)
      .map(finding)
      .filter((found) => !takesZeroPageForAnother(found));
  },
  run: {
    environments: ORDINARY,
    endsAtRelease: true,
    documentForm: onlyFirstReleases,
  },
};

/** Leaves out releases of slots that an earlier step has released, and what marks them dirty again before. */
function onlyFirstReleases(steps: readonly DriverStep[]): DriverStep[] {
  const gone = new Set<string>();
  return steps.filter((s) => {
    if (s.op !== 'release' && s.op !== 'dirty') return true;
    const slots = Array.from({ length: s.count }, (_, i) => `${s.set}/${s.from + i}`);
    const again = slots.every((slot) => gone.has(slot));
    if (s.op === 'release') for (const slot of slots) gone.add(slot);
    return !again;
  });
}

function finding(o: ReleaseObservation): Finding {
  const what = o.set.kind === 'pin' ? 'pin' : 'reference';
  const message = `${called(o.call.fn)} releases a page that this path has released before: the second release takes a ${what} that belongs to somebody else, and the page is freed while it is in use. Release each page once.`;
  const related = [
    { range: rangeOf(o.set.call), message: `the only ${what} is taken here` },
    ...firstRelease(o),
  ];
  const found = pathFinding('GUP306', o, { range: rangeOf(o.call), function: o.within }, message, related);
  return asksAboutPage(found) ? { ...found, certainty: 'possible' } : found;
}

/**
 * The path takes a branch on a question about the page itself, such as is_zero_pfn(page_to_pfn(page)) or
 * PageReserved(page). The answer may be what keeps the two releases apart: a page that was released under one answer may
 * never pass the other question.
 */
function asksAboutPage(found: Finding): boolean {
  return found.witness?.assumed.some((guard) => /\w\(.*(pfn|page|folio)/i.test(guard.text)) ?? false;
}

/**
 * The path takes the page for the zero page once and for one that is not reserved another time. The zero page is
 * reserved: no page goes that way.
 */
function takesZeroPageForAnother(found: Finding): boolean {
  const assumed = found.witness?.assumed ?? [];
  const isZero = assumed.some(
    ({ text, holds }) => holds && /^[\w\s(]*\bis_zero_(pfn|page|folio)\s*\(/.test(text),
  );
  return (
    isZero && assumed.some(({ text, holds }) => !holds && /^\w*reserved\w*\s*\((?!.*(&&|\|\|))/i.test(text))
  );
}

function firstRelease(o: ReleaseObservation): Finding['related'] {
  // The newest step is the release itself.
  for (let link = o.path?.previous; link !== undefined; link = link.previous) {
    const { event } = link;
    if ('step' in event && event.set === o.set.id && event.step.op === 'release')
      return [{ range: event.range, message: 'released here before' }];
  }
  return [];
}
