import { FOLL } from '#engine/protocol/flags.ts';
import type { FunctionFlow } from '../flow/file.ts';
import type { DirtyObservation, ReleaseObservation } from '../flow/run/observation.ts';
import type { PathLink } from '../flow/state/path.ts';
import type { AssumedGuard } from '../flow/state/witness.ts';
import type { KernelVersion } from '../syntax/preprocess/version.ts';
import { called, knownFlags } from './evidence/apis.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { dirtyings, releases } from './evidence/observations.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const dirtyWithoutWrite: Rule = {
  code: 'GUP312',
  name: 'dirty-without-write',
  summary: 'a page is marked dirty although it was acquired for reading only',
  defaultLevel: 'warning',
  documentSection: 'CASE 5: Pinning in order to write to the data within the page',
  documentLines: '181-197',
  rationale:
    'A page that was acquired without FOLL_WRITE may belong to a read-only mapping, or be shared with others. Marking it dirty writes it back for nothing, to a file that the process may not even write to, and behind the back of a file system that was never asked for room. Either the write is real and FOLL_WRITE is missing, or the dirtying is wrong.',
  bad: `static int send(unsigned long uaddr, void *out)
{
	struct page *page;

	if (pin_user_pages_fast(uaddr, 1, 0, &page) != 1)
		return -EFAULT;
	memcpy_from_page(out, page, 0, PAGE_SIZE);
	unpin_user_pages_dirty_lock(&page, 1, true);
	return 0;
}
`,
  good: `static int send(unsigned long uaddr, void *out)
{
	struct page *page;

	if (pin_user_pages_fast(uaddr, 1, 0, &page) != 1)
		return -EFAULT;
	memcpy_from_page(out, page, 0, PAGE_SIZE);
	unpin_user_page(page);
	return 0;
}
`,
  pairs: true,
  check: (flow, { kernel, text }) => {
    const dirtied: (DirtyObservation | ReleaseObservation)[] = [
      ...dirtyings(flow),
      ...releases(flow).filter((o) => o.makeDirty === 'yes'),
    ];
    const bad = dirtied.filter((o) => isReadOnly(o, kernel) && !isOneOfTwoChoices(o, flow, kernel));
    return firstPerKey(bad, (o) => `${o.set.call.start}|${o.call.start}`)
      .map((o) => ({ o, found: finding(o) }))
      .filter(({ o, found }) => !isDecidedTwice(o, found, text))
      .map(({ found }) => found);
  },
};

/**
 * The flags were chosen, and so is the dirtying: what the path assumed last before it may be what decided about FOLL_WRITE,
 * in other words. What is asked of the page, as in PageReserved(page), decides about no flags.
 */
function isDecidedTwice(
  { set }: DirtyObservation | ReleaseObservation,
  found: Finding,
  text: string,
): boolean {
  const flags = set.form === undefined ? undefined : set.call.args[set.form.flags];
  if (flags === undefined || flags.k === 'num') return false;
  const chosen = text.slice(flags.start, flags.end);
  const last = found.witness?.assumed.at(-1)?.text;
  return last !== undefined && !/\w\(/.test(last) && !chosen.includes(last);
}

function isReadOnly(o: DirtyObservation | ReleaseObservation, kernel: KernelVersion): boolean {
  const flags = knownFlags(o.set, kernel);
  return flags !== undefined && (flags & FOLL.WRITE) === 0 && o.set.written !== 'yes';
}

/**
 * Two entry points decide each for itself, the one whether it acquires for writing, the other whether it dirties. What they
 * go by may be the same, `dir` handed to both: that their choices do not fit is not known.
 */
function isOneOfTwoChoices(
  o: DirtyObservation | ReleaseObservation,
  flow: FunctionFlow,
  kernel: KernelVersion,
): boolean {
  if (flow.pair === undefined) return false;
  const same = releases(flow).filter((r) => r.set.call.start === o.set.call.start);
  const dirtied = new Set(same.filter((r) => r.set.dirtied !== 'no').map((r) => r.call.start));
  const isWritable = (r: ReleaseObservation): boolean =>
    ((knownFlags(r.set, kernel) ?? 0) & FOLL.WRITE) !== 0;
  if (!same.some(isWritable)) return false;
  const [last] = decisionsOf(o.path);
  if (last === undefined) return false;
  return same.some((r) => {
    const isOther = o.what === 'dirty' && !dirtied.has(r.call.start);
    const isClean = r.set.dirtied === 'no' && r.makeDirty !== 'yes' && !isOther;
    return isClean && !decisionsOf(r.path).some((g) => g.text === last.text && g.holds === last.holds);
  });
}

/** What is asked of pages, and the head of a loop over them, is not what an entry point goes by. */
const ASKS_PAGE = /\bPage[A-Z]|\b(?:page|folio)_|\bpages?\b|[<>]|--|\+\+/;

/** What the entry point that releases the pages has asked for, the last one first. */
function decisionsOf(path: PathLink | undefined): AssumedGuard[] {
  const found: AssumedGuard[] = [];
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if (!('step' in event)) {
      if (!ASKS_PAGE.test(event.text.replaceAll('->', '.'))) found.push(event);
    } else if (event.step.op === 'later') break;
  }
  return found;
}

function finding(o: DirtyObservation | ReleaseObservation): Finding {
  const message = `${called(o.call.fn)} marks a page dirty that ${called(o.set.model.name)} acquired without FOLL_WRITE: nothing may have been written to it, and it is written back for nothing, perhaps to a file that the process may only read. Release it without dirtying, or add FOLL_WRITE if the data is written.`;
  const related = [{ range: rangeOf(o.set.call), message: 'acquired for reading here' }];
  return pathFinding('GUP312', o, { range: rangeOf(o.call), function: o.within }, message, related);
}
