/**
 * Pages that are pinned to be written to, by somebody who is not seen: FOLL_WRITE says so. It says so for certain where
 * the driver asks for it under a condition, maps the pages for a device that is to write, or has a function that writes
 * through the member that a callback is given. Part of GUP308.
 */
import { FOLL } from '#engine/protocol/flags.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import type { FunctionFlow } from '../../flow/file.ts';
import { isOfIterator } from '../../flow/kernel/acquire.ts';
import type { ReleaseObservation } from '../../flow/run/observation.ts';
import { CALLBACK, type PageSet } from '../../flow/state/state.ts';
import { certainBits } from '../../flow/state/value.ts';
import type { KernelVersion } from '../../syntax/preprocess/version.ts';
import type { Finding } from '../finding.ts';
import type { RuleContext } from '../rule.ts';
import { called, hasNoPins, isUnpin } from './apis.ts';
import { withTransfer } from './devices.ts';
import { firstPerKey, pathFinding, rangeOf } from './findings.ts';
import { acquires, exits, isTakenForReserved, releases } from './observations.ts';

/** A release that marks nothing dirty, of a page that was acquired for writing and that nobody has marked yet. */
export function isPlain({ set, makeDirty, slot, path }: ReleaseObservation): boolean {
  return (
    set.dirtied === 'no' &&
    makeDirty === 'no' &&
    (slot === null || set.slots[slot] !== 'released') &&
    (certainBits(set.flags) & FOLL.WRITE) !== 0 &&
    !isTakenForReserved(path)
  );
}

