/** The document's form of a path: the same steps with the kind of reference, the release or the dirtying put right. */
import { FOLL } from '#engine/protocol/flags.ts';
import type { AcquireApi, DriverStep, ReleaseApi, ReleaseStep } from '#engine/protocol/steps.ts';

/** The pin function that takes the place of a get function. */
export function pinApi(api: AcquireApi): AcquireApi {
  switch (api) {
    case 'get_user_pages':
      return 'pin_user_pages';
    case 'get_user_pages_fast':
    case 'get_user_pages_fast_only':
      return 'pin_user_pages_fast';
    case 'get_user_pages_remote':
      return 'pin_user_pages_remote';
    case 'get_user_pages_unlocked':
      return 'pin_user_pages_unlocked';
    case 'iov_iter_get_pages2':
      return 'iov_iter_extract_pages';
    default:
      return api;
  }
}

/** The release that belongs to a pin. */
export function unpinApi(api: ReleaseApi): ReleaseApi {
  switch (api) {
    case 'put_page':
    case 'folio_put':
    case '__free_page':
      return 'unpin_user_page';
    case 'release_pages':
      return 'unpin_user_pages';
    default:
      return api;
  }
}

/** The release that belongs to a get. */
export function putApi(api: ReleaseApi): ReleaseApi {
  switch (api) {
    case 'unpin_user_page':
    case 'unpin_user_folio':
    case 'unpin_folio':
    case 'unpin_user_page_range_dirty_lock':
    case '__free_page':
      return 'put_page';
    case 'unpin_user_pages':
    case 'unpin_user_pages_dirty_lock':
    case 'unpin_folios':
      return 'release_pages';
    default:
      return api;
  }
}

/** Whether an acquiring function takes pins. */
function isPinApi(api: AcquireApi): boolean {
  return api.startsWith('pin_') || api === 'iov_iter_extract_pages' || api === 'memfd_pin_folios';
}

/** Replaces the release functions of a path. */
export function withReleases(
  steps: readonly DriverStep[],
  api: (api: ReleaseApi) => ReleaseApi,
): DriverStep[] {
  return steps.map((s) => (s.op === 'release' ? { ...s, api: api(s.api) } : s));
}

/** CASE 5 done right: pin, write, unpin with the pages marked dirty. */
export function pinned(steps: readonly DriverStep[], flags = 0): DriverStep[] {
  return steps.map((s) => {
    if (s.op === 'acquire') return { ...s, api: pinApi(s.api), flags: (s.flags & ~FOLL.GET) | flags };
    if (s.op !== 'release') return s;
    const { id, ...rest } = s;
    const dirty: ReleaseStep = { ...rest, api: 'unpin_user_pages_dirty_lock', makeDirty: true };
    return id === undefined ? dirty : { ...dirty, id };
  });
}

/** Slots that the acquire of a path filled and no step releases. */
function unreleased(steps: readonly DriverStep[]): { set: number; slots: number[]; pin: boolean } {
  const acquire = steps.find((s) => s.op === 'acquire');
  if (acquire === undefined) return { set: 0, slots: [], pin: false };
  const held = Array.from({ length: Math.max(0, acquire.expect ?? acquire.nr) }, () => true);
  for (const s of steps) {
    if (s.op === 'release') held.fill(false, Math.max(0, s.from), Math.max(0, s.from + s.count));
  }
  const slots = held.flatMap((h, i) => (h ? [i] : []));
  return { set: acquire.set, slots, pin: isPinApi(acquire.api) };
}

function before(steps: readonly DriverStep[], more: readonly DriverStep[]): DriverStep[] {
  const end = steps.findIndex((s) => s.op === 'return');
  return end < 0 ? [...steps, ...more] : [...steps.slice(0, end), ...more, ...steps.slice(end)];
}

/** Releases what is still held by the function that belongs to the acquire, before the path ends. */
export function released(steps: readonly DriverStep[]): DriverStep[] {
  const { set, slots, pin } = unreleased(steps);
  const api: ReleaseApi = pin ? 'unpin_user_page' : 'put_page';
  return before(
    steps,
    slots.map((from): DriverStep => ({ op: 'release', api, set, from, count: 1 })),
  );
}

/** Goes on as the last release of the path does, until nothing is held; where it has none, with the right release. */
export function releasedAlike(steps: readonly DriverStep[]): DriverStep[] {
  const last = steps.findLast((s) => s.op === 'release');
  if (last === undefined) return released(steps);
  const { slots } = unreleased(steps);
  return before(
    steps,
    slots.map((from): DriverStep => ({ ...last, from, count: 1 })),
  );
}

/** CASE 2 done right: pinned with FOLL_LONGTERM, dirtied before the release. */
export function longtermPinned(steps: readonly DriverStep[]): DriverStep[] {
  return pinned(steps, FOLL.LONGTERM);
}

/** FOLL_LONGTERM added to the pin, the rest as it is. */
export function longterm(steps: readonly DriverStep[]): DriverStep[] {
  return steps.map((s) => (s.op === 'acquire' ? { ...s, flags: s.flags | FOLL.LONGTERM } : s));
}
