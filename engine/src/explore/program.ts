/**
 * A scenario made executable: a machine with the buffer set up, the driver's steps, and the actors. Its whole state is
 * the machine's Int32Array; the words after `extraBase` belong to the driver and the actors.
 */

import { createMachine, type Machine } from '../model/machine.ts';
import { FOLL } from '../protocol/flags.ts';
import type { ActorKind, Scenario } from '../protocol/scenario.ts';
import type { AcquireStep, DriverStep, Slots } from '../protocol/steps.ts';
import { PROPERTIES, type PropertyName } from '../protocol/trace.ts';
import { actorSteps } from './kinds.ts';
import { E, X } from './layout.ts';
import { layOut, type MemoryLayout, populate } from './memory.ts';

/** Steps [first, end) of all steps: one thread, or the callback. */
export interface StepRange {
  readonly first: number;
  readonly end: number;
}

/** Content bit of the bytes that the buffer held at the start. */
export const OLD = 1;

/** What the current transition did that only it can know; reset before each. */
export interface Events {
  /** Buffer page whose data was read although the process sees something newer, or -1. */
  staleRead: number;
  /** Slot that was used after its release, or -1. */
  released: number;
  /** Slot that was used without ever being filled, or -1. */
  unfilled: number;
  /** Frame of a folio in movable, CMA or DAX memory that a hold of the driver keeps in place, or -1. */
  blocked: number;
  /** Frame of a file folio that was dirtied while clean and write-protected, or -1. */
  behind: number;
}

/** A write or a DMA mapping of the driver: which content bit stands for it. */
interface WriteSite {
  readonly slots: Slots;
  readonly bit: number;
}

/** A value to read right after a driver step (-1: before the first). */
export interface RegisterSite {
  readonly after: number;
  /** The step is one of the second thread's. */
  readonly second?: boolean;
  readonly probe:
    | 'return'
    | 'page_ref_count'
    | 'folio_mapcount'
    | 'folio_pincount'
    | 'folio_maybe_dma_pinned'
    | 'iov_iter_extract_will_pin'
    | 'nr_foll_pin_acquired'
    | 'nr_foll_pin_released';
  readonly set: number;
  readonly slot: number;
}

export interface PageSet {
  /** Index of the set's first slot word, relative to X.SLOTS. */
  readonly first: number;
  readonly size: number;
  /** Buffer page of slot 0. */
  readonly page: number;
}

export class Program {
  readonly scenario: Scenario;
  readonly machine: Machine;
  readonly memory: MemoryLayout;
  /** The first thread's steps, then the second's, then the callback's. */
  readonly steps: readonly DriverStep[];
  readonly threads: readonly StepRange[];
  readonly callback: StepRange;
  /** Whether the state has the words of E. */
  readonly extended: boolean;
  /** First frame of the kernel's own buffer behind an iterator, or -1. */
  readonly kernelBuffer: number;
  readonly actors: readonly ActorKind[];
  /** Steps that each actor can take at most. */
  readonly actorSteps: readonly number[];
  readonly sets: readonly PageSet[];
  /** Driver's CPU writes by step index. */
  readonly writes: ReadonlyMap<number, WriteSite>;
  /** dma-map steps, in order; the device's writes and reads are transitions of their own. */
  readonly dmaSteps: readonly number[];
  /** Content bit of each actor's store. */
  readonly storeBits: readonly number[];
  /** Names of content bits, by bit number. */
  readonly contentNames: readonly string[];
  readonly initial: Int32Array;
  readonly slotCount: number;
  readonly events: Events = { staleRead: -1, released: -1, unfilled: -1, blocked: -1, behind: -1 };
  /** Thread whose step runs, or -1 for an actor; the callback runs on behalf of either. */
  running = 0;
  /** Index of the driver step that ran last. */
  lastStep = 0;
  inCallback = false;
  /** Index of the step that follows the current one; branches change it. */
  next = 0;
  /** Return value of the last call of the driver. */
  ret: number | undefined;
  /** Why the last acquire was not the one that the witness assumes. */
  refusal: string | undefined;
  /** Receives frames of an acquire. */
  readonly buffer: Int32Array;

  /** Values that a litmus test reads while it runs; their words follow the slots. */
  readonly registers: readonly RegisterSite[];

