/** What the acquiring functions return when they refuse their arguments (recorded on Linux 6.12; before: mm/gup.c). */
import type { AcquireApi } from '#engine/protocol/steps.ts';
import { isSince } from '../flow/kernel/presence.ts';
import type { KernelVersion } from '../syntax/preprocess/version.ts';

/** pin_user_pages(), _remote() and _unlocked() return 0 since 6.3; all others return -EINVAL. */
export function refusedResult(api: AcquireApi, kernel: KernelVersion): string {
  const returnsZero =
    api === 'pin_user_pages' || api === 'pin_user_pages_remote' || api === 'pin_user_pages_unlocked';
  return returnsZero && isSince(kernel, '6.3') ? '0' : '-EINVAL';
}
