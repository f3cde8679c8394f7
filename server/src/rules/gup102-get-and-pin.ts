import { FOLL } from '#engine/protocol/flags.ts';
import { certainBits } from '../flow/state/value.ts';
import { called, refusedResult } from './evidence/apis.ts';
import { argumentFinding } from './evidence/findings.ts';
import { acquires } from './evidence/observations.ts';
import type { Rule } from './rule.ts';

export const getAndPin: Rule = {
  code: 'GUP102',
  name: 'get-and-pin',
  summary: 'FOLL_GET is passed to pin_user_pages*()',
  defaultLevel: 'error',
  documentSection: 'Basic description of FOLL_PIN',
  documentLines: '39-42',
  rationale:
    'FOLL_PIN and FOLL_GET are mutually exclusive for a given gup call. pin_user_pages*() set FOLL_PIN by themselves, so FOLL_GET beside it makes is_valid_gup_args() warn and refuse the call.',
  bad: `static int pin_buffer(unsigned long uaddr, int n, struct page **pages)
{
	return pin_user_pages_fast(uaddr, n, FOLL_GET | FOLL_WRITE, pages);
}
`,
  good: `static int pin_buffer(unsigned long uaddr, int n, struct page **pages)
{
	return pin_user_pages_fast(uaddr, n, FOLL_WRITE, pages);
}
`,
  check: (flow, { kernel }) =>
    acquires(flow).flatMap((o) => {
      const flags = certainBits(o.flags);
      if (o.model.kind !== 'pin' || (flags & FOLL.GET) === 0) return [];
      const message = `FOLL_GET and FOLL_PIN exclude each other, and ${called(o.model.name)} sets FOLL_PIN: it warns and returns ${refusedResult(o.model.api, kernel)} without pinning anything. Drop FOLL_GET.`;
      return [argumentFinding('GUP102', o, flags, message)];
    }),
  run: {
    environments: [{ memory: 'anon', actors: [] }],
    documentForm: (steps) =>
      steps.map((s) => (s.op === 'acquire' ? { ...s, flags: s.flags & ~FOLL.GET } : s)),
  },
};
