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

/** Adds the release of everything that the acquire got, before the path ends. */
export function released(steps: readonly DriverStep[]): DriverStep[] {
  const acquire = steps.find((s) => s.op === 'acquire');
  if (acquire === undefined || acquire.op !== 'acquire') return [...steps];
  const got = acquire.expect ?? acquire.nr;
  const held = Array.from({ length: Math.max(0, got) }, () => true);
  for (const s of steps)
    if (s.op === 'release') held.fill(false, Math.max(0, s.from), Math.max(0, s.from + s.count));
  const api: ReleaseApi = acquire.api.startsWith('pin_') ? 'unpin_user_page' : 'put_page';
  const missing = held.flatMap((h, i): DriverStep[] =>
    h ? [{ op: 'release', api, set: acquire.set, from: i, count: 1 }] : [],
  );
  return [...steps, ...missing];
}
