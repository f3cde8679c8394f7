/** What the rules about the context of a call share. */
import type { ContextObservation } from '../flow/context/observation.ts';
import type { FunctionFlow } from '../flow/file.ts';
import { rangeOf } from './common.ts';
import type { Finding, RelatedPlace } from './finding.ts';

/** Calls that may sleep or need a user's mm, with the context of each. */
export function contexts(flow: FunctionFlow): ContextObservation[] {
  return flow.observations.filter((o) => o.what === 'context');
}

/** A finding about where a call stands: the call is the evidence. */
export function contextFinding(
  code: string,
  o: ContextObservation,
  certainty: Finding['certainty'],
  message: string,
  related: readonly RelatedPlace[] = [],
): Finding {
  const range = rangeOf(o.call);
  return {
    code,
    certainty,
    message,
    range,
    function: o.within,
    api: o.call.fn!,
    site: { function: o.within, range },
    related,
  };
}
