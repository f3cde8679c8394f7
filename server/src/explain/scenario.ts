/** From a witness to scenarios: concrete counts, memory, kernel actors. */
import type { Memory, Scenario } from '#engine/protocol/scenario.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import type { Witness } from '../flow/witness.ts';
import type { Environment } from '../rules/rule.ts';

/** Longest driver path that is explored; a longer witness is cut in the middle, never at its acquire or its end. */
export const MAX_STEPS = 12;

/** The witness as driver steps; `id` is the index of the witness step that each comes from. */
export function driverSteps(witness: Witness): DriverStep[] {
  const steps = witness.steps.map((s, id): DriverStep => ({ ...s.step, id }));
  if (steps.length < MAX_STEPS) return [...steps, { op: 'return' }];
  const accesses = steps.filter((s) => s.op === 'access');
  const spare = new Set<DriverStep>(accesses.slice(1, accesses.length - 1));
  return [...steps.filter((s) => !spare.has(s)).slice(0, MAX_STEPS - 1), { op: 'return' }];
}

/** Puts driver steps into an environment. The mapping ends where the witness's result says that it does. */
export function scenarioOf(steps: readonly DriverStep[], environment: Environment): Scenario {
  return { memory: memoryOf(steps, environment), driver: steps, actors: environment.actors };
}

function memoryOf(steps: readonly DriverStep[], environment: Environment): Memory {
  let pages = 1;
  let mapped = 0;
  for (const s of steps) {
    if (s.op !== 'acquire') continue;
    pages = Math.max(pages, s.nr);
    mapped = Math.max(mapped, s.expect ?? s.nr);
  }
  return { kind: environment.memory, pages, mapped: Math.max(0, mapped), writable: true };
}
