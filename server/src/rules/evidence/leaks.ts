/** Paths that end while pages are held: what GUP303 and GUP304 share. */
import type { FunctionFlow } from '../../flow/file.ts';
import type {
  OverwrittenObservation,
  StrandedObservation,
  UnreleasedObservation,
} from '../../flow/held/observation.ts';
import { isOfIterator } from '../../flow/kernel/acquire.ts';
import type { ExitObservation } from '../../flow/run/observation.ts';
import type { PageSet } from '../../flow/state/state.ts';
import type { Finding } from '../finding.ts';
import type { RuleContext } from '../rule.ts';
import { called } from './apis.ts';
import { firstPerKey, pathFinding, rangeOf } from './findings.ts';
import { exits } from './observations.ts';

/**
 * Ends of paths on which pages of a set are certainly held, and nobody can reach them any more. Pages that are extracted
 * from an iterator of the kernel's memory are not held at all.
 */
export function leaks(flow: FunctionFlow): ExitObservation[] {
  return exits(flow).filter(
    (o) => o.owner === 'dropped' && o.set.slots.includes('held') && o.set.iterator !== 'perhaps-kernel',
  );
}

/** Whether the acquire of a leaked set got fewer pages than it asked for. */
export function isShort(o: ExitObservation | StrandedObservation): boolean {
  return o.set.result < o.set.nr;
}

/**
 * One finding per acquiring call, with the ends of its leaking paths as related places. It shows a path that is no
 * guess, where there is one.
 */
export function leakFindings(
  code: string,
  found: readonly ExitObservation[],
  context: RuleContext,
  message: (o: ExitObservation) => string,
): Finding[] {
  return firstPerKey(found, (o) => `${o.set.call.start}`).map((first) => {
    const same = found.filter((o) => o.set.call.start === first.set.call.start);
    const ends = firstPerKey(same, (o) => `${o.range.start}`).slice(0, 4);
    const related = ends.map((o) =>
      o.set.freed !== undefined && o.within !== o.set.within
        ? { range: rangeOf(o.set.freed), message: 'frees the memory that leads to the pages' }
        : { range: rangeOf(o.range), message: 'returns here with the pages still held' },
    );
    const findingOf = (o: ExitObservation): Finding => {
      const at = { range: rangeOf(o.set.call), function: o.set.within };
      return pathFinding(code, o, at, message(o), related);
    };
    const sure = same.find(
      (o) =>
        !isGuess(o, findingOf(o)) &&
        !isOfAnotherKind(o) &&
        !isFoundAgain(o, context) &&
        !isSetAtEntry(findingOf(o), context),
    );
    return sure === undefined ? { ...findingOf(first), certainty: 'possible' } : findingOf(sure);
  });
}

/** What a message says of pages that nobody releases: what releases such pages, and what becomes of them without it. */
export function lossOf({ kind }: PageSet): { cure: string; effect: string } {
  if (kind === 'get') return { cure: 'put_page()/release_pages()', effect: 'they are never freed' };
  const effect = 'they stay pinned for ever and can be neither migrated nor reclaimed';
  return { cure: 'unpin_user_page()/unpin_user_pages()', effect };
}

/** Pages that a function leaves in a structure when it fails, and that nobody releases there; one finding per call. */
export function strandedFindings(code: string, found: readonly StrandedObservation[]): Finding[] {
  return firstPerKey(found, (o) => `${o.set.call.start}`).map((o) => {
    const { set } = o;
    const { cure, effect } = lossOf(set);
    const where = o.members.slice(0, 2).map((m) => m.replace(/^\./, ''));
    const lost = `When ${called(o.within)} fails, the pages that ${called(set.model.name)} acquires here stay in an array of its caller's, who is told of the error and not of how many there are: ${effect}. Release them with ${cure} before returning the error.`;
    const stays = `When ${called(o.within)} fails, the pages that ${called(set.model.name)} acquires here stay in ${where.length === 0 ? 'a structure' : where.join(' and ')}, and nothing that this file does with it then releases them: ${effect}. Release them with ${cure} before returning the error.`;
    const related = [{ range: rangeOf(o.range), message: 'returns here with the pages still held' }];
    const at = { range: rangeOf(set.call), function: set.within };
    const finding = pathFinding(code, o, at, o.toCaller ? lost : stays, related);
    const isTold = o.sure || o.toCaller || o.temporary;
    if (!isTold || asksForZeroPage(finding) || isUnexpected(finding))
      return { ...finding, certainty: 'possible' };
    return o.sure ? finding : { ...finding, certainty: 'likely' };
  });
}

