/** What a device has to do with the pages of a set. */
import type { DmaDirection } from '#engine/protocol/steps.ts';
import type { DeviceWay } from '../kernel/devices.ts';

/** `maybe`: a mapping that is not told apart ended, or a callee that is not seen may have ended it. */
export type DeviceSlot = 'none' | 'open' | 'closed' | 'maybe';

export interface DeviceUse {
  readonly way: DeviceWay;
  /** Undefined where it is not known. */
  readonly direction: DmaDirection | undefined;
  readonly slots: readonly DeviceSlot[];
  /** A wait for the device ended before the device was done. */
  readonly interrupted: boolean;
  /** The device was waited for, and was done. */
  readonly awaited?: boolean;
}

/** Part of a page set's identity. */
export function deviceKey(d: DeviceUse | undefined): string {
  if (d === undefined) return '';
  return `${d.way}${d.direction ?? ''}${d.slots.join()}${d.interrupted ? '!' : ''}${d.awaited ? '.' : ''}`;
}