  constructor(scenario: Scenario, registers: readonly RegisterSite[] = []) {
    this.scenario = scenario;
    this.registers = registers;
    const threads = [scenario.driver, ...(scenario.second === undefined ? [] : [scenario.second])];
    const lists = threads.map((steps) => (steps.at(-1)?.op === 'return' ? steps : [...steps, RETURN]));
    const callback = scenario.callback ?? [];
    this.steps = [...lists.flat(), ...callback];
    this.threads = ranges(lists);
    this.callback = { first: this.steps.length - callback.length, end: this.steps.length };
    this.extended = isExtended(scenario);
    this.sets = pageSets(this.steps);
    this.slotCount = this.sets.reduce((n, set) => n + set.size, 0);
    this.memory = layOut(scenario, this.steps);
    this.machine = createMachine({
      ...this.memory.setup,
      extra:
        X.SLOTS +
        this.slotCount +
        registers.length +
        (this.memory.setup.processes ?? 1) -
        1 +
        extraWords(scenario, this.extended),
    });
    const fileBacked = this.machine.fileCount > 0;
    this.actors = scenario.actors;
    this.actorSteps = this.actors.map((kind) => actorSteps(scenario, kind, fileBacked));
    this.buffer = new Int32Array(Math.max(8, ...this.sets.map((set) => set.size)));
    const names = ['old'];
    const writes = new Map<number, WriteSite>();
    const dmaSteps: number[] = [];
    let writeCount = 0;
    let deviceCount = 0;
    for (const [i, step] of this.steps.entries()) {
      if (step.op === 'access' && step.mode === 'write') {
        writes.set(i, { slots: step, bit: 1 << names.length });
        names.push(`driver#${++writeCount}`);
      } else if (step.op === 'dma-map') {
        dmaSteps.push(i);
        if (step.direction !== 'to-device') {
          writes.set(i, { slots: step, bit: 1 << names.length });
          names.push(`device#${++deviceCount}`);
        }
      }
    }
    this.writes = writes;
    this.dmaSteps = dmaSteps;
    const counts = new Map<string, number>();
    this.storeBits = this.actors.map((kind) => {
      const who = kind === 'fork-child-write' ? 'child' : 'store';
      if (kind !== 'store' && kind !== 'fork-child-write' && kind !== 'fork-parent-write') return 0;
      counts.set(who, (counts.get(who) ?? 0) + 1);
      names.push(`${who}#${counts.get(who)}`);
      return 1 << (names.length - 1);
    });
    if (names.length > 31) throw new RangeError('a scenario has room for 30 writes');
    if (dmaSteps.length > 15) throw new RangeError('a scenario has room for 15 DMA mappings');
    if (this.actors.length > 15) throw new RangeError('a scenario has room for 15 actors');
    this.contentNames = names;
    this.machine.stableWrites = scenario.memory.stable === true;
    this.kernelBuffer = populate(this.machine, scenario.memory, this.memory);
    if (threads.length > 1) this.setE(E.PC2, this.threads[1]!.first);
    this.initial = this.machine.state.slice();
  }

  x(word: number): number {
    return this.machine.state[this.machine.extraBase + word]!;
  }
  setX(word: number, value: number): void {
    this.machine.set(this.machine.extraBase + word, value);
  }
  get pc(): number {
    return this.x(X.PC);
  }
  get done(): boolean {
    return this.threadDone(0) && (this.threads.length === 1 || this.threadDone(1));
  }
  pcOf(thread: number): number {
    return thread === 0 ? this.pc : this.e(E.PC2);
  }
  setPc(thread: number, index: number): void {
    if (thread === 0) this.setX(X.PC, index);
    else this.setE(E.PC2, index);
  }
  threadDone(thread: number): boolean {
    return this.pcOf(thread) >= this.threads[thread]!.end;
  }
  /** Whether every thread has returned to userspace, at least for now: the process may be gone by the next call. */
  get betweenEntryPoints(): boolean {
    return (
      !this.done &&
      this.threads.every((_r, t) => this.threadDone(t) || this.steps[this.pcOf(t)]!.op === 'later')
    );
  }

  /** A word of E; meaningful when `extended`. */
  e(word: number): number {
    return this.x(this.extraFirst + word);
  }
  setE(word: number, value: number): void {
    this.setX(this.extraFirst + word, value);
  }
  hasExtra(bit: number): boolean {
    return (this.e(E.FLAGS) & bit) !== 0;
  }
  setExtra(bit: number, on: boolean): void {
    this.setE(E.FLAGS, on ? this.e(E.FLAGS) | bit : this.e(E.FLAGS) & ~bit);
  }
  private get extraFirst(): number {
    return X.SLOTS + this.slotCount + this.registers.length + this.machine.processes - 1;
  }
  /** What a page's checksum was computed over when its writeback started (slow writeback only). */
  checksum(index: number): number {
    return this.e(E.SIZE + index);
  }
  setChecksum(index: number, content: number): void {
    this.setE(E.SIZE + index, content);
  }
  actorStep(actor: number): number {
    return (this.x(X.ACTORS) >> (2 * actor)) & 3;
  }
  advanceActor(actor: number): void {
    this.setX(X.ACTORS, this.x(X.ACTORS) + (1 << (2 * actor)));
  }

