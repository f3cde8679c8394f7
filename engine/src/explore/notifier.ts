/** MMU interval notifiers: when the driver's invalidate callback runs. Source: mm/mmu_notifier.c; document "CASE 3". */
import { E, EXTRA } from './layout.ts';
import type { Program } from './program.ts';

/** A callback that takes more steps than this goes round in circles. */
const MAX_CALLBACK_STEPS = 1000;

/** Runs one step of the callback. */
export type StepRunner = (index: number) => void;

/**
 * Lets the machine call the scenario's callback. It runs when the kernel is about to change entries of the buffer in the
 * driver's process while a notifier is inserted, as a whole: the kernel waits for it. The lock that it takes makes the
 * kernel wait for the driver's thread that holds it; held by the very task that runs the callback, it is a deadlock.
 */
export function listen(p: Program, runStep: StepRunner): void {
  const m = p.machine;
  if (p.callback.first === p.callback.end || m.onInvalidate !== null) return;
  const from = p.memory.origin;
  const to = from + p.scenario.memory.pages;
  const locks = p.steps.slice(p.callback.first).some((step) => step.op === 'driver-lock');
  m.onInvalidate = (proc, start, end) => {
    if (proc !== 0 || end <= from || start >= to || p.inCallback || !p.hasExtra(EXTRA.NOTIFIER)) return;
    const holder = locks ? lockHolder(p) : -1;
    if (holder >= 0 && holder === p.running) m.warn('recursiveLock');
    else if (holder >= 0) m.mustWait = true;
    else runCallback(p, runStep);
  };
}

/** Thread that holds the driver's lock, or -1. */
export function lockHolder(p: Program): number {
  if (p.hasExtra(EXTRA.LOCKED)) return 0;
  return p.hasExtra(EXTRA.LOCKED << 1) ? 1 : -1;
}

function runCallback(p: Program, runStep: StepRunner): void {
  const m = p.machine;
  const { next, ret } = p;
  p.inCallback = true;
  m.notes?.push('the invalidate callback of the driver runs first');
  let steps = 0;
  for (let index = p.callback.first; index < p.callback.end; ) {
    if (++steps > MAX_CALLBACK_STEPS) {
      m.warn('softLockup');
      break;
    }
    p.next = index + 1;
    runStep(index);
    index = p.next;
  }
  p.inCallback = false;
  // A step of the driver may be under way, which the callback interrupts.
  p.next = next;
  p.ret = ret;
}

/** mmu_interval_read_begin() and mmu_interval_set_seq(): whether an invalidation came in between is all that counts. */
export function setCollided(p: Program, on: boolean): void {
  p.setExtra(EXTRA.COLLIDED, on);
}

/** One more step of a thread: states that a loop comes back to are told apart by it. */
export function tick(p: Program): void {
  p.setE(E.TICK, p.e(E.TICK) + 1);
}
