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

/**
 * Memory of the kernel's own behind an iterator: ITER_KVEC (kernel addresses) or ITER_BVEC (pages that somebody else
 * keeps). Only iov_iter_*() and bio_release_pages() know it: no process maps it.
 */
export type KernelMemoryKind = 'kvec' | 'bvec';

/** The user's buffer, before the driver starts. */
export interface Memory {
  readonly kind: MemoryKind | KernelMemoryKind;
  /** Pages of PAGE_SIZE in the buffer's address range. */
  readonly pages: number;
  /** How many of them, from the start, are mapped: fewer than asked for gives a short count. */
  readonly mapped: number;
  /** VM_WRITE. */
  readonly writable: boolean;
  /** Memory zone of the pages at the start. */
  readonly zone?: 'normal' | 'movable' | 'cma';
  /** A fatal signal is pending for the process. */
  readonly killed?: boolean;
  /** The file's storage needs stable pages (mapping_stable_writes()): a checksum covers each block. */
  readonly stable?: boolean;
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
  /** Another thread of the driver, which runs beside the first. Page sets are numbered across both. */
  readonly second?: readonly DriverStep[];
  /** The driver's invalidate callback, which runs while a notifier is inserted. */
  readonly callback?: readonly DriverStep[];
  /** Writeback takes time: the folio is under writeback between the start and the end of its I/O. Else it is one step. */
  readonly slowWriteback?: boolean;
}
