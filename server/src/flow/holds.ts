/**
 * How long pages are held: those that an entry point leaves held when it returns, and the entry points that release
 * them later. Who these are, close or completion, decides between CASE 1 and CASE 2 of the document.
 */
import { FOLL } from '#engine/protocol/flags.ts';
import { abandonedWaits } from './abandon.ts';
import type { Entries, ReachedFrom } from './entries.ts';
import type { Held } from './held.ts';
import type { Call } from './ir.ts';
import { isReleaseName, reachesData } from './kernel/effects.ts';
import type { CallTable } from './memo.ts';
import { type LateUnmap, lateUnmapsOf, type OrderHost } from './order.ts';
import { outlives, type Sign } from './outlive.ts';
import type { PageSet } from './state.ts';
import { certainBits } from './value.ts';
import { walk } from './walk.ts';
import type { ExitObservation, HoldObservation, Observation, OrderObservation } from './world.ts';

/** What a run of a function as an entry point has shown. */
export interface EntryRun {
  readonly observations: readonly Observation[];
  readonly left: readonly Held[];
}

export interface HoldHost extends OrderHost {
  readonly entries: Entries;
  readonly table: CallTable;
  /** Names of members that each function mentions, in the order of the file. */
  readonly members: readonly ReadonlySet<string>[];
  /** The run of a function as an entry point. */
  readonly run: (name: string) => EntryRun | undefined;
}

/**
 * Functions of other files' choosing that decide how long the pages of `producer` are held: those that other files may
 * call to acquire or to release them. Undefined where nothing is left held, or the file itself shows who decides.
 */
export function lastingBy(
  producer: string,
  host: HoldHost,
  found: readonly HoldObservation[],
): string[] | undefined {
  const own = host.run(producer);
  const ends = heldAtEnd(own?.observations ?? [], producer);
  const isLongterm = ends.every(
    ({ set }) => set.kind === 'pin' && (certainBits(set.flags) & FOLL.LONGTERM) !== 0,
  );
  if (own === undefined || isLongterm) return undefined;
  if (found.length > 0 && found.every((o) => o.entryKnown && o.by.every((r) => r.role !== 'exported')))
    return undefined;
  const above = host.entries.reaching(producer);
  const later = releasers(producer, ends, leading(producer, own, above, host), host);
  const from = [producer, ...later].flatMap((fn) => host.entries.reachedFrom(fn));
  return [...new Set(from.filter((r) => r.role === 'exported').map((r) => r.entry))];
}

/** Releases of what `producer` leaves held that come before the end of the mapping; for the only acquire of a file. */
export function ordersOf(producer: string, host: HoldHost): OrderObservation[] {
  const late = lateUnmapsOf(host);
  const ends = heldAtEnd(host.run(producer)?.observations ?? [], producer);
  const [first] = ends;
  if (first === undefined) return [];
  const { set, path } = first;
  const waits = set.device?.slots.includes('open') ? waitsAfter(producer, ends, host) : [];
  return [...late, ...waits]
    .filter(({ api }) => fits(api, set.kind))
    .map((each) => ({ what: 'order', set, path, late: each, within: each.within }));
}

/** Callers that wait for the device and release what the producer left, whether it was done or not. */
function waitsAfter(producer: string, ends: readonly ExitObservation[], host: HoldHost): LateUnmap[] {
  const own = host.run(producer);
  if (own === undefined) return [];
  const above = host.entries.reaching(producer);
  const later = releasers(producer, ends, leading(producer, own, above, host), host);
  const releasing = new Set(
    later.flatMap((fn) => [...host.entries.reaching(fn, above)]).filter((fn) => !above.has(fn)),
  );
  return [...above].flatMap((fn) => abandonedWaits(fn, above, releasing, host));
}

/** What `producer` acquires and its entry points leave held, one observation for each acquiring call. */
export function holdsOf(producer: string, host: HoldHost): HoldObservation[] {
  const own = host.run(producer);
  if (own === undefined) return [];
  const ends = heldAtEnd(own.observations, producer);
  if (ends.length === 0) return [];
  const above = host.entries.reaching(producer);
  const members = leading(producer, own, above, host);
  const later = releasers(producer, ends, members, host);
  const by = later.flatMap((fn) => host.entries.reachedFrom(fn, above)).filter((r) => isLater(r, above));
  if (by.length === 0) return [];
  const entry = heldAfter(producer, ends, later, above, host);
  if (entry === undefined) return [];
  const used = usesData(members, host);
  const entryKnown = host.entries
    .reachedFrom(producer)
    .some((r) => r.entry === entry && r.role !== 'exported');
  const found = new Map<number, HoldObservation>();
  for (const { set, path } of ends) {
    if (!found.has(set.call.start))
      found.set(set.call.start, {
        what: 'hold',
        set,
        entry,
        entryKnown,
        used: used || isUsed(set),
        by,
        path,
        within: set.within,
      });
  }
  return [...found.values()];
}

/** Ends at which all pages that one acquire got are held, and somebody can still reach them. */
function heldAtEnd(observations: readonly Observation[], producer: string): ExitObservation[] {
  return observations.filter(
    (o): o is ExitObservation =>
      o.what === 'exit' &&
      o.set.within === producer &&
      o.owner !== 'dropped' &&
      o.set.result === o.set.nr &&
      o.set.slots.every((s) => s === 'held' || s === 'unsure') &&
      !(o.returns?.t === 'int' && o.returns.n < 0),
  );
}

