/**
 * Pages that a function which fails leaves in a structure that lives on: whether anybody in the file releases them there.
 * What each function would do with them its run has shown.
 */
import type { Range } from '../../syntax/range.ts';
import type { RunObservation } from '../run/observation.ts';
import { concerns } from '../run/observation-key.ts';
import { assumedOf, type PathLink } from '../state/path.ts';
import { ALLOCATED } from '../state/places.ts';
import { NUMBER_KEPT, type PageSet, type State } from '../state/state.ts';
import type { Value } from '../state/value.ts';
import { type Held, structOfMembers } from './held.ts';
import type { StrandedObservation } from './observation.ts';
import type { ConsumerRun } from './pairs.ts';
import { isTemporary } from './temporary.ts';

/** The end of a path of an entry point that reports a failure, with pages in an object that lives on. */
export interface Failure {
  readonly held: Held;
  readonly range: Range;
  /** What it returns is not zero, which is all that is known of it. */
  readonly perhaps: boolean;
}

/** A function that fails, and what is known of those that could release what it leaves then. */
export interface FailureHost {
  readonly failures: readonly Failure[];
  /** What it leaves where it does not fail. */
  readonly left: readonly Held[];
  readonly returnsAddress: boolean;
  /** What the function itself does. */
  readonly own: readonly RunObservation[];
  /** Functions that may find what it has left. */
  readonly consumers: readonly string[];
  readonly consume: (fn: string, held: Held) => ConsumerRun;
  /** Whether a function, or one that it calls in the file, releases pages of any kind. */
  readonly canRelease: (name: string) => boolean;
  /** Whether a function of the file releases pages of which no run tells whether it finds these. */
  readonly others: () => boolean;
  /** Only the file knows the struct. */
  readonly isPrivate: (struct: string) => boolean;
}

/** Whether a path ends with an error: a negative number, or something that was found to be one. */
export function isFailure(st: State, returns: Value | undefined): boolean {
  if (returns?.t === 'int') return returns.n < 0;
  return returns?.t === 'sym' && assumedOf(st.path, `(${returns.key}<0)`) === true;
}

/** Sets that are certainly held as they were acquired, and that nobody else has taken over. */
export function surelyHeld(held: Held, isOurs: (set: PageSet) => boolean = isUnclaimed): PageSet[] {
  return held.sets.filter((s) => (isUnclaimed(s) || isOurs(s)) && isAsAcquired(s));
}

/** Whether all pages are certainly held that the acquire gave. */
export function isAsAcquired({ guessed, slots }: PageSet): boolean {
  return !guessed && slots.includes('held') && slots.every((slot) => slot === 'held' || slot === 'empty');
}

/** Nobody has been given the pages who could release them. */
function isUnclaimed({ escaped }: PageSet): boolean {
  return escaped === undefined || escaped === NUMBER_KEPT;
}

/** A bio or an skb has the pages: whoever ends it releases them, and every bio is ended. */
function isInTransfer({ device }: PageSet): boolean {
  return device?.way === 'bio' || device?.way === 'skb';
}

/** The function itself releases such pages after it has given them to the same callee: that does not keep them. */
function isGivenBack(set: PageSet, own: readonly RunObservation[]): boolean {
  return own.some(
    (o) => o.what === 'release' && o.set.call.start === set.call.start && o.set.escaped === set.escaped,
  );
}

/**
 * A condition that only asks what an object is like: `obj->pinned`, `obj->count == 0`, `!list_empty(&obj->list)`,
 * `IS_USER_MEMORY(obj->type)`.
 */
const ASKS_STATE =
  /^!?\w+(?:->|\.)[\w.\->]+(?:\s*[!=<>]=?\s*\w+)?$|^!?\w*(?:empty|is_|has_|test_bit|valid|present|mapped|pinned|active)\w*\(|^!?(?!IS_ERR)[A-Z][A-Z0-9_]*\(\w+(?:->|\.)[\w.\->]+\)$/;

/** Such conditions of a path since it acquired a set, and their outcomes. */
function stateTests(path: PathLink | undefined, set: string): Map<string, boolean> {
  const found = new Map<string, boolean>();
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if ('holds' in event) {
      if (ASKS_STATE.test(event.text)) found.set(event.text, event.holds);
    } else if (event.acquired !== undefined && event.set === set) break;
  }
  return found;
}

