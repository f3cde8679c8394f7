/** Memory kinds and kernel actors by what they show; a rule picks those that it is about. */
import type { Environment } from '../rule.ts';

/** One small folio, one huge folio, a file's: for counts, which no actor has a part in. */
export const ORDINARY: readonly Environment[] = [
  { memory: 'anon', actors: [] },
  { memory: 'thp', actors: [] },
  { memory: 'file', actors: [] },
];

/** Private memory that a fork shares: a reference does not keep the page with its process, a pin does (CASE 5). */
export const COPY_ON_WRITE: readonly Environment[] = [
  { memory: 'anon', actors: ['fork-parent-write'] },
  { memory: 'anon', actors: ['fork-child-write'] },
  { memory: 'thp', actors: ['fork-parent-write'] },
  { memory: 'hugetlb', actors: ['fork-parent-write'] },
];

/** A page with a reference is unmapped when memory is short, a pinned one is not; the process then swaps in another. */
export const RECLAIM: readonly Environment[] = [{ memory: 'anon', actors: ['reclaim', 'store'] }];

/** A file whose dirty pages are tracked: what is not dirtied before the release may be dropped. */
export const WRITEBACK: readonly Environment[] = [{ memory: 'file', actors: ['writeback', 'reclaim'] }];

/** Memory that must not be held for as long as userspace likes, except by FOLL_LONGTERM, which moves it or refuses. */
export const USER_CONTROLLED: readonly Environment[] = [
  { memory: 'anon', actors: ['migrate'], zone: 'movable' },
  { memory: 'anon', actors: ['migrate'], zone: 'cma' },
  { memory: 'fsdax', actors: [] },
];

/** The process may unmap the buffer or exit while the driver holds the pages, between two of its entry points. */
export const GONE: readonly Environment[] = [
  { memory: 'anon', actors: ['munmap'] },
  { memory: 'anon', actors: ['exit'] },
];
