/** Whether who releases pages by the wrong function may know better than the file shows. */
import type { FunctionFlow } from '../../flow/file.ts';
import type { ReleaseObservation } from '../../flow/run/observation.ts';
import type { PathLink } from '../../flow/state/path.ts';
import { isUnpin } from './apis.ts';
import { firstPerKey } from './findings.ts';
import { releases } from './observations.ts';

/** Wrong releases, one for each acquiring and releasing call: if there is one, by an entry point that has no choice. */
export function surestFirst(
  flow: FunctionFlow,
  wrong: readonly ReleaseObservation[],
): { readonly o: ReleaseObservation; readonly choice: boolean }[] {
  const all = wrong.map((o) => ({ o, choice: hasChoice(flow, o) }));
  const sorted = [...all.filter(({ choice }) => !choice), ...all.filter(({ choice }) => choice)];
  return firstPerKey(sorted, ({ o }) => `${o.set.call.start}|${o.call.start}`);
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

/** Of a path through several entry points, the last of them. */
function lastEntryPoint(path: PathLink | undefined): string | undefined {
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if ('step' in event && event.step.op === 'later') return event.within;
  }
  return undefined;
}

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

/** Members that by their name tell how pages were acquired, as the last word of a condition. */
const TELLS_KIND = /(?:->|\.)\w*(?:pin|gup|got|get|ref|kind|type|mode|user|own)\w*$/i;

/** What a path has assumed of such members. */
function memberTests(path: PathLink | undefined): Map<string, boolean> {
  const found = new Map<string, boolean>();
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if ('holds' in event && TELLS_KIND.test(event.text)) found.set(event.text, event.holds);
  }
  return found;
}

const ALLOCATES_PAGES = /\b(?:__)?alloc_pages?(?:_\w+)?\s*\(/;

/**
 * Another entry point frees what it finds in an object, and the driver also has objects whose pages it allocated: this
 * may be the way of those.
 */
export function freesItsOwn(flow: FunctionFlow, o: ReleaseObservation, text: string): boolean {
  return flow.pair !== undefined && o.effect.api === '__free_page' && ALLOCATES_PAGES.test(text);
}
