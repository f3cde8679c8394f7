/** Short spellings of scenario parts for tests. */
import { FOLL } from '#engine/protocol/flags.ts';
import type { ActorKind, Memory, MemoryKind, Scenario } from '#engine/protocol/scenario.ts';
import type { AcquireApi, DmaDirection, DriverStep, ReleaseApi } from '#engine/protocol/steps.ts';

export function memory(kind: MemoryKind, extra: Partial<Memory> = {}): Memory {
  return { kind, pages: 1, mapped: 1, writable: true, ...extra };
}

export function acquire(
  api: AcquireApi,
  flags: number = FOLL.WRITE,
  extra: { nr?: number; set?: number; expect?: number; nullPages?: boolean; page?: number } = {},
): DriverStep {
  return { op: 'acquire', api, flags, nr: 1, set: 0, ...extra };
}

export const get = (flags?: number): DriverStep => acquire('get_user_pages_fast', flags);
export const pin = (flags?: number): DriverStep => acquire('pin_user_pages_fast', flags);

export function write(from = 0, count = 1, set = 0): DriverStep {
  return { op: 'access', mode: 'write', set, from, count };
}
export function read(from = 0, count = 1, set = 0): DriverStep {
  return { op: 'access', mode: 'read', set, from, count };
}
export function dirty(locked = true): DriverStep {
  return { op: 'dirty', locked, set: 0, from: 0, count: 1 };
}
export function release(
  api: ReleaseApi,
  count = 1,
  extra: { from?: number; set?: number; makeDirty?: boolean } = {},
): DriverStep {
  return { op: 'release', api, set: 0, from: 0, count, ...extra };
}
export const put = (count = 1): DriverStep => release('put_page', count);
export const unpin = (count = 1): DriverStep => release('unpin_user_pages', count);
export const unpinDirty = (count = 1): DriverStep =>
  release('unpin_user_pages_dirty_lock', count, { makeDirty: true });
export function dmaMap(direction: DmaDirection): DriverStep {
  return { op: 'dma-map', direction, set: 0, from: 0, count: 1 };
}
export const dmaUnmap: DriverStep = { op: 'dma-unmap', set: 0, from: 0, count: 1 };
export const lock: DriverStep = { op: 'mmap-lock' };
export const unlock: DriverStep = { op: 'mmap-unlock' };
export const later: DriverStep = { op: 'later' };

export function scenario(mem: Memory, driver: readonly DriverStep[], ...actors: ActorKind[]): Scenario {
  return { memory: mem, driver, actors };
}
