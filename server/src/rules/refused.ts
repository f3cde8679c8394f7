/** What the acquiring functions return when is_valid_gup_args() refuses their arguments (recorded on Linux 6.12). */
import type { AcquireApi } from '#engine/protocol/steps.ts';

/** pin_user_pages(), _remote() and _unlocked() return 0 since 6.3; all others return -EINVAL. */
export function refusedResult(api: AcquireApi): string {
  const returnsZero =
    api === 'pin_user_pages' || api === 'pin_user_pages_remote' || api === 'pin_user_pages_unlocked';
  return returnsZero ? '0' : '-EINVAL';
}
