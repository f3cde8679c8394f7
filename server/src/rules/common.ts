/** What several rules need. */
import { FOLL } from '#engine/protocol/flags.ts';
import type { ReleaseApi } from '#engine/protocol/steps.ts';
import type { CallObservation } from '../flow/facts/observation.ts';
import type { FunctionFlow } from '../flow/file.ts';
import { isSince } from '../flow/kernel/presence.ts';
import type {
  AccessObservation,
  AcquireObservation,
  DirtyObservation,
  ExitObservation,
  ReleaseObservation,
} from '../flow/run/observation.ts';
import { type PathLink, type ProtocolEvent, witnessOf } from '../flow/state/path.ts';
import type { PageSet } from '../flow/state/state.ts';
import type { KernelVersion } from '../syntax/preprocess/version.ts';
import type { Range } from '../syntax/range.ts';
import type { Finding, RelatedPlace } from './finding.ts';

/** Releases that belong to pin_user_pages*(); all others belong to get_user_pages*() (mm/gup.c). */
export function isUnpin(api: ReleaseApi): boolean {
  return api.startsWith('unpin_');
}

export function acquires(flow: FunctionFlow): AcquireObservation[] {
  return flow.observations.filter((o) => o.what === 'acquire');
}

export function releases(flow: FunctionFlow): ReleaseObservation[] {
  return flow.observations.filter((o) => o.what === 'release');
}

export function exits(flow: FunctionFlow): ExitObservation[] {
  return flow.observations.filter((o) => o.what === 'exit');
}

export function accesses(flow: FunctionFlow): AccessObservation[] {
  return flow.observations.filter((o) => o.what === 'access');
}

export function dirtyings(flow: FunctionFlow): DirtyObservation[] {
  return flow.observations.filter((o) => o.what === 'dirty');
}

/** Calls around page pinning as the text has them, on whatever path; each has a name. */
export function callsByName(flow: FunctionFlow): CallObservation[] {
  return flow.observations.filter((o) => o.what === 'call');
}

/** `range` of anything that has one. */
export function rangeOf(at: Range): Range {
  return { start: at.start, end: at.end };
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

/** A finding about a call's arguments: the call is the evidence, its witness is the call alone. */
export function argumentFinding(
  code: string,
  o: AcquireObservation,
  flags: number,
  message: string,
): Finding {
  const range = rangeOf(o.call);
  const nr = Math.min(o.nr, 2);
  return {
    code,
    certainty: 'certain',
    message,
    range,
    function: o.within,
    api: o.model.name,
    site: { function: o.within, range },
    related: [],
    witness: {
      steps: [
        {
          step: {
            op: 'acquire',
            api: o.model.api,
            flags,
            nr,
            set: 0,
            ...(o.nullPages ? { nullPages: true } : {}),
          },
          range,
          text: `${o.model.name}()`,
        },
      ],
      assumed: [],
    },
  };
}

/** The last access of a mode on a path, with its place. */
export function lastAccess(
  path: PathLink | undefined,
  set: string,
  mode: 'read' | 'write',
): ProtocolEvent | undefined {
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if ('step' in event && event.set === set && event.step.op === 'access' && event.step.mode === mode)
      return event;
  }
  return undefined;
}

/** The last release on a path, with its place. */
export function lastRelease(path: PathLink | undefined, set: string): ProtocolEvent | undefined {
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if ('step' in event && event.set === set && event.step.op === 'release') return event;
  }
  return undefined;
}

/** Whether what is touched has certainly been released before. */
export function isReleased(o: { readonly set: PageSet; readonly slot: number | null }): boolean {
  const { set, slot } = o;
  if (set.guessed || set.escaped !== undefined) return false;
  return slot === null ? set.slots.every((s) => s === 'released') : set.slots[slot] === 'released';
}

/** The flags of an acquire where all of them are known. A truth value in their place says whether pages are written. */
export function knownFlags(set: PageSet, kernel: KernelVersion): number | undefined {
  if (set.flags.t !== 'int') return undefined;
  const isFlags = !set.form?.booleans && takesFlags(set.model.name, kernel);
  return isFlags ? set.flags.n : set.flags.n === 0 ? 0 : FOLL.WRITE;
}

/** What a message adds for a kernel that does not have the functions which it recommends. */
export function beforePins(kernel: KernelVersion): string {
  if (isSince(kernel, '5.6')) return '';
  return ' Before 5.6 there are none: hold the pages no longer than the access takes, and mark them dirty.';
}

