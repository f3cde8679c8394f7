/** Memory kinds, kernel actors, results and properties in words. */
import type { ActorKind, MemoryKind } from '#engine/protocol/scenario.ts';
import type { PropertyName } from '#engine/protocol/trace.ts';
import type { Environment } from '../rules/rule.ts';

const MEMORY: Readonly<Record<MemoryKind, string>> = {
  anon: 'private anonymous memory',
  thp: 'a transparent huge page',
  hugetlb: 'a hugetlb page',
  file: 'a shared mapping of a file whose dirty pages are tracked (ext4)',
  'file-private': 'a private file mapping',
  shmem: 'shared tmpfs memory',
  fsdax: 'a shared DAX file',
  zero: 'anonymous memory that was only read (the zero page)',
};

const ACTOR: Readonly<Record<ActorKind, string>> = {
  'fork-parent-write': 'the process forks and then writes to the buffer',
  'fork-child-write': 'the process forks and the child writes to the buffer',
  store: 'the process writes to the buffer',
  writeback: 'writeback cleans the page',
  reclaim: 'reclaim takes the page',
  munmap: 'the process unmaps the buffer',
  truncate: 'the file is truncated',
  migrate: 'the page is migrated',
  ksm: 'KSM merges the page',
  exit: 'the process exits',
};

/** What breaks, as a clause. */
const PROPERTY: Readonly<Record<PropertyName, string>> = {
  'lost-write': 'bytes that the driver wrote are lost',
  'stale-read': 'the driver reads bytes that the process no longer sees',
  'child-sees-write': 'a forked child sees what the driver writes for its parent',
  'unbalanced-references': 'references or pins remain for ever',
  'kernel-warning': 'the kernel prints a warning',
  'refcount-underflow': 'the reference count drops below what others hold',
  'use-after-release': 'a page is used after its release',
  'unfilled-slot': 'a slot of the pages array is used that was never filled',
  'blocked-migration': 'movable memory is blocked for as long as userspace likes',
  'refused-arguments': 'the kernel refuses the call',
  'dirtied-behind-filesystem': 'a page is dirtied without the file system knowing',
};

export function memoryInWords(kind: MemoryKind): string {
  return MEMORY[kind];
}

export function actorInWords(kind: ActorKind): string {
  return ACTOR[kind];
}

export function propertyInWords(name: PropertyName): string {
  return PROPERTY[name];
}

/** `private anonymous memory, while the process forks and then writes to the buffer`. */
export function environmentInWords({ memory, zone, actors }: Environment): string {
  const where = zone === undefined ? MEMORY[memory] : `${MEMORY[memory]} in ${ZONE[zone]}`;
  return actors.length === 0 ? where : `${where}, while ${actors.map(actorInWords).join(' and ')}`;
}

const ZONE = { movable: 'ZONE_MOVABLE', cma: 'a CMA area' } as const;

/** Names of the error numbers that page pinning returns (include/uapi/asm-generic/errno-base.h). */
const ERRNO: Readonly<Record<number, string>> = {
  4: 'EINTR',
  11: 'EAGAIN',
  12: 'ENOMEM',
  14: 'EFAULT',
  16: 'EBUSY',
  22: 'EINVAL',
  75: 'EOVERFLOW',
  95: 'EOPNOTSUPP',
};

/** `2`, or `-EFAULT`: errors by name. */
export function resultText(value: number): string {
  const name = ERRNO[-value];
  return value < 0 && name !== undefined ? `-${name}` : String(value);
}
