/**
 * Releases that do not fit what was acquired, seen in a helper that was run by itself: its callers may know that these
 * pages never come there.
 */
import type { ReleaseObservation, RunObservation } from '../run/observation.ts';
import type { ConsumerRun } from './pairs.ts';

/** A pinned page that is put, or the other way round. */
export function isMismatch(o: RunObservation): o is ReleaseObservation {
  return o.what === 'release' && o.effect.api.startsWith('unpin_') !== (o.set.kind === 'pin');
}

/** How many callers of a helper are asked. */
const MAX_ASKED = 4;

/**
 * The run of a consumer without such releases as its callers never come to. `callers` are all functions that call it, or
 * none where it may be called from elsewhere; `run` runs one of them on the same pages. Only callers that release the
 * pages in another way are believed.
 */
export function asCalled(
  own: ConsumerRun,
  callers: () => readonly string[],
  run: (name: string) => ConsumerRun,
): ConsumerRun {
  if (!own.observations.some(isMismatch)) return own;
  const names = callers();
  if (names.length === 0 || names.length > MAX_ASKED) return own;
  const asked = names.map(run);
  const seen = asked.flatMap((each) => each.observations).filter((o) => o.what === 'release');
  if (asked.some((each) => each.cut) || !seen.some((o) => !isMismatch(o))) return own;
  const reached = new Set(seen.map((o) => o.call.start));
  const observations = own.observations.filter((o) => !isMismatch(o) || reached.has(o.call.start));
  return { ...own, observations };
}