/** Anything that marks something dirty, by its name; not a release that is told to mark nothing. */
export const DIRTIES =
  /\b(?!unpin_user_pages?_dirty_lock\s*\([^;]*,\s*(?:false|0)\s*\)\s*;)\w*dirt(?:y|ied)\w*\s*\(/i;

/**
 * Findings about pins with FOLL_WRITE, or gets of a kernel that has none, whose pages are released without being marked dirty, in a file that never marks
 * any. Not of the calls in `known`: what writes to their pages is seen.
 */
export function meantToBeWritten(
  flow: FunctionFlow,
  context: RuleContext,
  known: ReadonlySet<number>,
): Finding[] {
  const bad = releases(flow).filter(
    (o) =>
      !known.has(o.set.call.start) && isPlain(o) && isForUnseenWriter(o.set) && belongs(o, context.kernel),
  );
  if (bad.length === 0 || context.mentions(DIRTIES)) return [];
  const handedOn = new Set(
    exits(flow)
      .filter((o) => o.owner !== 'dropped' && o.set.slots.includes('held'))
      .map((o) => o.set.call.start),
  );
  const telling = bad.flatMap((o) => {
    if (handedOn.has(o.set.call.start)) return [];
    const conditional = isConditional(flow, o.set);
    const used = isUsed(o.set) || (conditional && flow.pair !== undefined);
    return used ? [{ o, evidence: evidenceOf(o, conditional && !flow.cut, context) }] : [];
  });
  const surest = [...telling.filter((t) => t.evidence !== undefined), ...telling];
  return firstPerKey(surest, ({ o }) => `${o.set.call.start}`).map(({ o, evidence }) => finding(o, evidence));
}

/**
 * Gets that should be pins are GUP201's and GUP202's, where there are pins. Where there are none, the address alone says
 * nothing: who has looked it up lets go of the page.
 */
function belongs({ set, effect }: ReleaseObservation, kernel: KernelVersion): boolean {
  if (isUnpin(effect.api)) return set.kind === 'pin';
  return set.kind === 'get' && hasNoPins(kernel) && (set.device !== undefined || set.escaped === CALLBACK);
}

/** What says for certain that the pages are written to, as a clause; undefined where FOLL_WRITE alone says so. */
function evidenceOf(o: ReleaseObservation, conditional: boolean, context: RuleContext): string | undefined {
  if (conditional) return 'FOLL_WRITE is asked for only where they are written to';
  const { device } = o.set;
  const wasMapped = device?.slots.some((slot) => slot !== 'none') === true;
  if (wasMapped && device.direction === 'from-device') return 'FOLL_WRITE and DMA_FROM_DEVICE say so';
  const writer = o.set.escaped === CALLBACK ? writtenMember(o, context) : undefined;
  if (writer === undefined) return undefined;
  return `FOLL_WRITE says so, and the file copies to what it finds in ${writer}`;
}

/**
 * The member that the pages are put into before a callback gets the object, where a function of the file maps a page of
 * such a member and copies to it: that is what the callback is to call.
 */
function writtenMember({ set, call }: ReleaseObservation, context: RuleContext): string | undefined {
  const array = set.form === undefined ? undefined : set.call.args[set.form.pages];
  if (array?.k !== 'var' || call.start < set.call.end) return undefined;
  const between = context.code.slice(set.call.end, call.start);
  const kept = between.matchAll(new RegExp(`(?:\\.|->)\\s*(\\w+)\\s*=\\s*${array.name}\\s*;`, 'g'));
  return [...kept]
    .map(([, member]) => member!)
    .find((member) => context.mentions(new RegExp(MAPS_AND_COPIES.replace('MEMBER', member))));
}

const MAPS_AND_COPIES =
  '([\\w.>-]+)\\s*=\\s*kmap\\w*\\s*\\([^();]*(?:->|\\.)\\s*MEMBER\\b[\\s\\S]{0,800}?\\bmem(?:cpy|move|set)\\w*\\s*\\(\\s*\\1\\b|\\bmemcpy_to_page\\s*\\([^();]*(?:->|\\.)\\s*MEMBER\\b';

/** Of what FOLL_LONGTERM admits nothing is lost; who only reads has no use for FOLL_WRITE, and has not written. */
function isForUnseenWriter(set: PageSet): boolean {
  const { model, flags, read, written, device } = set;
  return (
    // Of a short count what is released is given back unused.
    set.result === set.nr &&
    !isOfIterator(model) &&
    (certainBits(flags) & FOLL.LONGTERM) === 0 &&
    !read &&
    written !== 'yes' &&
    device?.direction !== 'to-device'
  );
}

/**
 * Somebody can get at the data: the pages were not only faulted in. A function that is not seen may be one that only asks
 * something of them; one that is called through a pointer is not.
 */
function isUsed(set: PageSet): boolean {
  return set.device !== undefined || set.exposed !== undefined || set.escaped === CALLBACK;
}

/** On other paths the same call has no FOLL_WRITE: the driver knows when the pages are written to. */
function isConditional(flow: FunctionFlow, { call }: PageSet): boolean {
  const seen = [
    ...acquires(flow).map((o) => ({ at: o.call.start, flags: o.flags })),
    ...releases(flow).map(({ set }) => ({ at: set.call.start, flags: set.flags })),
  ];
  return seen.some(({ at, flags }) => at === call.start && flags.t === 'int' && (flags.n & FOLL.WRITE) === 0);
}

function finding(o: ReleaseObservation, evidence: string | undefined): Finding {
  const { set } = o;
  const why = evidence ?? 'FOLL_WRITE says so';
  const drop = evidence === undefined ? ', or drop FOLL_WRITE if they are only read' : '';
  const cure = isUnpin(o.effect.api)
    ? 'Release them with unpin_user_pages_dirty_lock(…, true)'
    : `Call set_page_dirty_lock() before ${called(o.call.fn)}`;
  const verb = isUnpin(o.effect.api) ? 'pins' : 'acquires';
  const message = `${called(set.model.name)} ${verb} the pages to have them written to (${why}), and ${called(o.call.fn)} releases them without marking them dirty, as the whole file never does: what was written after writeback has cleaned a page never reaches the file. ${cure} where they were written${drop}.`;
  const at = { range: rangeOf(o.call), function: o.within };
  const found = pathFinding('GUP308', o, at, message, [
    { range: rangeOf(set.call), message: 'acquired here' },
  ]);
  return { ...found, surmised: true, certainty: evidence === undefined ? 'likely' : 'certain' };
}

/** A path on which nobody is seen to write, with a device that does. */
export function withWrite(steps: readonly DriverStep[]): DriverStep[] {
  const isWritten = steps.some((s) => s.op === 'access' && s.mode === 'write');
  return isWritten ? [...steps] : withTransfer(steps);
}
