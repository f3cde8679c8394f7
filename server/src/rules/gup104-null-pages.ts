import { FOLL } from '#engine/protocol/flags.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import { isSince } from '../flow/kernel/presence.ts';
import { certainBits } from '../flow/state/value.ts';
import { called, refusedResult } from './evidence/apis.ts';
import { argumentFinding } from './evidence/findings.ts';
import { acquires } from './evidence/observations.ts';
import type { Rule } from './rule.ts';

export const nullPages: Rule = {
  code: 'GUP104',
  name: 'null-pages',
  summary: 'no pages array is given to a call that must return pages',
  defaultLevel: 'error',
  documentSection: 'Which flags are set by each wrapper',
  documentLines: '53-56',
  rationale:
    'pin_user_pages*() must be given a pages array: a pin that nobody can find again can never be released. The same holds for get_user_pages_fast() and for FOLL_GET. Only get_user_pages(), _remote() and _unlocked() accept NULL, and then fault the range in without taking references.',
  bad: `static long prefault(unsigned long uaddr, unsigned long n)
{
	return pin_user_pages_unlocked(uaddr, n, NULL, FOLL_WRITE);
}
`,
  good: `static long prefault(unsigned long uaddr, unsigned long n)
{
	return get_user_pages_unlocked(uaddr, n, NULL, FOLL_WRITE);
}
`,
  check: (flow, { kernel }) =>
    acquires(flow).flatMap((o) => {
      const flags = certainBits(o.flags);
      const needsPages = o.model.kind === 'pin' || o.model.name.includes('_fast') || (flags & FOLL.GET) !== 0;
      if (!o.nullPages || !needsPages) return [];
      const answer = isSince(kernel, '6.3')
        ? `it warns and returns ${refusedResult(o.model.api, kernel)}`
        : 'before 6.3 that is not always checked, and the pages are stored at address NULL';
      const message = `${called(o.model.name)} is given no pages array, so nobody could release what it takes: ${answer}. Pass an array; to only fault pages in, call get_user_pages_unlocked() with NULL, or fault_in_readable() and its relatives.`;
      return [argumentFinding('GUP104', o, flags, message)];
    }),
  run: {
    environments: [{ memory: 'anon', actors: [] }],
    documentForm: (steps) => steps.map(withArray),
  },
};

function withArray(step: DriverStep): DriverStep {
  if (step.op !== 'acquire') return step;
  const { nullPages: _, ...rest } = step;
  return rest;
}
