/** The buffer of a scenario: how big the machine must be, and what it holds before the driver starts. */

import { FRAME, type FsName, PG, PROC_KILLED, PTE, VM, VMA } from '../model/constants.ts';
import { handleFault, userAccess } from '../model/fault.ts';
import { allocFolio } from '../model/folio.ts';
import { type Machine, protection, type Setup } from '../model/machine.ts';
import type { Memory, Scenario } from '../protocol/scenario.ts';
import type { DriverStep } from '../protocol/steps.ts';

export interface MemoryLayout {
  readonly setup: Setup;
  /** Virtual page of the buffer's page 0. */
  readonly origin: number;
  /** Virtual pages [from, to) that the process has mapped for the buffer: a huge page wholly, with what surrounds it. */
  readonly from: number;
  readonly to: number;
  /** Process that each fork actor creates, by actor; 0 for others. */
  readonly children: readonly number[];
}

const OLD_CONTENT = 1;

const FILE_OF: Partial<Record<Memory['kind'], FsName>> = {
  file: 'ext4',
  'file-private': 'ext4',
  shmem: 'shmem',
  fsdax: 'fsdax',
};

function isHuge(memory: Memory): boolean {
  return memory.kind === 'thp' || memory.kind === 'hugetlb';
}

/** Whether the buffer is the kernel's own memory behind an iterator. */
export function isKernelBuffer(memory: Memory): boolean {
  return memory.kind === 'kvec' || memory.kind === 'bvec';
}

/** Pages of the huge folio that stands for a PMD-sized one: just enough for the buffer, at least two. */
function hugeSpan(memory: Memory): number {
  let span = 2;
  while (span < memory.mapped) span *= 2;
  return span;
}

/** Sizes the machine so that no allocation can fail within the scenario. */
export function layOut(scenario: Scenario, steps: readonly DriverStep[]): MemoryLayout {
  const { memory, actors } = scenario;
  const children: number[] = [];
  let processes = 1;
  for (const kind of actors) children.push(kind.startsWith('fork') ? processes++ : 0);
  const span = isHuge(memory) ? hugeSpan(memory) : 1;
  // A buffer of which only a part is mapped starts in the middle of its huge page.
  const origin =
    isHuge(memory) && memory.mapped > 0 && memory.mapped < memory.pages ? span - memory.mapped : 0;
  const pages = Math.max(memory.pages, span);
  const file = FILE_OF[memory.kind];
  const acquires = steps.filter((step) => step.op === 'acquire' || step.op === 'hmm-fault').length;
  let copies =
    1 + 2 * (processes - 1) + (memory.zone === undefined || memory.zone === 'normal' ? 0 : acquires);
  if (memory.kind === 'file-private' || memory.kind === 'zero') copies += 1;
  for (const kind of actors)
    if (kind === 'migrate' || kind === 'ksm' || kind === 'reclaim' || kind === 'store') copies++;
  const swapSlots = actors.includes('reclaim') ? pages : 0;
  const filePages = file === undefined ? 0 : Math.max(memory.mapped, 1);
  let held = 0;
  for (const step of steps) if (step.op === 'acquire') held += Math.max(step.nr, 0) * (step.times ?? 1);
  // Small pages: whoever can have one has one, and one is being copied.
  const framesInUse = processes * Math.max(memory.pages, memory.mapped) + held + swapSlots + filePages + 1;
  return {
    origin,
    from: isHuge(memory) ? 0 : origin,
    to: isHuge(memory) ? span : origin + memory.mapped,
    children,
    setup: {
      frames: isHuge(memory) ? pages * copies : Math.min(pages * copies, framesInUse),
      processes,
      vpages: Math.max(origin + Math.max(memory.pages, memory.mapped), span),
      vmas: 1,
      files: file === undefined ? [] : [{ fs: file, size: memory.mapped, pages: filePages }],
      swapSlots,
      pmdPages: span,
      zone: memory.zone ?? 'normal',
    },
  };
}

/**
 * Maps the buffer and fills it, as the process left it before it called the driver. Returns the first frame of a kernel
 * buffer, or -1 for a user's.
 */
export function populate(m: Machine, memory: Memory, layout: MemoryLayout): number {
  if (isKernelBuffer(memory)) return kernelPages(m, memory);
  if (memory.mapped > 0) mapBuffer(m, memory, layout);
  if (memory.killed === true) m.setProcFlag(0, PROC_KILLED);
  return -1;
}

/** Consecutive pages with one reference, their owner's; no page table maps them. */
function kernelPages(m: Machine, memory: Memory): number {
  const frames: number[] = [];
  for (let i = 0; i < memory.mapped; i++) frames.push(allocFolio(m, 0, PG.reserved));
  for (const frame of frames) m.setWord(frame, FRAME.CONTENT, OLD_CONTENT);
  return frames[0] ?? -1;
}

function mapBuffer(m: Machine, memory: Memory, layout: MemoryLayout): void {
  const shared = memory.kind === 'file' || memory.kind === 'shmem' || memory.kind === 'fsdax';
  const fileBacked = FILE_OF[memory.kind] !== undefined;
  let flags = protection(memory.writable, shared);
  if (memory.kind === 'hugetlb') flags |= VM.HUGETLB;
  if (memory.kind === 'thp') flags |= VM.HUGEPAGE;
  const { from, to } = layout;
  m.addVma(0, from, to, flags | VM.WRITE, fileBacked ? 0 : -1);
  if (fileBacked) for (let i = 0; i < memory.mapped; i++) m.setBacking(0, i, OLD_CONTENT);
  for (let v = from; v < to; v++) touchPage(m, memory, v);
  if (memory.writable) return;
  const vma = m.vmaAt(0, from);
  m.set(vma + VMA.FLAGS, flags);
  for (let v = from; v < to; v++) m.setPte(0, v, m.pte(0, v) & ~PTE.WRITE);
}

function touchPage(m: Machine, memory: Memory, v: number): void {
  if (
    memory.kind === 'zero' ||
    memory.kind === 'file' ||
    memory.kind === 'file-private' ||
    memory.kind === 'fsdax'
  ) {
    handleFault(m, 0, v, 'read');
    return;
  }
  const frame = userAccess(m, 0, v, true);
  m.setWord(frame, FRAME.CONTENT, OLD_CONTENT);
}
