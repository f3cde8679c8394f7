import { formOf } from '../flow/facts/form.ts';
import type { CallObservation } from '../flow/facts/observation.ts';
import type { FunctionFlow } from '../flow/file.ts';
import { ACQUIRES, type AcquireModel } from '../flow/kernel/acquire.ts';
import type { Call } from '../flow/lower/ir.ts';
import { called } from './evidence/apis.ts';
import { callFinding, pathFinding, rangeOf } from './evidence/findings.ts';
import { callsByName } from './evidence/observations.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const ignoredResult: Rule = {
  code: 'GUP401',
  name: 'ignored-result',
  summary: 'nobody looks at how many pages were acquired',
  defaultLevel: 'warning',
  documentSection: 'Which flags are set by each wrapper',
  documentLines: '53-56',
  rationale:
    'get_user_pages*() and pin_user_pages*() return how many pages they acquired, which may be fewer than asked for, or an error. Entries of the array beyond that number were never written. pin_user_pages(), _remote() and _unlocked() also return 0 for arguments that they refuse (since 6.3), so that a test for a negative value alone takes a refusal for success.',
  bad: `static struct page *page_of(unsigned long uaddr)
{
	struct page *page;

	get_user_pages_unlocked(uaddr, 1, &page, 0);
	return page;
}
`,
  good: `static struct page *page_of(unsigned long uaddr)
{
	struct page *page;

	if (get_user_pages_unlocked(uaddr, 1, &page, 0) != 1)
		return NULL;
	return page;
}
`,
  check: (flow) =>
    callsByName(flow).flatMap((o) => {
      const model = ACQUIRES.get(o.call.fn!);
      if (model === undefined || givesNoPages(o, model)) return [];
      const { name } = model;
      if (o.use === 'discarded' || o.use === 'unread') {
        if (o.preset)
          return [
            callFinding(
              'GUP401',
              o,
              'possible',
              `The result of ${called(name)} is not used: only that the page is still NULL tells of a failure, and why it failed is lost. Compare the result with 1, and pass the error on.`,
            ),
          ];
        const how = o.use === 'discarded' ? 'is thrown away' : 'is stored and never read';
        return [
          callFinding(
            'GUP401',
            o,
            'certain',
            `The result of ${called(name)} ${how}: when fewer pages, none or an error come back, entries of the array that were never written are used. Compare the result with the number that was asked for.`,
          ),
        ];
      }
      const used = flow.observations.find(
        (u) => u.what === 'unfilled-use' && u.set.call.start === o.call.start,
      );
      const mayBeShort = several(o, model);
      // The _fast functions get one page or fail.
      if (o.use === 'sign-tested' && tellsPages(model) && (mayBeShort || !name.includes('_fast'))) {
        return [
          callFinding(
            'GUP401',
            o,
            used !== undefined || unlocks(o, model) ? 'certain' : 'likely',
            `Only the sign of what ${called(name)} returns is tested: 0${mayBeShort ? ' and a short count pass' : ' passes'} for success, although the array was not filled then. Compare the result with the number that was asked for.`,
            used?.what === 'unfilled-use'
              ? [{ range: rangeOf(used.call), message: 'uses what was not filled' }]
              : [],
          ),
        ];
      }
      return shortUses(flow, o.call);
    }),
};

/** Whatever else may bound how many entries a path uses: bytes that are left, an iterator. */
const MAY_BOUND = /[<>]|--|len|size|count|bytes|left|remain|total|iter|bio/;

/** The result is looked at, and a path that nothing else bounds uses what the call did not fill all the same. */
function shortUses(flow: FunctionFlow, call: Call): Finding[] {
  for (const o of flow.observations) {
    if (o.what !== 'unfilled-use' || o.set.call.start !== call.start) continue;
    const { set, slot } = o;
    const few = set.result === 0 ? 'nothing' : 'fewer pages than asked for';
    const message = `When ${called(set.model.name)} acquires ${few}, ${called(o.call.fn)} is given pages[${slot}] for a page, which was never written. Compare the result with the number that was asked for.`;
    const related = [{ range: rangeOf(o.call), message: 'uses what was not filled' }];
    const at = { range: rangeOf(set.call), function: set.within };
    const found = pathFinding('GUP401', o, at, message, related);
    if (found.witness?.assumed?.some(({ text }) => MAY_BOUND.test(text))) continue;
    return [found];
  }
  return [];
}

/** Without an array there are no pages to lose: the call only faults the range in. */
function givesNoPages(o: CallObservation, model: AcquireModel): boolean {
  const form = formOf(model, o.call.args);
  const pages = form === undefined ? undefined : o.call.args[form.pages];
  return pages?.k === 'num' && pages.n === 0;
}

/** Its result is compared with a number of pages: folios may be fewer than was asked for, bytes may be none. */
function tellsPages(model: AcquireModel): boolean {
  return model.result === 'count' && model.api !== 'memfd_pin_folios';
}

/** The function may drop mmap_lock and start again, and comes back with 0 where nothing was acquired meanwhile. */
function unlocks(o: CallObservation, model: AcquireModel): boolean {
  const at = formOf(model, o.call.args)?.locked;
  return model.name.endsWith('_unlocked') || (at !== undefined && o.call.args[at]?.k === 'addr');
}

function several(o: CallObservation, model: AcquireModel): boolean {
  const form = formOf(model, o.call.args);
  const nr = form?.nr === undefined ? undefined : o.call.args[form.nr];
  return nr !== undefined && !(nr.k === 'num' && nr.n === 1);
}
