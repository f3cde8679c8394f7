/** The environments in which a path is tried: the rule's own, and those that its steps ask for. */
import type { DriverStep } from '#engine/protocol/steps.ts';
import { COPY_ON_WRITE, GONE } from '../rules/evidence/environments.ts';
import type { Environment, RuleRun } from '../rules/rule.ts';

/**
 * The rule's environments, in its order. A path that returns to userspace in between is tried further with a process
 * that forks, unmaps the buffer or exits there.
 */
export function environmentsFor(run: RuleRun, steps: readonly DriverStep[]): readonly Environment[] {
  const more = steps.some((s) => s.op === 'later') ? [COPY_ON_WRITE[0]!, ...GONE] : [];
  const seen = new Set<string>();
  return [...run.environments, ...more].filter((environment) => {
    const key = JSON.stringify([environment.memory, environment.zone, [...environment.actors].sort()]);
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
}
