/**
 * A scenario: one driver path in the pin protocol, the memory it works on, and the kernel actors that may
 * interleave with it. The engine executes and explores scenarios; litmus tests spell them.
 */
import type { DriverStep } from './steps.ts';

/**
 * Kind of memory behind the user's buffer.
 * - `anon`: private anonymous, order-0 folios. `thp`: the same, one PMD-sized folio. `hugetlb`: a hugetlb folio.
 * - `file`: MAP_SHARED of a file system that tracks dirty pages (ext4). `file-private`: MAP_PRIVATE of it.
 * - `shmem`: MAP_SHARED tmpfs or memfd. `fsdax`: MAP_SHARED DAX file. `zero`: anonymous, only ever read.
 */
export type MemoryKind = 'anon' | 'thp' | 'hugetlb' | 'file' | 'file-private' | 'shmem' | 'fsdax' | 'zero';

/** The user's buffer, before the driver starts. */
export interface Memory {
  readonly kind: MemoryKind;
  /** Pages of PAGE_SIZE in the buffer's address range. */
  readonly pages: number;
  /** How many of them, from the start, are mapped: fewer than asked for gives a short count. */
  readonly mapped: number;
  /** VM_WRITE. */
  readonly writable: boolean;
  /** Memory zone of the pages at the start. */
  readonly zone?: 'normal' | 'movable' | 'cma';
}

/** Something that the rest of the kernel, or userspace, does around the driver, at a moment of its choice. */
export const ACTORS = [
  /** The process forks, then itself writes to the buffer (copy-on-write in the parent). */
  'fork-parent-write',
  /** The process forks, then the child writes to the buffer. */
  'fork-child-write',
  /** The process itself stores to the buffer, without fork. */
  'store',
  /** Writeback: clear dirty, folio_mkclean(), write to the backing store. */
  'writeback',
  /** Reclaim: unmap, swap out or drop clean pages. */
  'reclaim',
  'munmap',
  'truncate',
  'migrate',
  'ksm',
  /** The process exits. */
  'exit',
] as const;
export type ActorKind = (typeof ACTORS)[number];

export interface Scenario {
  readonly memory: Memory;
  readonly driver: readonly DriverStep[];
  readonly actors: readonly ActorKind[];
}
