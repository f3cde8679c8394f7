/** What the rules know of the kernel's functions: their kind, their flags, and what to write in their place. */
import { FOLL } from '#engine/protocol/flags.ts';
import type { AcquireApi, ReleaseApi } from '#engine/protocol/steps.ts';
import { isSince } from '../../flow/kernel/presence.ts';
import type { PageSet } from '../../flow/state/state.ts';
import type { KernelVersion } from '../../syntax/preprocess/version.ts';

/** Releases that belong to pin_user_pages*(); all others belong to get_user_pages*() (mm/gup.c). */
export function isUnpin(api: ReleaseApi): boolean {
  return api.startsWith('unpin_');
}

/** Source name of a function called by the driver: `get_user_pages_fast()`. */
export function called(name: string | undefined): string {
  return `${name ?? 'the callee'}()`;
}

/** The pin form of a get function's name: `get_user_pages_fast` → `pin_user_pages_fast`. */
export function pinForm(name: string): string {
  if (name === 'get_user_page_fast_only' || name === 'get_user_pages_fast_only') return 'pin_user_pages_fast';
  if (name === '__get_user_pages_fast') return 'pin_user_pages_fast';
  if (name === 'get_user_page_vma_remote') return 'pin_user_pages_remote';
  if (name === 'get_user_pages_locked' || name === 'get_user_pages_longterm') return 'pin_user_pages';
  return name.replace(/^get_/, 'pin_');
}

/** The flags of an acquire where all of them are known. A truth value in their place says whether pages are written. */
export function knownFlags(set: PageSet, kernel: KernelVersion): number | undefined {
  if (set.flags.t !== 'int') return undefined;
  const isFlags = !set.form?.booleans && takesFlags(set.model.name, kernel);
  return isFlags ? set.flags.n : set.flags.n === 0 ? 0 : FOLL.WRITE;
}

/** Before 5.6 every driver holds what it lends to a device with get_user_pages*(): there is nothing else to write. */
export function hasNoPins(kernel: KernelVersion): boolean {
  return !isSince(kernel, '5.6');
}

/** What a message adds for a kernel that does not have the functions which it recommends. */
export function beforePins(kernel: KernelVersion): string {
  if (!hasNoPins(kernel)) return '';
  return ' Before 5.6 there are none: hold the pages no longer than the access takes, and mark them dirty.';
}

/** Until 4.8, and until 5.1 for the _fast functions, a truth value stands in the place of flags. */
export function takesFlags(name: string, kernel: KernelVersion): boolean {
  return isSince(kernel, name.includes('_fast') ? '5.2' : '4.9');
}

/**
 * What the acquiring functions return when they refuse their arguments (recorded on Linux 6.12; before: mm/gup.c):
 * pin_user_pages(), _remote() and _unlocked() return 0 since 6.3, all others -EINVAL.
 */
export function refusedResult(api: AcquireApi, kernel: KernelVersion): string {
  const returnsZero =
    api === 'pin_user_pages' || api === 'pin_user_pages_remote' || api === 'pin_user_pages_unlocked';
  return returnsZero && isSince(kernel, '6.3') ? '0' : '-EINVAL';
}