/** Pages that stay for ever in a structure, or a variable, that only the file knows; one finding per call. */
export function unreleasedFindings(code: string, flow: FunctionFlow): Finding[] {
  return keptFindings(code, flow, 'unreleased', (o) => {
    const { cure, effect } = lossOf(o.set);
    const alone = o.what !== 'unreleased' || o.elsewhere.members.length === 0;
    const nobody = alone ? 'file, which alone knows of them,' : 'folder, which alone knows of them,';
    return `, and no function of this ${nobody} ever releases them: ${effect}. Release them with ${cure} when nobody uses them any more, at the latest where the file, device or module that they belong to is closed.`;
  });
}

/** Pages that the next call of a function of userspace's loses; one finding per call. */
export function overwrittenFindings(code: string, flow: FunctionFlow): Finding[] {
  return keptFindings(code, flow, 'overwritten', ({ set }) => {
    const { cure, effect } = lossOf(set);
    const kept = set.kind === 'pin' ? 'pinned' : 'held';
    return `. Userspace may call it again while they are still ${kept}: the second call puts others in their place, nothing leads to the first ones any more, and ${effect}. Refuse the second call (-EBUSY), or release the first pages with ${cure} before.`;
  });
}

type Kept = UnreleasedObservation | OverwrittenObservation;

/** Pages that are kept when a function has returned; `becomes` says what becomes of them then. */
function keptFindings(
  code: string,
  flow: FunctionFlow,
  what: Kept['what'],
  becomes: (o: Kept) => string,
): Finding[] {
  const found = flow.observations.filter((o): o is Kept => o.what === what);
  return firstPerKey(found, (o) => `${o.set.call.start}`).map((o) => {
    const { set, within } = o;
    const where = o.members.slice(0, 2).map((m) => m.replace(/^\./, ''));
    const message = `The pages that ${called(set.model.name)} acquires here stay in ${where.join(' and ')} when ${called(within)} has returned${becomes(o)}`;
    const again = 'the second call returns here, and the first pages are lost';
    const related = o.what === 'overwritten' ? [{ range: rangeOf(o.range), message: again }] : [];
    const at = { range: rangeOf(set.call), function: set.within };
    const finding = pathFinding(code, o, at, message, related);
    const isGuess = asksForZeroPage(finding) || isUnexpected(finding);
    const asks = o.what === 'unreleased' && o.elsewhere.members.length > 0;
    return {
      ...finding,
      certainty: isGuess ? 'possible' : 'likely',
      ...(asks && { unlessElsewhere: o.elsewhere }),
    };
  });
}

export function stranded(flow: FunctionFlow): StrandedObservation[] {
  return flow.observations.filter((o) => o.what === 'stranded');
}

function isGuess(o: ExitObservation, found: Finding): boolean {
  return asksForZeroPage(found) || isUnexpected(found) || isKeptInTurns(o, found) || isCompletedElsewhere(o);
}

