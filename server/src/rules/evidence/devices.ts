/** What the rules about devices share. */
import { FOLL } from '#engine/protocol/flags.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import type { FunctionFlow } from '../../flow/file.ts';
import type { DeviceWay } from '../../flow/kernel/devices.ts';
import type { DeviceObservation } from '../../flow/run/observation.ts';
import type { PathLink, ProtocolEvent } from '../../flow/state/path.ts';
import type { RuleContext } from '../rule.ts';
import { pinApi, unpinApi } from './forms.ts';

export function deviceEvents(flow: FunctionFlow): DeviceObservation[] {
  return flow.observations.filter((o) => o.what === 'device');
}

/** None of the pages that are given away is held any more. */
export function givenLate({ event, set, slot }: DeviceObservation): boolean {
  if (event === 'unmapped') return false;
  if (slot !== null) return set.slots[slot] === 'released';
  return set.slots.includes('released') && set.slots.every((s) => s === 'released' || s === 'empty');
}

/** Who gets to the pages, in words. */
export const WHO: Readonly<Record<DeviceWay, string>> = {
  dma: 'a device',
  iommu: 'a device, through the IOMMU,',
  bio: 'block I/O',
  skb: 'the network device',
  list: 'I/O, through a scatterlist,',
  hypervisor: 'the hypervisor',
};

/** The first time on a path that pages of a set are mapped for a device. */
export function firstMapping(path: PathLink | undefined, set: string): ProtocolEvent | undefined {
  let found: ProtocolEvent | undefined;
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if ('step' in event && event.set === set && event.step.op === 'dma-map') found = event;
  }
  return found;
}

/**
 * An MMU notifier for user memory is registered or asked in the file: it may keep what the device sees coherent with the page
 * tables, and then neither flag is needed (document, CASE 3).
 */
export function registersNotifier({ mentions }: RuleContext): boolean {
  return mentions(REGISTERS_NOTIFIER);
}

const REGISTERS_NOTIFIER =
  /\b(mmu_interval_notifier_insert(_locked)?|mmu_interval_read_(begin|retry)|mmu_notifier_(register|get)|__mmu_notifier_register|hmm_range_fault|hmm_mirror_register)\s*\(/;

/** A path that only puts the pages into a list, with the I/O on that list: right after the acquire. */
export function withTransfer(steps: readonly DriverStep[]): DriverStep[] {
  const at = steps.findIndex((s) => s.op === 'acquire');
  const acquire = steps[at];
  if (acquire?.op !== 'acquire' || steps.some((s) => s.op === 'dma-map')) return [...steps];
  const slots = { set: acquire.set, from: 0, count: acquire.expect ?? acquire.nr };
  const direction = (acquire.flags & FOLL.WRITE) !== 0 ? 'from-device' : 'to-device';
  const transfer: DriverStep[] = [
    { op: 'dma-map', direction, ...slots },
    { op: 'dma-unmap', ...slots },
  ];
  return [...steps.slice(0, at + 1), ...transfer, ...steps.slice(at + 1)];
}

/** Ends the path as a driver would: what devices still have is unmapped, then what is held is released. */
export function transferEnds(steps: readonly DriverStep[]): DriverStep[] {
  const acquire = steps.find((s) => s.op === 'acquire');
  if (acquire === undefined) return [...steps];
  const slots = Array.from({ length: Math.max(0, acquire.expect ?? acquire.nr) }, (_, i) => i);
  const mapped = new Set<number>();
  const held = new Set(slots);
  for (const s of steps) {
    if (s.op !== 'dma-map' && s.op !== 'dma-unmap' && s.op !== 'release') continue;
    for (let i = s.from; i < s.from + s.count; i++) {
      if (s.op === 'dma-map') mapped.add(i);
      if (s.op === 'dma-unmap') mapped.delete(i);
      if (s.op === 'release') held.delete(i);
    }
  }
  const { set } = acquire;
  const api = acquire.api.startsWith('pin_') ? 'unpin_user_page' : 'put_page';
  const rest = [
    ...slots
      .filter((i) => mapped.has(i))
      .map((from): DriverStep => ({ op: 'dma-unmap', set, from, count: 1 })),
    ...slots
      .filter((i) => held.has(i))
      .map((from): DriverStep => ({ op: 'release', api, set, from, count: 1 })),
  ];
  const end = steps.findIndex((s) => s.op === 'return');
  return end < 0 ? [...steps, ...rest] : [...steps.slice(0, end), ...rest, ...steps.slice(end)];
}

/** The same path with pins, released as dirty where a device may have written. `flags` are added to the acquire. */
export function pinnedForDevice(steps: readonly DriverStep[], flags: number): DriverStep[] {
  const writes = steps.some(
    (s) => (s.op === 'dma-map' && s.direction !== 'to-device') || (s.op === 'access' && s.mode === 'write'),
  );
  return steps.flatMap((s): DriverStep[] => {
    if (s.op === 'acquire') return [{ ...s, api: pinApi(s.api), flags: (s.flags & ~FOLL.GET) | flags }];
    if (s.op === 'dirty') return [];
    if (s.op !== 'release') return [s];
    if (!writes) return [{ ...s, api: unpinApi(s.api) }];
    return [{ ...s, api: 'unpin_user_pages_dirty_lock', makeDirty: true }];
  });
}
