import { FOLL, flagText, INTERNAL_FLAGS } from '#engine/protocol/flags.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import { isSince } from '../flow/kernel/presence.ts';
import type { AcquireObservation } from '../flow/run/observation.ts';
import { certainBits } from '../flow/state/value.ts';
import type { KernelVersion } from '../syntax/preprocess/version.ts';
import { called, pinForm, refusedResult } from './evidence/apis.ts';
import { argumentFinding } from './evidence/findings.ts';
import { pinApi } from './evidence/forms.ts';
import { acquires } from './evidence/observations.ts';
import type { Rule } from './rule.ts';

export const internalFlag: Rule = {
  code: 'GUP101',
  name: 'internal-flag',
  summary: 'FOLL_PIN or another flag internal to gup is passed at a call site',
  defaultLevel: 'error',
  documentSection: 'Basic description of FOLL_PIN',
  documentLines: '25-28',
  rationale:
    'FOLL_PIN is internal to gup: the pin_user_pages*() wrappers set it, together with what belongs to it. At a call site is_valid_gup_args() answers it with a WARN and refuses the call. Since 6.3 the internal flags are defined in mm/internal.h, so such a driver no longer compiles; before, FOLL_TOUCH and its like could be passed, and only FOLL_PIN was refused.',
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
  check: (flow, { kernel }) =>
    acquires(flow).flatMap((o) => {
      const flags = certainBits(o.flags);
      const internal = flags & internalFlags(o, kernel);
      if (internal === 0) return [];
      const isFromGet = (internal & FOLL.PIN) !== 0 && o.model.kind === 'get';
      const cure = isFromGet
        ? `Call ${called(pinForm(o.model.name))} without FOLL_PIN, and release with unpin_user_page*().`
        : `Leave ${flagText(internal)} out: gup sets it by itself where it is needed.`;
      const isRefused = isSince(kernel, '6.3') || o.model.kind === 'get' || internal !== FOLL.PIN;
      const answer = isRefused
        ? `refused at a call site: ${called(o.model.name)} warns and returns ${refusedResult(o.model.api, kernel)}`
        : `must not appear at a call site: ${called(o.model.name)} sets it, and refuses it from its callers since 6.3`;
      const message = `${flagText(internal)} is internal to gup and ${answer}. ${cure}`;
      return [argumentFinding('GUP101', o, flags, message)];
    }),
  run: {
    ofRefusedFlags: true,
    environments: [{ memory: 'anon', actors: [] }],
    documentForm: (steps) => steps.map(withoutInternalFlags),
  },
};

/**
 * The flags that no caller may pass. Before 6.3 include/linux/mm.h has them all, and only FOLL_PIN is forbidden; the _fast
 * functions refuse what they do not know.
 */
function internalFlags({ model, form }: AcquireObservation, kernel: KernelVersion): number {
  if (isSince(kernel, '6.3')) return INTERNAL_FLAGS;
  if (form?.booleans) return 0;
  const isFast = model.name.includes('_fast') && isSince(kernel, '5.2');
  return FOLL.PIN | (isFast ? FOLL.TOUCH | FOLL.TRIED | FOLL.REMOTE : 0);
}

/** FOLL_PIN on a get function becomes the pin function; other internal flags are dropped. */
function withoutInternalFlags(step: DriverStep): DriverStep {
  if (step.op !== 'acquire') return step;
  const pin = (step.flags & FOLL.PIN) !== 0;
  const api = pin ? pinApi(step.api) : step.api;
  return { ...step, api, flags: step.flags & ~INTERNAL_FLAGS & ~(pin ? FOLL.GET : 0) };
}
