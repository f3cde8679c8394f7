import { FOLL } from '#engine/protocol/flags.ts';
import { certainBits } from '../flow/state/value.ts';
import { called, refusedResult } from './evidence/apis.ts';
import { argumentFinding } from './evidence/findings.ts';
import { acquires } from './evidence/observations.ts';
import type { Rule } from './rule.ts';

const BOTH = FOLL.LONGTERM | FOLL.PCI_P2PDMA;

export const longtermP2pdma: Rule = {
  code: 'GUP106',
  name: 'longterm-p2pdma',
  summary: 'FOLL_LONGTERM is passed together with FOLL_PCI_P2PDMA',
  defaultLevel: 'error',
  documentSection: 'CASE 2: RDMA',
  documentLines: '145-154',
  since: '6.2',
  rationale:
    'FOLL_PCI_P2PDMA admits pages of a PCI device that lends its memory to others. Its driver waits for all references before it gives the memory back, so nobody may hold them for as long as userspace likes: is_valid_gup_args() refuses the combination with a WARN.',
  bad: `static long pin_peer(unsigned long uaddr, unsigned long n, struct page **pages)
{
	return pin_user_pages_unlocked(uaddr, n, pages, FOLL_LONGTERM | FOLL_PCI_P2PDMA);
}
`,
  good: `static long pin_peer(unsigned long uaddr, unsigned long n, struct page **pages)
{
	return pin_user_pages_unlocked(uaddr, n, pages, FOLL_PCI_P2PDMA);
}
`,
  check: (flow, { kernel }) =>
    acquires(flow).flatMap((o) => {
      const flags = certainBits(o.flags);
      if ((flags & BOTH) !== BOTH) return [];
      const message = `Peer-to-peer memory must not be held for a long time: ${called(o.model.name)} refuses FOLL_LONGTERM with FOLL_PCI_P2PDMA, warns and returns ${refusedResult(o.model.api, kernel)}. Leave FOLL_PCI_P2PDMA out for registered memory, or FOLL_LONGTERM where the pin ends with the I/O.`;
      return [argumentFinding('GUP106', o, flags, message)];
    }),
  run: {
    environments: [{ memory: 'anon', actors: [] }],
    documentForm: (steps) =>
      steps.map((s) => (s.op === 'acquire' ? { ...s, flags: s.flags & ~FOLL.PCI_P2PDMA } : s)),
  },
};