/** What the object says of itself decides whether the function releases the pages; what is true of it is not known. */
function isDecidedByState(failure: Held, set: PageSet, own: readonly RunObservation[]): boolean {
  const here = stateTests(failure.path, set.id);
  if (here.size === 0) return false;
  return own.some(
    (o) =>
      o.what === 'release' &&
      o.set.call.start === set.call.start &&
      [...stateTests(o.path, o.set.id)].some(([text, holds]) => here.get(text) === !holds),
  );
}

/** The path releases other pages of the same call afterwards: which of them it meant is not told apart. */
function releasesOthers({ path }: Held, { id }: PageSet): boolean {
  const site = id.slice(0, id.lastIndexOf('.') + 1);
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if (!('step' in event)) continue;
    if (event.acquired !== undefined && event.set === id) return false;
    if (event.step.op === 'release' && event.set?.startsWith(site) === true) return true;
  }
  return false;
}

/** Whether a run has released pages of a set, or may have done so. */
function isReleasedIn(
  { held, observations, cut, name }: ConsumerRun,
  set: PageSet,
  { canRelease }: Pick<FailureHost, 'canRelease'>,
): boolean {
  if (!held.sets.includes(set)) return false;
  const own = new Set([set.id]);
  if (observations.some((o) => o.what === 'release' && concerns(o, own))) return true;
  // What the function that left them does when it runs again says nothing of those that are there.
  if (name === held.producer || !canRelease(name)) return false;
  return cut || observations.some((o) => o.what === 'exit' && concerns(o, own) && isDoubted(o.set, set));
}

function isDoubted({ slots }: PageSet, before: PageSet): boolean {
  return slots.join() !== before.slots.join();
}

/** Whether a run hands the pages to somebody who is not seen. */
function isHandedOn({ observations, held }: ConsumerRun, { id }: PageSet): boolean {
  return observations.some(
    (o) => o.what === 'exit' && o.within !== held.producer && o.set.id === id && !isUnclaimed(o.set),
  );
}

/**
 * Pages that a function which fails leaves in a structure, where nothing that the file does to the structure releases
 * them in that state, although the file releases them otherwise: the function itself on another path, or one that runs
 * after it has not failed.
 */
export function strandedBy(host: FailureHost): StrandedObservation[] {
  const { left, own, consumers, consume } = host;
  let later: readonly ConsumerRun[] | undefined;
  const isUndone = (releases: (o: RunObservation) => boolean): boolean => {
    later ??= left.flatMap((held) => consumers.map((fn) => consume(fn, held)));
    return later.some(({ observations }) => observations.some(releases));
  };
  return host.failures.flatMap(({ held, range, perhaps }) => {
    // What stands in lists is undone by loops over them, whose rounds are not told apart.
    if (held.objects.some(({ place }) => place.startsWith(`@${ALLOCATED}`))) return [];
    const sets = surelyHeld(held, (set) => isGivenBack(set, own)).filter((s) => !isInTransfer(s));
    const runs = sets.length === 0 ? [] : consumers.map((fn) => consume(fn, held));
    const { members, structs } = structOfMembers(held);
    const isPrivate = structs.length > 0 && structs.every(host.isPrivate);
    return sets.flatMap((set): StrandedObservation[] => {
      if (runs.some((run) => isReleasedIn(run, set, host))) return [];
      if (releasesOthers(held, set) || isDecidedByState(held, set, own)) return [];
      const releases = (o: RunObservation): boolean =>
        o.what === 'release' && o.set.call.start === set.call.start;
      const temporary = !host.returnsAddress && isTemporary(own, set);
      if (perhaps && !temporary) return [];
      const undone = isUndone(releases);
      const nobody = isPrivate && !host.others() && !runs.some((run) => isHandedOn(run, set));
      if (!undone && !nobody && !own.some(releases)) return [];
      const { path, producer: within } = held;
      const sure = !perhaps && (undone || isPrivate);
      return [{ what: 'stranded', set, path, range, within, members, sure, temporary }];
    });
  });
}
