import { FOLL } from '#engine/protocol/flags.ts';
import { isSince } from '../flow/kernel/presence.ts';
import { certainBits } from '../flow/state/value.ts';
import { called } from './evidence/apis.ts';
import { argumentFinding } from './evidence/findings.ts';
import { acquires } from './evidence/observations.ts';
import type { Rule } from './rule.ts';

export const force: Rule = {
  code: 'GUP111',
  name: 'force',
  summary: 'FOLL_FORCE is used outside ptrace-like access',
  defaultLevel: 'warning',
  documentSection: 'FOLL_PIN, FOLL_GET, FOLL_LONGTERM: when to use which flags',
  documentLines: '125-129',
  rationale:
    'FOLL_FORCE lets gup read and write through mappings that deny it to the process itself. It exists for debuggers, which set breakpoints in read-only code. A driver that uses it writes to memory that its user may only read; with FOLL_WRITE it breaks copy-on-write of private mappings and fails on shared ones.',
  bad: `static int pin_command(unsigned long uaddr, int n, struct page **pages)
{
	return pin_user_pages_fast(uaddr, n, FOLL_WRITE | FOLL_FORCE, pages);
}
`,
  good: `static int pin_command(unsigned long uaddr, int n, struct page **pages)
{
	return pin_user_pages_fast(uaddr, n, FOLL_WRITE, pages);
}
`,
  check: (flow, { kernel }) =>
    acquires(flow).flatMap((o) => {
      const flags = certainBits(o.flags);
      if ((flags & FOLL.FORCE) === 0 || o.form?.booleans || isOfAnotherProcess(o.model.name)) return [];
      // Before 6.2 a read-only long-term pin needed FOLL_FORCE | FOLL_WRITE to break copy-on-write.
      const longterm = (flags & FOLL.LONGTERM) !== 0 || o.model.name === 'get_user_pages_longterm';
      if (longterm && !isSince(kernel, '6.2')) return [];
      const write = (flags & FOLL.WRITE) !== 0;
      const effect = write ? 'writes to memory' : 'reads memory';
      const message = `With FOLL_FORCE ${called(o.model.name)} ${effect} that the process itself may not ${write ? 'write' : 'read'}: that is for debuggers only. Leave FOLL_FORCE out, and let the call fail with -EFAULT.`;
      const found = argumentFinding('GUP111', o, flags, message);
      // Before FOLL_LONGTERM nothing in the call says how long the pages stay.
      const mayLast = !isSince(kernel, '5.2');
      // Code that peeks at instructions is like a debugger, and only its purpose tells.
      return [write && !mayLast ? found : { ...found, certainty: 'likely' as const }];
    }),
};

/** Works on the mm of somebody else, as a debugger does. */
function isOfAnotherProcess(name: string): boolean {
  return name.endsWith('_remote');
}