  /** A slot's word, or 0 for a slot that no acquire could fill. */
  slot(set: number, index: number): number {
    const s = this.sets[set];
    if (s === undefined || index < 0 || index >= s.size) return 0;
    return this.x(X.SLOTS + s.first + index);
  }
  setSlot(set: number, index: number, word: number): void {
    this.setX(X.SLOTS + this.sets[set]!.first + index, word);
  }
  /** Virtual page behind a slot. */
  slotVpage(set: number, index: number): number {
    return this.memory.origin + (this.sets[set]?.page ?? 0) + index;
  }

  /** Value of register number `i`. */
  register(i: number): number {
    return this.x(X.SLOTS + this.slotCount + i);
  }
  setRegister(i: number, value: number): void {
    this.setX(X.SLOTS + this.slotCount + i, value);
  }

  private childWord(proc: number): number {
    return X.SLOTS + this.slotCount + this.registers.length + proc - 1;
  }
  /** Content bits that the driver or a device wrote since the fork of process `proc`. */
  writtenSinceFork(proc: number): number {
    return this.x(this.childWord(proc));
  }
  /** Remembers a write of the driver or a device for every child that exists. */
  noteWritten(bit: number): void {
    for (let proc = 1; proc < this.machine.processes; proc++)
      if (this.machine.alive(proc)) this.setX(this.childWord(proc), this.writtenSinceFork(proc) | bit);
  }

  resetEvents(): void {
    const e = this.events;
    e.staleRead = e.released = e.unfilled = e.blocked = e.behind = -1;
    this.ret = undefined;
    this.refusal = undefined;
  }
}

const RETURN: DriverStep = { op: 'return' };

/** Where each list of steps lies in all of them. */
function ranges(lists: readonly (readonly DriverStep[])[]): StepRange[] {
  let first = 0;
  return lists.map((steps) => {
    const range = { first, end: first + steps.length };
    first = range.end;
    return range;
  });
}

const PLAIN_STEPS: readonly DriverStep['op'][] = [
  'acquire',
  'access',
  'dma-map',
  'dma-unmap',
  'dirty',
  'release',
  'bio-release',
  'mmap-lock',
  'mmap-unlock',
  'later',
  'return',
];

function isExtended(scenario: Scenario): boolean {
  return (
    scenario.second !== undefined ||
    scenario.callback !== undefined ||
    scenario.slowWriteback === true ||
    scenario.driver.some((step) => !PLAIN_STEPS.includes(step.op))
  );
}

function extraWords(scenario: Scenario, extended: boolean): number {
  if (!extended) return 0;
  return E.SIZE + (scenario.slowWriteback === true ? Math.max(scenario.memory.mapped, 1) : 0);
}

/** Bit of a property in X.BROKEN. */
export function propertyBit(name: PropertyName): number {
  return 1 << PROPERTIES.indexOf(name);
}

/** Whether a flag word or the function makes the hold one that userspace may keep for long. */
export function isLongterm(step: AcquireStep): boolean {
  return (step.flags & FOLL.LONGTERM) !== 0 || step.api === 'memfd_pin_folios';
}

export function isPinApi(api: AcquireStep['api']): boolean {
  return api.startsWith('pin_') || api === 'memfd_pin_folios' || api === 'iov_iter_extract_pages';
}

/** Slots of every page set, sized by what its acquires ask for. */
function pageSets(steps: readonly DriverStep[]): PageSet[] {
  const sizes: number[] = [];
  const pages: number[] = [];
  for (const step of steps) {
    if (step.op !== 'acquire' && step.op !== 'hmm-fault') continue;
    sizes[step.set] = Math.max(sizes[step.set] ?? 0, step.nr, 1);
    pages[step.set] = step.page ?? 0;
  }
  let first = 0;
  return Array.from(sizes, (size, i) => {
    const set = { first, size: size ?? 0, page: pages[i] ?? 0 };
    first += set.size;
    return set;
  });
}
