import { FOLL } from '#engine/protocol/flags.ts';
import { certainBits } from '../flow/state/value.ts';
import { called, pinForm } from './evidence/apis.ts';
import { argumentFinding } from './evidence/findings.ts';
import { pinApi } from './evidence/forms.ts';
import { acquires } from './evidence/observations.ts';
import type { Rule } from './rule.ts';

export const longtermWithoutPin: Rule = {
  code: 'GUP103',
  name: 'longterm-without-pin',
  summary: 'FOLL_LONGTERM is passed to get_user_pages*()',
  defaultLevel: 'error',
  documentSection: 'Basic description of FOLL_PIN',
  documentLines: '47-48',
  since: '5.7',
  rationale:
    'FOLL_PIN is a prerequisite to FOLL_LONGTERM: a long-term hold is a more restrictive case of a pin. get_user_pages*() with FOLL_LONGTERM is refused with a WARN and -EINVAL.',
  bad: `static int map_ring(unsigned long uaddr, int n, struct page **pages)
{
	return get_user_pages_fast(uaddr, n, FOLL_WRITE | FOLL_LONGTERM, pages);
}
`,
  good: `static int map_ring(unsigned long uaddr, int n, struct page **pages)
{
	return pin_user_pages_fast(uaddr, n, FOLL_WRITE | FOLL_LONGTERM, pages);
}
`,
  check: (flow) =>
    acquires(flow).flatMap((o) => {
      const flags = certainBits(o.flags);
      if (o.model.kind !== 'get' || (flags & FOLL.LONGTERM) === 0) return [];
      const message = `FOLL_LONGTERM needs FOLL_PIN, which ${called(o.model.name)} does not set: it warns and returns -EINVAL. Call ${called(pinForm(o.model.name))} with FOLL_LONGTERM, and release with unpin_user_page*().`;
      return [argumentFinding('GUP103', o, flags, message)];
    }),
  run: {
    environments: [{ memory: 'anon', actors: [] }],
    ofRefusedFlags: true,
    // Memory of a PCI device can't be held for a long time by a pin either.
    documentForm: (steps) =>
      steps.map((s) =>
        s.op === 'acquire' ? { ...s, api: pinApi(s.api), flags: s.flags & ~FOLL.PCI_P2PDMA } : s,
      ),
  },
};
