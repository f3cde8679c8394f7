/** The transitions of a program: driver, actors, device; which are enabled, and which commute. */
import type { ActorKind } from '../protocol/scenario.ts';
import { actorEnabled, deviceEnabled, runActor, runDevice } from './actors.ts';
import { runCallbackStep, runDriver } from './driver.ts';
import { SLOT, X } from './layout.ts';
import { listen } from './notifier.ts';
import type { Program } from './program.ts';
import { ALL_PROPERTIES, FATAL } from './properties/index.ts';

/**
 * A transition's number: 0 the driver, 1…A the actors, then for each DMA mapping the device's write and its read, then
 * the driver's second thread.
 */
export function transitionCount(p: Program): number {
  return secondThread(p) + p.threads.length - 1;
}

function secondThread(p: Program): number {
  return 1 + p.actors.length + 2 * p.dmaSteps.length;
}

/** Thread of the driver whose step a transition is, or -1. */
export function threadOf(p: Program, t: number): number {
  if (t === 0) return 0;
  return t === secondThread(p) ? 1 : -1;
}

const FATAL_BITS = FATAL.reduce((mask, property) => mask | property.bit, 0);

/** Whether the run is over: the driver has returned, or memory is damaged. */
export function finished(p: Program): boolean {
  return p.done || (p.x(X.BROKEN) & FATAL_BITS) !== 0;
}

export function enabled(p: Program, t: number): boolean {
  if (t === 0) return !p.threadDone(0);
  if (t <= p.actors.length) return actorEnabled(p, t - 1);
  if (t === secondThread(p)) return !p.threadDone(1);
  const device = t - 1 - p.actors.length;
  return deviceEnabled(p, device >> 1, (device & 1) as 0 | 1);
}

/**
 * Runs one enabled transition and records the properties that it breaks. Returns false when the driver's acquire gave
 * another result than the witness assumes (the run is not the witness's path), or when the transition has to wait for
 * somebody (`mustWait`): it is not possible now.
 */
export function run(p: Program, t: number, properties = ALL_PROPERTIES): boolean {
  p.resetEvents();
  const m = p.machine;
  const thread = threadOf(p, t);
  if (p.extended) {
    if (m.onInvalidate === null) listen(p, (index) => runCallbackStep(p, index));
    m.mustWait = false;
  }
  if (thread >= 0) {
    if (!runDriver(p, thread)) return false;
  } else if (t <= p.actors.length) {
    p.running = -1;
    runActor(p, t - 1);
  } else {
    const device = t - 1 - p.actors.length;
    runDevice(p, device >> 1, (device & 1) as 0 | 1);
  }
  if (m.mustWait) return false;
  const { done } = p;
  const before = p.x(X.BROKEN);
  let broken = before;
  for (const property of properties) {
    if (property.when === 'end' && !done) continue;
    if ((broken & property.bit) === 0 && property.broken(p)) broken |= property.bit;
  }
  if (broken !== before) p.setX(X.BROKEN, broken);
  return true;
}

/** What a transition may look at or change; two transitions that share nothing written commute. */
const R = {
  REF: 1,
  PAGE_TABLE: 2,
  CONTENT: 4,
  DIRTY: 8,
  LOCK: 16,
  ENTRY: 32,
  EXISTENCE: 64,
} as const;
const EVERYTHING = 127;

interface Footprint {
  readonly reads: number;
  readonly writes: number;
}

const ALL: Footprint = { reads: EVERYTHING, writes: EVERYTHING };

/** Footprint of everything that an actor may still do. */
const ACTOR_FOOTPRINT: { readonly [K in ActorKind]: Footprint } = {
  'fork-parent-write': {
    reads: R.REF | R.PAGE_TABLE | R.CONTENT | R.LOCK | R.EXISTENCE,
    writes: R.REF | R.PAGE_TABLE | R.CONTENT | R.DIRTY | R.EXISTENCE,
  },
  'fork-child-write': {
    reads: R.REF | R.PAGE_TABLE | R.CONTENT | R.LOCK | R.EXISTENCE,
    writes: R.REF | R.PAGE_TABLE | R.CONTENT | R.DIRTY | R.EXISTENCE,
  },
  store: { reads: R.REF | R.PAGE_TABLE | R.EXISTENCE, writes: R.REF | R.PAGE_TABLE | R.CONTENT | R.DIRTY },
  writeback: { reads: R.PAGE_TABLE | R.CONTENT | R.DIRTY, writes: R.PAGE_TABLE | R.CONTENT | R.DIRTY },
  reclaim: ALL,
  munmap: ALL,
  truncate: ALL,
  migrate: ALL,
  ksm: { reads: R.REF | R.PAGE_TABLE | R.CONTENT, writes: R.REF | R.PAGE_TABLE | R.CONTENT },
  exit: ALL,
};

function driverFootprint(p: Program): Footprint {
  const step = p.steps[p.pc]!;
  switch (step.op) {
    case 'access':
      return step.mode === 'write'
        ? { reads: R.EXISTENCE, writes: R.CONTENT }
        : { reads: R.CONTENT | R.PAGE_TABLE | R.EXISTENCE, writes: 0 };
    case 'dirty':
      return { reads: R.PAGE_TABLE | R.DIRTY, writes: R.DIRTY | R.REF };
    case 'mmap-lock':
    case 'mmap-unlock':
      return { reads: 0, writes: R.LOCK };
    case 'later':
      return { reads: R.REF, writes: R.ENTRY };
    case 'dma-map':
    case 'dma-unmap':
      return { reads: 0, writes: R.ENTRY };
    default:
      return ALL;
  }
}

function commute(a: Footprint, b: Footprint): boolean {
  return (a.writes & (b.reads | b.writes)) === 0 && (b.writes & a.reads) === 0;
}

/**
 * Partial-order reduction: writes the transitions to follow from the current state to `into`, and returns how many they
 * are; `into` has room for all. When the driver's next step commutes with
 * everything that any actor or device may still do, it alone is an ample set: every run from here takes it sooner or
 * later, and taking it first leads to the same end states. The state graph has no cycles (each transition is taken
 * once), and properties are remembered in the state, so equal end states mean equal verdicts.
 */
export function chosen(p: Program, into: Int32Array, reduction: boolean): number {
  let n = 0;
  if (reduction && driverIsAmple(p)) into[n++] = 0;
  else {
    const count = transitionCount(p);
    for (let t = 0; t < count; t++) if (enabled(p, t)) into[n++] = t;
  }
  return n;
}

function driverIsAmple(p: Program): boolean {
  // Two threads, and a callback that runs inside the actors, share too much for the footprints.
  if (p.done || p.extended || deviceMayAct(p)) return false;
  const mine = driverFootprint(p);
  for (let a = 0; a < p.actors.length; a++) {
    if (p.actorStep(a) >= p.actorSteps[a]!) continue;
    if (!commute(mine, ACTOR_FOOTPRINT[p.actors[a]!])) return false;
  }
  return true;
}

function deviceMayAct(p: Program): boolean {
  for (let i = 0; i < p.slotCount; i++) if ((p.x(X.SLOTS + i) & SLOT.DMA) !== 0) return true;
  return false;
}
