/** From a witness to scenarios: concrete counts, memory, kernel actors. */
import { FOLL } from '#engine/protocol/flags.ts';
import type { Memory, Scenario } from '#engine/protocol/scenario.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import type { Witness } from '../flow/state/witness.ts';
import { releasedAlike } from '../rules/evidence/forms.ts';
import type { Environment, RuleRun } from '../rules/rule.ts';

/** Longest driver path that is explored; a longer witness loses steps in its middle, never its acquire or its end. */
export const MAX_STEPS = 12;

/** A witness as driver steps, and what was left out of it. */
export interface DriverPath {
  readonly steps: readonly DriverStep[];
  /** Steps in the middle of the witness that are not explored. */
  readonly leftOut: number;
}

/** The path that is explored for a finding: the witness, with what the rule says about its end. */
export function driverPath(witness: Witness, run: RuleRun): DriverPath {
  const all = witness.steps.map((s, id): DriverStep => ({ ...s.step, id }));
  const short = shortened(all);
  const kept = run.ofRefusedFlags === true ? short : short.map(withoutOldFlags);
  const path = run.completed?.([...kept, { op: 'return' }]) ?? [...kept, { op: 'return' } as const];
  const ended = run.endsAtRelease === true ? releasedAlike(path) : path;
  return {
    steps: run.deviceOutlivesRelease === true ? ended : unmapsAdded(ended),
    leftOut: all.length - kept.length,
  };
}

/** Without the flags that a caller may pass in old releases only: before 6.3, and for a get with FOLL_LONGTERM before 5.7. */
function withoutOldFlags(step: DriverStep): DriverStep {
  const isGet = step.op === 'acquire' && step.api.startsWith('get_');
  const old = FOLL.TOUCH | FOLL.TRIED | FOLL.REMOTE | (isGet ? FOLL.LONGTERM : 0);
  return step.op === 'acquire' && (step.flags & old) !== 0 ? { ...step, flags: step.flags & ~old } : step;
}

/** The witness as driver steps; `id` is the index of the witness step that each comes from. */
export function driverSteps(witness: Witness): DriverStep[] {
  const all = witness.steps.map((s, id): DriverStep => ({ ...s.step, id }));
  return [...shortened(all), { op: 'return' }];
}

/** First accesses between the first and the last of them go, then other steps of the middle. */
function shortened(steps: readonly DriverStep[]): readonly DriverStep[] {
  let over = steps.length - (MAX_STEPS - 1);
  if (over <= 0) return steps;
  const dropped = new Set<DriverStep>();
  const accesses = steps.filter((s) => s.op === 'access');
  for (const s of accesses.slice(1, -1)) {
    if (over <= 0) break;
    dropped.add(s);
    over--;
  }
  for (const s of steps.slice(1, -1).reverse()) {
    if (over <= 0) break;
    if (dropped.has(s) || s.op === 'acquire' || s.op === 'release' || s.op === 'later') continue;
    dropped.add(s);
    over--;
  }
  const left = steps.filter((s) => !dropped.has(s));
  if (over <= 0) return left;
  const head = Math.ceil((MAX_STEPS - 1) / 2);
  return [...left.slice(0, head), ...left.slice(left.length - (MAX_STEPS - 1 - head))];
}

/** A device whose unmap the path does not show has no access after the release of its pages. */
function unmapsAdded(steps: readonly DriverStep[]): DriverStep[] {
  const into: DriverStep[] = [];
  const open: Extract<DriverStep, { op: 'dma-map' }>[] = [];
  for (const s of steps) {
    if (s.op === 'dma-map') open.push(s);
    if (s.op === 'dma-unmap') removeWhere(open, (m) => overlaps(m, s));
    if (s.op === 'release' || s.op === 'return') {
      const ending = open.filter((m) => s.op === 'return' || overlaps(m, s));
      for (const { set, from, count } of ending) into.push({ op: 'dma-unmap', set, from, count });
      removeWhere(open, (m) => ending.includes(m));
    }
    into.push(s);
  }
  return into;
}

interface SlotRange {
  readonly set: number;
  readonly from: number;
  readonly count: number;
}

function overlaps(a: SlotRange, b: SlotRange): boolean {
  return a.set === b.set && a.from < b.from + b.count && b.from < a.from + a.count;
}

function removeWhere<T>(list: T[], leaves: (each: T) => boolean): void {
  for (let i = list.length - 1; i >= 0; i--) if (leaves(list[i]!)) list.splice(i, 1);
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
    const first = s.page ?? 0;
    pages = Math.max(pages, first + s.nr);
    mapped = Math.max(mapped, first + (s.expect ?? s.nr));
  }
  // memfd_pin_folios() takes no other memory.
  const ofMemfd = steps.some((s) => s.op === 'acquire' && s.api === 'memfd_pin_folios');
  return {
    kind: ofMemfd ? 'shmem' : environment.memory,
    pages,
    mapped: Math.max(0, mapped),
    writable: true,
    ...(environment.zone === undefined ? {} : { zone: environment.zone }),
  };
}
