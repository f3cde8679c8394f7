/** Runs the engine for the paths of a fixed function: they must not differ from the document's form any more. */
import { compare } from '#engine/explore/compare.ts';
import { canonicalText } from '#engine/protocol/canonical.ts';
import type { Witness } from '../flow/witness.ts';
import { releasedAlike } from '../rules/forms.ts';
import type { Environment, RuleRun } from '../rules/rule.ts';
import { STATE_BOUND } from './explainer.ts';
import type { Explanation } from './explanation.ts';
import { driverSteps, scenarioOf } from './scenario.ts';
import { actorInWords, memoryInWords, propertyInWords } from './words.ts';

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
 * Explores each path against the document's form of it: in the environment that broke the original, or, where none did,
 * in every one in which the rule's findings may break. Deterministic; each distinct scenario is run once.
 */
export function recheck(paths: readonly Witness[], run: RuleRun, original: Explanation | undefined): Recheck {
  const environments = environmentsOf(run, original);
  const seen = new Set<string>();
  let proved = true;
  for (const path of paths) {
    if (path.steps[0]?.step.op !== 'acquire') continue;
    const whole = driverSteps(path);
    const steps = run.endsAtRelease === true ? releasedAlike(whole) : whole;
    const form = run.documentForm(steps);
    for (const environment of environments) {
      const written = scenarioOf(steps, environment);
      const key = canonicalText(written);
      if (seen.has(key)) continue;
      seen.add(key);
      const difference = compare(written, { ...written, driver: form }, { bounds: { states: STATE_BOUND } });
      if (difference.shown && difference.property !== undefined) {
        const actors = environment.actors.map(actorInWords).join(' and ');
        const when = actors === '' ? '' : `, while ${actors}`;
        return {
          broken: `${propertyInWords(difference.property)} (${memoryInWords(environment.memory)}${when})`,
          proved,
        };
      }
      if (difference.written.verdict === 'bounded' || difference.written.verdict === 'refused')
        proved = false;
    }
  }
  return { proved };
}

function environmentsOf(run: RuleRun, original: Explanation | undefined): readonly Environment[] {
  const { scenario, verdict } = original ?? {};
  if (scenario === undefined || (verdict !== 'shown' && verdict !== 'call')) return run.environments;
  const broke = run.environments.filter(
    ({ memory, actors }) =>
      memory === scenario.memory.kind &&
      actors.length === scenario.actors.length &&
      actors.every((actor, index) => actor === scenario.actors[index]),
  );
  return broke.length > 0 ? broke : run.environments;
}
