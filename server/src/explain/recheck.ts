/** Runs the engine for the paths of a fixed function: they must not differ from the document's form any more. */
import { compare } from '#engine/explore/compare.ts';
import { canonicalText } from '#engine/protocol/canonical.ts';
import type { Witness } from '../flow/state/witness.ts';
import type { RuleRun } from '../rules/rule.ts';
import { environmentsFor } from './environments.ts';
import { STATE_BOUND } from './explainer.ts';
import type { Explanation } from './explanation.ts';
import { driverPath, scenarioOf } from './scenario.ts';
import { environmentInWords, propertyInWords } from './words.ts';

/** What the paths of an edited text show. */
export interface Recheck {
  /** What still breaks and where, as a clause; absent where nothing does. */
  readonly broken?: string;
  /** Every path was explored to its end: a proof within the model, not a bound. */
  readonly proved: boolean;
  /** Who is given the pages where the file does not show what becomes of them, as a clause. */
  readonly leaves?: string;
}

/**
 * Explores each path against the document's form of it, in the environments that broke the original, or, where none did,
 * in every one in which the rule's findings may break. Deterministic; each distinct scenario is run once.
 */
export function recheck(
  paths: readonly Witness[],
  run: RuleRun,
  original: { readonly explanation?: Explanation; readonly witness?: Witness },
): Recheck {
  const broke = new Set(
    (original.explanation?.tried ?? [])
      .filter(({ outcome }) => outcome === 'repaired')
      .map(({ where }) => where),
  );
  // Where the original shows the access itself, a path without one has none: nothing is added to it.
  const { completed, ...asItIs } = run;
  const shows = original.witness?.steps.some(({ step }) => step.op === 'dma-map' || step.op === 'access');
  const how = completed === undefined || shows === true ? asItIs : run;
  const seen = new Set<string>();
  let proved = true;
  for (const witness of paths) {
    if (witness.steps[0]?.step.op !== 'acquire') continue;
    const { steps, leftOut } = driverPath(withoutFailedMaps(witness), how);
    if (leftOut > 0) proved = false;
    const form = run.documentForm(steps);
    for (const environment of environmentsFor(run, steps)) {
      const where = environmentInWords(environment);
      if (broke.size > 0 && !broke.has(where)) continue;
      const written = scenarioOf(steps, environment);
      const key = canonicalText(written);
      if (seen.has(key)) continue;
      seen.add(key);
      const difference = compare(
        written,
        { ...written, driver: form },
        { bounds: { states: STATE_BOUND }, refusalKeeps: run.refusalRepairs === true },
      );
      if (difference.shown && difference.property !== undefined)
        return { broken: `${propertyInWords(difference.property)} (${where})`, proved };
      if (difference.written.verdict === 'bounded' || difference.written.verdict === 'refused')
        proved = false;
    }
  }
  return { proved };
}

/**
 * A mapping for a device with nothing between it and the release is one that failed: it is the release that
 * dma_mapping_error() leads to, and no device had access.
 */
function withoutFailedMaps({ steps, assumed }: Witness): Witness {
  const kept = steps.filter(
    ({ step }, index) => step.op !== 'dma-map' || steps[index + 1]?.step.op !== 'release',
  );
  return { steps: kept, assumed };
}