/** Until 4.8, and until 5.1 for the _fast functions, a truth value stands in the place of flags. */
export function takesFlags(name: string, kernel: KernelVersion): boolean {
  return isSince(kernel, name.includes('_fast') ? '5.2' : '4.9');
}

/** A finding about what becomes of a page set, with the path that shows it. */
export function pathFinding(
  code: string,
  o: { readonly set: PageSet; readonly path: PathLink | undefined },
  at: { readonly range: Range; readonly function: string },
  message: string,
  related: readonly RelatedPlace[],
): Finding {
  const { set } = o;
  return {
    code,
    certainty: 'certain',
    message,
    range: at.range,
    function: at.function,
    api: set.model.name,
    site: { function: set.within, range: rangeOf(set.call) },
    related,
    witness: witnessOf(o.path, set.id, at.function),
  };
}

/** Of a path through several entry points, the last of them. */
function lastEntryPoint(path: PathLink | undefined): string | undefined {
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if ('step' in event && event.step.op === 'later') return event.within;
  }
  return undefined;
}

/**
 * Whether the entry point that releases pages by the wrong function also releases them by the right one, on another path:
 * then the object may know which of the two belongs to its pages, in a way that is not seen.
 */
function hasChoice(flow: FunctionFlow, o: ReleaseObservation): boolean {
  if (isChosenByMember(flow, o)) return true;
  const consumer = flow.pair === undefined ? undefined : lastEntryPoint(o.path);
  if (consumer === undefined) return false;
  return releases(flow).some(
    (other) =>
      other.set.call.start === o.set.call.start &&
      isUnpin(other.effect.api) === (o.set.kind === 'pin') &&
      lastEntryPoint(other.path) === consumer,
  );
}

const ALLOCATES_PAGES = /\b(?:__)?alloc_pages?(?:_\w+)?\s*\(/;

/**
 * Another entry point frees what it finds in an object, and the driver also has objects whose pages it allocated: this
 * may be the way of those.
 */
export function freesItsOwn(flow: FunctionFlow, o: ReleaseObservation, text: string): boolean {
  return flow.pair !== undefined && o.effect.api === '__free_page' && ALLOCATES_PAGES.test(text);
}

/** Members that by their name tell how pages were acquired, as the last word of a condition. */
const TELLS_KIND = /(?:->|\.)\w*(?:pin|gup|got|get|ref|kind|type|mode|user|own)\w*$/i;

/**
 * Whether a member of the object, which the function found as it is, leads here on this path and to the right function
 * on another: it tells what the object holds, and who set it is not seen.
 */
function isChosenByMember(flow: FunctionFlow, o: ReleaseObservation): boolean {
  const here = memberTests(o.path);
  if (here.size === 0) return false;
  const unpins = isUnpin(o.effect.api);
  if ([...here].some(([text, holds]) => /pin\w*$/i.test(text) && holds === unpins)) return true;
  return releases(flow).some(
    (other) =>
      other.set.call.start === o.set.call.start &&
      isUnpin(other.effect.api) === (o.set.kind === 'pin') &&
      [...memberTests(other.path)].some(([text, holds]) => here.get(text) === !holds),
  );
}

/** What a path has assumed of such members. */
function memberTests(path: PathLink | undefined): Map<string, boolean> {
  const found = new Map<string, boolean>();
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if ('holds' in event && TELLS_KIND.test(event.text)) found.set(event.text, event.holds);
  }
  return found;
}

/** Wrong releases, one for each acquiring and releasing call: if there is one, by an entry point that has no choice. */
export function surestFirst(
  flow: FunctionFlow,
  wrong: readonly ReleaseObservation[],
): { readonly o: ReleaseObservation; readonly choice: boolean }[] {
  const all = wrong.map((o) => ({ o, choice: hasChoice(flow, o) }));
  const sorted = [...all.filter(({ choice }) => !choice), ...all.filter(({ choice }) => choice)];
  return firstPerKey(sorted, ({ o }) => `${o.set.call.start}|${o.call.start}`);
}

/** The first item for each key, in order. */
export function firstPerKey<T>(items: readonly T[], key: (item: T) => string): T[] {
  const seen = new Map<string, T>();
  for (const item of items) if (!seen.has(key(item))) seen.set(key(item), item);
  return [...seen.values()];
}
