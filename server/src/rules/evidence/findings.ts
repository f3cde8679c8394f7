/** How a rule makes a finding: about a call's arguments, about where it stands, about what becomes of its pages. */
import type { CallObservation } from '../../flow/facts/observation.ts';
import type { AcquireObservation } from '../../flow/run/observation.ts';
import { type PathLink, witnessOf } from '../../flow/state/path.ts';
import type { PageSet } from '../../flow/state/state.ts';
import type { Range } from '../../syntax/range.ts';
import type { Finding, RelatedPlace } from '../finding.ts';

/** `range` of anything that has one. */
export function rangeOf(at: Range): Range {
  return { start: at.start, end: at.end };
}

/** A finding about a call's arguments: the call is the evidence, its witness is the call alone. */
export function argumentFinding(
  code: string,
  o: AcquireObservation,
  flags: number,
  message: string,
): Finding {
  const range = rangeOf(o.call);
  const nr = Math.min(o.nr, 2);
  return {
    code,
    certainty: 'certain',
    message,
    range,
    function: o.within,
    api: o.model.name,
    site: { function: o.within, range },
    related: [],
    witness: {
      steps: [
        {
          step: {
            op: 'acquire',
            api: o.model.api,
            flags,
            nr,
            set: 0,
            ...(o.nullPages ? { nullPages: true } : {}),
          },
          range,
          text: `${o.model.name}()`,
        },
      ],
      assumed: [],
    },
  };
}

/** A finding about where a call stands, or what becomes of its result: the call is the evidence. */
export function callFinding(
  code: string,
  o: Pick<CallObservation, 'call' | 'within'>,
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

/** A finding about what becomes of a page set, with the path that shows it. */
export function pathFinding(
  code: string,
  o: { readonly set: PageSet; readonly path: PathLink | undefined },
  at: { readonly range: Range; readonly function: string },
  message: string,
  related: readonly RelatedPlace[],
): Finding {
  const { set } = o;
  return {
    code,
    certainty: 'certain',
    message,
    range: at.range,
    function: at.function,
    api: set.model.name,
    site: { function: set.within, range: rangeOf(set.call) },
    related,
    witness: witnessOf(o.path, set.id, at.function),
  };
}

/** The first item for each key, in order. */
export function firstPerKey<T>(items: readonly T[], key: (item: T) => string): T[] {
  const seen = new Map<string, T>();
  for (const item of items) if (!seen.has(key(item))) seen.set(key(item), item);
  return [...seen.values()];
}