/** A page that is read off its number or off the page table. */
const BY_NUMBER = /\b(?:virt_to_page|pfn_to_page|pte_page|phys_to_page|pfn_folio|pfn_to_online_page)\s*\(/;

/**
 * Nothing has been done with the pages: they were only to stay where they are. A file that finds pages by their numbers
 * elsewhere may release them in that way.
 */
function isFoundAgain({ set, returns }: ExitObservation, { mentions }: RuleContext): boolean {
  // Who fails does not count on finding them again.
  if (returns?.t === 'int' && returns.n < 0) return false;
  const isUntouched =
    set.exposed === undefined && set.device === undefined && !set.read && set.written === 'no';
  return isUntouched && set.result === set.nr && set.freed === undefined && mentions(BY_NUMBER);
}

/** Members that by their name tell where the pages of an object come from. */
const TELLS_ORIGIN =
  /(?:->|\.)\w*(?:pin|gup|got|get|ref|kind|type|mode|user|own|import|prime|dmabuf|kernel|alloc|contig|coherent|flag)\w*\b/i;

/**
 * Another entry point frees the memory of the pages where a member, which it finds as it is, tells what kind of object
 * this is: it may be the way of those whose pages were not acquired.
 */
function isOfAnotherKind(o: ExitObservation): boolean {
  let tells = false;
  for (let link = o.path; link !== undefined; link = link.previous) {
    const { event } = link;
    if ('step' in event && event.step.op === 'later') return tells;
    tells ||= 'holds' in event && TELLS_ORIGIN.test(event.text);
  }
  return false;
}

/**
 * The path takes the page for a zero or reserved page, of which no pin is held (document lines 115-119), or its mapping
 * for one of I/O memory, which gup refuses (check_vma_flags() of mm/gup.c).
 */
function asksForZeroPage(found: Finding): boolean {
  return found.witness?.assumed.some(isOfZeroPage) ?? false;
}

/** Asks for a page of which nobody holds a reference. */
const NOT_COUNTED =
  /is_(huge_)?zero_|reserved|pfn_valid|\bVM_(IO|PFNMAP)\b|\b\w*is_(io|iomem|mmio|pfn_?map(ped)?)\s*\(/i;

function isOfZeroPage({ text, holds }: { readonly text: string; readonly holds: boolean }): boolean {
  if (!NOT_COUNTED.test(text)) return false;
  // Of one condition alone it is known what it says of the page.
  if (/&&|\|\||\?/.test(text)) return true;
  const says = holds !== /^\s*!/.test(text);
  return /pfn_valid/i.test(text) ? !says : says;
}

/** The path goes through what a WARN_ON() says never happens, or around an unpin that a flag decides about. */
function isUnexpected(found: Finding): boolean {
  return (
    found.witness?.assumed.some(
      ({ text, holds }) =>
        (holds && /^(VM_)?WARN/.test(text)) ||
        (!holds && /unpin|pinned|will_pin|user_backed|bio_release_page/i.test(text)),
    ) ?? false
  );
}

/**
 * The path finds a flag set through a pointer that the file sets to say what was done (`*mapped = 1;`): its caller would have
 * to call with what only this function tells.
 */
function isSetAtEntry(found: Finding, { mentions }: RuleContext): boolean {
  const flags = found.witness?.assumed.map(({ text, holds }) => (holds ? /^\*\s*(\w+)$/.exec(text) : null));
  return flags?.some((m) => m && mentions(new RegExp(`\\*\\s*${m[1]}\\s*=\\s*(?:1|true)\\s*;`))) ?? false;
}

/**
 * A helper keeps an iterator's page in a member until its next call, which releases it: a member that the path knows
 * nothing of, since the helper was not run before there were pages, says whether there is one.
 */
function isKeptInTurns(o: ExitObservation, found: Finding): boolean {
  if (!isOfIterator(o.set.model) || o.set.within === o.within) return false;
  return found.witness?.assumed.some(({ text }) => /^(\w+|\(\*\w+\))(->\w+|\.\w+)+$/.test(text)) ?? false;
}

/**
 * The device was waited for, to the end or not, and its mapping of the pages was not ended here: who tells of the end, an
 * interrupt or a callback, unmaps and releases.
 */
function isCompletedElsewhere({ set: { device } }: ExitObservation): boolean {
  if (device?.way !== 'dma' || !(device.awaited || device.interrupted)) return false;
  return device.slots.some((s) => s === 'open' || s === 'maybe');
}
