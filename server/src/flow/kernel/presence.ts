/** Whether the target kernel has something. */

import {
  compareKernelVersions,
  type KernelVersion,
  parseKernelVersion,
} from '../../syntax/preprocess/version.ts';
import type { Life } from './history.ts';

/** `unsure`: gone between the last release that is known to have it and the first that is known not to. */
export type Presence = 'present' | 'gone' | 'not-yet' | 'unsure';

export function presenceOf(life: Life, kernel: KernelVersion): Presence {
  const order = (text: string): number =>
    compareKernelVersions({ ...kernel, patch: 0 }, parseKernelVersion(text)!);
  if (life.since !== undefined && order(life.since) < 0) return 'not-yet';
  if (life.after !== undefined && order(life.after) <= 0) return 'not-yet';
  if (life.until !== undefined && order(life.until) > 0) return 'gone';
  if (life.goneBy !== undefined) return order(life.goneBy) >= 0 ? 'gone' : 'unsure';
  return 'present';
}

/** Whether `kernel` is the release `text` or a later one. */
export function isSince(kernel: KernelVersion, text: string): boolean {
  return presenceOf({ since: text }, kernel) === 'present';
}
