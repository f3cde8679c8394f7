import type { RefcountObservation } from '../flow/facts/observation.ts';
import type { Expr } from '../flow/lower/ir.ts';
import { walk } from '../flow/lower/walk.ts';
import { called } from './evidence/apis.ts';
import { rangeOf } from './evidence/findings.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const refcountAsPinTest: Rule = {
  code: 'GUP501',
  name: 'refcount-as-pin-test',
  summary: 'a reference count is read to find out whether a page is pinned',
  defaultLevel: 'warning',
  documentSection: 'folio_maybe_dma_pinned(): the whole point of pinning',
  documentLines: '199-214',
  since: '5.7',
  rationale:
    'Only small folios count pins in their reference count, 1024 for each; large folios have a pincount of their own. Other references come and go at any time, and the zero page is never really pinned. folio_maybe_dma_pinned() knows all of that.',
  bad: `static bool may_move(struct page *page)
{
	return page_ref_count(page) < GUP_PIN_COUNTING_BIAS;
}
`,
  good: `static bool may_move(struct page *page)
{
	return !folio_maybe_dma_pinned(page_folio(page));
}
`,
  check: (flow) =>
    flow.observations.flatMap((o) => {
      // The test itself, as the kernel and its copies define it.
      if (o.what !== 'refcount' || o.asserted || /maybe_dma_pinned$/.test(o.within)) return [];
      if (mentions(o.operation, 'GUP_PIN_COUNTING_BIAS')) return [finding(o, 'certain')];
      const isTest = /^([=!]=|[<>]=?)$/.test(o.operation.op) && /pinned/.test(o.within);
      return isTest ? [finding(o, 'likely')] : [];
    }),
};

function mentions(e: Expr, name: string): boolean {
  let found = false;
  walk(e, (part) => {
    if (part.k === 'var' && part.name === name) found = true;
  });
  return found;
}

function finding(o: RefcountObservation, certainty: Finding['certainty']): Finding {
  const range = rangeOf(o.operation);
  return {
    code: 'GUP501',
    certainty,
    message: `${called(o.call.fn)} counts every reference, and pins only of small folios: this answers wrongly for large folios, for the zero page, and whenever somebody else holds the page. Ask folio_maybe_dma_pinned().`,
    range,
    function: o.within,
    api: o.call.fn!,
    site: { function: o.within, range },
    related: [],
  };
}
