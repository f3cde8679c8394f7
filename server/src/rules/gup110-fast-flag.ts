import { FAST_FLAGS, FOLL, flagText, INTERNAL_FLAGS } from '#engine/protocol/flags.ts';
import { certainBits } from '../flow/state/value.ts';
import { called } from './evidence/apis.ts';
import { argumentFinding } from './evidence/findings.ts';
import { acquires } from './evidence/observations.ts';
import type { Rule } from './rule.ts';

/** Flags that exist, and that a *_fast function refuses; the internal ones are GUP101's. */
const REFUSED = Object.values(FOLL).reduce((all, bit) => all | bit, 0) & ~FAST_FLAGS & ~INTERNAL_FLAGS;

export const fastFlag: Rule = {
  code: 'GUP110',
  name: 'fast-flag',
  summary: 'a flag that the *_fast functions refuse is passed to one of them',
  defaultLevel: 'error',
  documentSection: 'Which flags are set by each wrapper',
  documentLines: '53-56',
  since: '5.2',
  rationale:
    'The _fast functions walk the page tables without any lock and only fall back to the slow path. They accept FOLL_WRITE, FOLL_LONGTERM, FOLL_FORCE, FOLL_GET, FOLL_NOFAULT, FOLL_PCI_P2PDMA and FOLL_HONOR_NUMA_FAULT; any other flag is answered with a WARN and -EINVAL, whatever the memory.',
  bad: `static int pin_interruptibly(unsigned long uaddr, int n, struct page **pages)
{
	return pin_user_pages_fast(uaddr, n, FOLL_WRITE | FOLL_INTERRUPTIBLE, pages);
}
`,
  good: `static long pin_interruptibly(unsigned long uaddr, long n, struct page **pages)
{
	return pin_user_pages_unlocked(uaddr, n, pages, FOLL_WRITE | FOLL_INTERRUPTIBLE);
}
`,
  check: (flow) =>
    acquires(flow).flatMap((o) => {
      const flags = certainBits(o.flags);
      const refused = flags & REFUSED;
      if (refused === 0 || o.form?.booleans || !o.model.name.includes('_fast')) return [];
      const slow = `${o.model.kind}_user_pages_unlocked`;
      const message = `${called(o.model.name)} does not know ${flagText(refused)}: it warns and returns -EINVAL without looking at the memory. Leave the flag out, or call ${called(slow)}, which accepts it.`;
      return [argumentFinding('GUP110', o, flags, message)];
    }),
  run: {
    environments: [{ memory: 'anon', actors: [] }],
    documentForm: (steps) =>
      steps.map((s) => (s.op === 'acquire' ? { ...s, flags: s.flags & (FAST_FLAGS | INTERNAL_FLAGS) } : s)),
  },
};
