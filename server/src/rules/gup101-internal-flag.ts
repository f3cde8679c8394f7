import { FOLL, flagText, INTERNAL_FLAGS } from '#engine/protocol/flags.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import { certainBits } from '../flow/value.ts';
import { acquires, argumentFinding, called, pinForm } from './common.ts';
import { pinApi } from './forms.ts';
import { refusedResult } from './refused.ts';
import type { Rule } from './rule.ts';

export const internalFlag: Rule = {
  code: 'GUP101',
  name: 'internal-flag',
  summary: 'FOLL_PIN or another flag internal to gup is passed at a call site',
  defaultLevel: 'error',
  documentSection: 'Basic description of FOLL_PIN',
  documentLines: '25-28',
  rationale:
    'FOLL_PIN is internal to gup: the pin_user_pages*() wrappers set it, together with what belongs to it. At a call site is_valid_gup_args() answers it with a WARN and refuses the call. Since 6.3 the internal flags are defined in mm/internal.h, so such a driver no longer compiles.',
  bad: `static int read_header(unsigned long uaddr, struct page **page)
{
	return get_user_pages_fast(uaddr, 1, FOLL_PIN, page);
}
`,
  good: `static int read_header(unsigned long uaddr, struct page **page)
{
	return pin_user_pages_fast(uaddr, 1, 0, page);
}
`,
  check: (flow) =>
    acquires(flow).flatMap((o) => {
      const flags = certainBits(o.flags);
      const internal = flags & INTERNAL_FLAGS;
      if (internal === 0) return [];
      const pin = (internal & FOLL.PIN) !== 0 && o.model.kind === 'get';
      const cure = pin
        ? `Call ${called(pinForm(o.model.name))} without FOLL_PIN, and release with unpin_user_page*().`
        : `Leave ${flagText(internal)} out: gup sets it by itself where it is needed.`;
      const message = `${flagText(internal)} is internal to gup and refused at a call site: ${called(o.model.name)} warns and returns ${refusedResult(o.model.api)}. ${cure}`;
      return [argumentFinding('GUP101', o, flags, message)];
    }),
  run: {
    environments: [{ memory: 'anon', actors: [] }],
    documentForm: (steps) => steps.map(withoutInternalFlags),
  },
};

/** FOLL_PIN on a get function becomes the pin function; other internal flags are dropped. */
function withoutInternalFlags(step: DriverStep): DriverStep {
  if (step.op !== 'acquire') return step;
  const pin = (step.flags & FOLL.PIN) !== 0;
  const api = pin ? pinApi(step.api) : step.api;
  return { ...step, api, flags: step.flags & ~INTERNAL_FLAGS & ~(pin ? FOLL.GET : 0) };
}
