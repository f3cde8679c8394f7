/** A finding as a rule makes it: plain data, before level, configuration and explanation are applied. */
import type { Elsewhere } from '../flow/held/observation.ts';
import type { Witness } from '../flow/state/witness.ts';
import type { Range } from '../syntax/range.ts';

/** Strongest first. `note` is the floor. */
export const LEVELS = ['error', 'warning', 'note'] as const;
export type Level = (typeof LEVELS)[number];

/**
 * How sure the analysis is. `certain`: seen on a path of this function and its helpers. `likely`: one assumption
 * about code that was seen in part. `possible`: depends on code that was not seen.
 */
export type Certainty = 'certain' | 'likely' | 'possible';

/** Steps by which doubt lowers the level of a rule. */
export const DOUBT = { certain: 0, likely: 1, possible: 2 } as const satisfies Record<Certainty, number>;

/** Another place that a reader of the finding needs to see. */
export interface RelatedPlace {
  readonly range: Range;
  readonly message: string;
}

export interface Finding {
  /** Stable rule code, for instance `GUP201`. */
  readonly code: string;
  readonly certainty: Certainty;
  /** What happens, why, and what to write instead. One to three sentences, no line breaks. */
  readonly message: string;
  /** The text to underline: the call that the finding is about. */
  readonly range: Range;
  /** Enclosing function. */
  readonly function: string;
  /** The GUP function that acquired the pages, or whose call is wrong. */
  readonly api: string;
  /** The acquiring call and the function it stands in: the call site that the finding belongs to. */
  readonly site: { readonly function: string; readonly range: Range };
  readonly related: readonly RelatedPlace[];
  /** The macro, or the function of a header, that makes the call, where it is not written out. Nothing is edited there. */
  readonly wrapper?: string;
  /** The caller that says with which flags the call acquires, where what is wrong is said there. */
  readonly flagsFrom?: string;
  /** Where it holds only in another configuration than the chosen one: `on kernels before 5.6`. */
  readonly configuration?: string;
  /** Holds only if no other file of the folder releases the pages. */
  readonly unlessElsewhere?: Elsewhere;
  /** Said for want of better evidence: another finding with this code, of the same call, replaces it. */
  readonly surmised?: true;
  /** The path that shows it; absent where the call itself is the evidence. */
  readonly witness?: Witness;
}

/** The finding with each of its places replaced, those of its counterexample included. */
export function withRanges(finding: Finding, move: (range: Range) => Range): Finding {
  const { witness } = finding;
  return {
    ...finding,
    range: move(finding.range),
    site: { ...finding.site, range: move(finding.site.range) },
    related: finding.related.map((place) => ({ ...place, range: move(place.range) })),
    ...(witness !== undefined && {
      witness: {
        steps: witness.steps.map((step) => ({ ...step, range: move(step.range) })),
        assumed: witness.assumed.map((guard) => ({ ...guard, range: move(guard.range) })),
      },
    }),
  };
}