/** The first entry point above the producer after which the pages are still held. */
function heldAfter(
  producer: string,
  ends: readonly ExitObservation[],
  later: readonly string[],
  above: ReadonlySet<string>,
  host: HoldHost,
): string | undefined {
  const { entries } = host;
  const leaves = new Map<string, ReadonlySet<Sign>>([[producer, new Set(ends.map(signOfEnd))]]);
  const releasing = new Set(
    later.flatMap((fn) => [...entries.reaching(fn, above)]).filter((fn) => !above.has(fn)),
  );
  const none: ReadonlySet<Sign> = new Set();
  for (const fn of above) {
    if (leaves.has(fn)) continue;
    const ir = host.lower(fn);
    const found =
      ir === undefined
        ? none
        : outlives(ir, { leaves: (f) => leaves.get(f) ?? none, releases: (f) => releasing.has(f) });
    leaves.set(fn, found);
  }
  return topsOf(producer, entries).find((fn) => leaves.get(fn)!.size > 0);
}

function signOfEnd({ returns }: ExitObservation): Sign {
  if (returns?.t !== 'int') return 'other';
  return returns.n === 0 ? 'zero' : 'positive';
}

/** The entry points that reach a function, and not only at the end of some I/O; itself where there are none. */
function topsOf(producer: string, entries: Entries): string[] {
  const from = entries.reachedFrom(producer);
  if (from.length === 0) return [producer];
  const known = from.filter((r) => r.role !== 'exported');
  const tops = (known.length > 0 ? known : from).filter(
    (r) => r.role !== 'completion' && r.role !== 'notifier' && r.role !== 'unknown',
  );
  return [...new Set(tops.map((r) => r.entry))];
}

/** The acquiring call's own entry points clean up on their error paths; only a command of its own is a later release. */
function isLater(r: ReachedFrom, above: ReadonlySet<string>): boolean {
  return !above.has(r.entry) || r.commanded || r.role === 'close' || r.role === 'remove';
}

/** Members that lead to what the producer, or a caller to whom it hands the pages, leaves held. */
function leading(producer: string, own: EntryRun, above: ReadonlySet<string>, host: HoldHost): Set<string> {
  const members = leadingMembers(own.left);
  for (const caller of above) {
    if (members.size > 0) return members;
    const run = caller === producer ? undefined : host.run(caller);
    const has = run?.observations.some((o) => o.what === 'exit' && o.set.within === producer);
    if (run !== undefined && has) for (const m of leadingMembers(run.left)) members.add(m);
  }
  if (members.size > 0) return members;
  for (const caller of above) {
    for (const call of host.lower(caller)?.calls ?? [])
      if (call.fn !== undefined && above.has(call.fn)) for (const m of addressedMembers(call)) members.add(m);
  }
  return members;
}

/** Members whose address a call is given: `&ctx->pages[i]`. */
function addressedMembers(call: Call): string[] {
  return call.args.flatMap((a) => {
    const members: string[] = [];
    if (a.k === 'addr') walk(a.e, (e) => e.k === 'member' && members.push(e.name));
    return members.slice(0, 1);
  });
}

function leadingMembers(left: readonly Held[]): Set<string> {
  return new Set(left.flatMap((held) => held.objects.flatMap((o) => [...o.leading])));
}

/** The producer itself gets at the data, or lets somebody get at it. */
function isUsed(set: PageSet): boolean {
  return set.device !== undefined || set.written !== 'no' || set.read || set.exposed !== undefined;
}

/** A function that looks into the members gets at the data of pages, or gives pages to a device. */
function usesData(members: ReadonlySet<string>, { table, members: mentioned }: HoldHost): boolean {
  return [...table.indexOf.values()].some(
    (index) =>
      [...(mentioned[index] ?? [])].some((m) => members.has(m)) &&
      [...table.callees[index]!].some(reachesData),
  );
}

/** Ways back to the page from a page frame number or physical address, and from a kernel address. */
const PAGE_OF_NUMBER = /^(pfn_to_page|phys_to_page|sg_page\w*|pfn_folio)$/;
const PAGE_OF_ADDRESS = /^(virt_to_page|kmap_to_page|vmalloc_to_page|virt_to_folio)$/;

/** Functions that release what the producer left: in a member, or as an address or page frame number. */
function releasers(
  producer: string,
  ends: readonly ExitObservation[],
  members: ReadonlySet<string>,
  host: HoldHost,
): string[] {
  const { table } = host;
  const { kind } = ends[0]!.set;
  const back = ends.some((o) => o.returns?.t === 'data') ? PAGE_OF_ADDRESS : PAGE_OF_NUMBER;
  const calls = (fn: string): ReadonlySet<string> => table.callees[table.indexOf.get(fn)!]!;
  const direct = new Set(
    [...table.indexOf.keys()].filter((fn) => [...calls(fn)].some((c) => isReleaseName(c) && fits(c, kind))),
  );
  const mentions = (index: number): boolean => [...(host.members[index] ?? [])].some((m) => members.has(m));
  const found = [...table.indexOf].filter(([fn, index]) => {
    if (fn === producer) return false;
    if (members.size === 0) return direct.has(fn) && [...calls(fn)].some((c) => back.test(c));
    return mentions(index) && (direct.has(fn) || [...calls(fn)].some((c) => direct.has(c)));
  });
  return found.map(([fn]) => fn);
}

/** A pin that is put is wrong, but a release all the same. */
function fits(release: string, kind: 'get' | 'pin'): boolean {
  return kind === 'pin' || !release.startsWith('unpin_');
}
