/**
 * How long pages are held: those that an entry point leaves held when it returns, and the entry points that release
 * them later. Who these are, close or completion, decides between CASE 1 and CASE 2 of the document.
 */
import { FOLL } from '#engine/protocol/flags.ts';
import type { Range } from '../../syntax/range.ts';
import type { SourceFile } from '../../syntax/source.ts';
import { abandonedWaits } from '../facts/abandon.ts';
import type { Entries, ReachedFrom } from '../facts/entries.ts';
import { type LateUnmap, lateUnmapsOf, type OrderHost } from '../facts/order.ts';
import { outlives, type Sign } from '../facts/outlive.ts';
import type { Ask } from '../facts/pieces.ts';
import { isReleaseName, reachesData } from '../kernel/effects.ts';
import { CHARGES } from '../kernel/entries.ts';
import type { Call, FunctionIr } from '../lower/ir.ts';
import { walk } from '../lower/walk.ts';
import type { ExitObservation, RunObservation } from '../run/observation.ts';
import type { PageSet } from '../state/state.ts';
import { certainBits } from '../state/value.ts';
import type { Held } from './held.ts';
import type { HoldObservation, OrderObservation } from './observation.ts';

/** What a run of a function as an entry point has shown. */
export interface EntryRun {
  readonly observations: readonly RunObservation[];
  readonly left: readonly Held[];
}

/** Of such a run, what decides how long pages are held: no places, so that it holds for as long as the run does. */
export interface RunSummary {
  /** Members that lead to what it leaves held. */
  readonly leading: readonly string[];
  /** Functions whose pages come to an end of a path of it. */
  readonly producers: readonly string[];
  /** What it acquired itself and leaves held; undefined for nothing. */
  readonly held?: HeldSummary;
  /** What helpers acquired for it that it leaves in objects, by helper. */
  readonly kept: readonly { readonly producer: string; readonly held: HeldSummary }[];
}

interface HeldSummary {
  readonly kind: PageSet['kind'];
  readonly longterm: boolean;
  /** The flags come from the caller, at least in part. */
  readonly flagsOpen: boolean;
  /** Signs of what it returns then. */
  readonly signs: readonly Sign[];
  /** It returns the address of the data. */
  readonly asAddress: boolean;
  /** A device may still be at work on the pages. */
  readonly open: boolean;
}

export interface HoldHost extends OrderHost {
  readonly entries: Entries;
  /** Names of members that each function mentions, in the order of the file. */
  readonly members: readonly ReadonlySet<string>[];
  /** The run of a function as an entry point. */
  readonly summary: (name: string) => RunSummary | undefined;
}

/** What is decided of the pages that one function acquires. */
export interface Holding {
  /** They are held when its entry points return, and until others release them. */
  readonly hold?: Hold;
  /**
   * Functions of other files' choosing that decide how long: those that other files may call to acquire or to release
   * the pages. Undefined where nothing is left held, or the file itself shows who decides.
   */
  readonly lasting?: readonly string[];
  /** Releases of what it leaves held that come before the end of the mapping. */
  readonly late: readonly LateUnmap[];
}

type Hold = Pick<HoldObservation, 'entry' | 'entryKnown' | 'used' | 'by' | 'charged'>;

/** The part of a run that decides how long pages are held that `name` acquires. */
export function summaryOf(name: string, { observations, left }: EntryRun): RunSummary {
  const ends = heldAtEnd(observations, name);
  const producers = new Set(observations.flatMap((o) => (o.what === 'exit' ? [o.set.within] : [])));
  const held = heldSummary(ends);
  const found = left.flatMap((held) => held.objects.flatMap((o) => [...o.leading]));
  return {
    // What was told about an object may be forgotten by its end; the acquiring call names the member all the same.
    leading: [...new Set(found.length > 0 ? found : ends.flatMap(({ set }) => filledMember(set)))],
    producers: [...producers],
    ...(held !== undefined && { held }),
    kept: [...producers].flatMap((producer) => {
      const kept = producer === name ? undefined : heldSummary(keptFrom(observations, producer));
      return kept === undefined ? [] : [{ producer, held: kept }];
    }),
  };
}

function heldSummary(ends: readonly ExitObservation[]): HeldSummary | undefined {
  const [first] = ends;
  if (first === undefined) return undefined;
  const longterm = (set: PageSet): boolean =>
    set.kind === 'pin' && (certainBits(set.flags) & FOLL.LONGTERM) !== 0;
  return {
    kind: first.set.kind,
    longterm: ends.every(({ set }) => longterm(set)),
    flagsOpen: ends.some(({ set }) => set.flags.t !== 'int'),
    signs: [...new Set(ends.map(signOfEnd))],
    asAddress: ends.some((o) => o.returns?.t === 'data'),
    open: first.set.device?.slots.includes('open') === true,
  };
}

/** Decides how long pages are held that `producer` acquires; `orders`: also what is released too early. */
export function holdingOf(producer: string, host: HoldHost, orders: boolean): Holding {
  const own = host.summary(producer);
  const held = own?.held;
  const late = orders ? lateUnmapsOf(host) : [];
  if (own === undefined || held === undefined) return { late: [] };
  const surroundings = around(producer, own, held, host);
  const { above, later, releasing } = surroundings;
  const hold = holdOf(producer, held, surroundings, host);
  const lasting = lastingBy(producer, held, later, hold, host);
  const waits =
    orders && held.open ? [...above].flatMap((fn) => abandonedWaits(fn, above, releasing, host)) : [];
  return {
    ...(hold !== undefined && { hold }),
    ...(lasting !== undefined && { lasting }),
    late: orders ? [...late, ...waits].filter(({ api }) => fits(api, held.kind)) : [],
  };
}

/**
 * Callers that say with which flags the helper `producer` is to acquire, and leave in an object what it got: it is theirs
 * to answer for how long they hold it.
 */
export function callersThatKeep(producer: string, host: HoldHost): string[] {
  if (host.summary(producer)?.held?.flagsOpen !== true) return [];
  return [...host.entries.reaching(producer)].filter(
    (caller) => keptBy(caller, producer, host) !== undefined,
  );
}

function keptBy(caller: string, producer: string, host: HoldHost): HeldSummary | undefined {
  return host.summary(caller)?.kept.find((kept) => kept.producer === producer)?.held;
}

/** Decides how long `caller` holds what the helper `producer` acquires for it. */
export function holdingBy(caller: string, producer: string, host: HoldHost): Holding {
  const run = host.summary(caller)!;
  const held = keptBy(caller, producer, host)!;
  if (held.flagsOpen || held.longterm) return { late: [] };
  const hold = holdOf(caller, held, around(caller, run, held, host), host);
  return { ...(hold !== undefined && { hold }), late: [] };
}

/**
 * What was decided, with the pages that `producer` acquired and a run leaves, its own or that of `keeper`: one
 * observation for each acquiring call.
 */
export function observationsOf(
  producer: string,
  { hold, late }: Holding,
  { observations }: EntryRun,
  keeper?: string,
): (HoldObservation | OrderObservation)[] {
  const ends = keeper === undefined ? heldAtEnd(observations, producer) : keptFrom(observations, producer);
  const found = new Map<number, HoldObservation>();
  for (const { set, path } of ends) {
    if (hold === undefined || found.has(set.call.start)) continue;
    const used = hold.used || isUsed(set);
    const by = keeper === undefined ? hold : { ...hold, keeper };
    found.set(set.call.start, { what: 'hold', set, ...by, used, path, within: set.within });
  }
  const { set, path } = ends[0]!;
  const orders = late.map((each) => ({ what: 'order', set, path, late: each, within: each.within }) as const);
  return [...found.values(), ...orders];
}

/** One text for each decision, without places in the file; and the functions in which it has places all the same. */
export function keyOfHolding(
  { hold, late }: Holding,
  source: SourceFile,
): { key: string; places: readonly string[] } {
  const places: string[] = [];
  const placeOf = ({ start, end }: Range): string => {
    const fn = source.functions[source.functionAt(start)];
    if (fn !== undefined) places.push(fn.name);
    return `${fn?.name} ${start - (fn?.start ?? 0)} ${end - start}`;
  };
  const by = hold?.by.map((r) => `${r.entry} ${r.role} ${r.chain.join()} ${r.commanded} ${placeOf(r.range)}`);
  const held =
    hold === undefined ? '' : `${hold.entry} ${hold.entryKnown} ${hold.used} ${hold.charged} ${by!.join()}`;
  const orders = late.map(
    (l) => `${l.kind} ${l.within} ${l.api} ${l.by} ${placeOf(l.release)} ${placeOf(l.unmap)}`,
  );
  return { key: `${held}|${orders.join()}`, places };
}

function lastingBy(
  producer: string,
  { longterm }: HeldSummary,
  later: readonly string[],
  hold: Hold | undefined,
  { entries }: HoldHost,
): string[] | undefined {
  if (longterm || (hold?.entryKnown && hold.by.every((r) => r.role !== 'exported'))) return undefined;
  const from = [producer, ...later].flatMap((fn) => entries.reachedFrom(fn));
  return [...new Set(from.filter((r) => r.role === 'exported').map((r) => r.entry))];
}

/** Functions around the acquire, and around the releases of what it left. */
interface Around {
  readonly above: ReadonlySet<string>;
  readonly members: ReadonlySet<string>;
  readonly later: readonly string[];
  readonly releasing: ReadonlySet<string>;
}

function around(producer: string, own: RunSummary, held: HeldSummary, host: HoldHost): Around {
  const above = host.entries.reaching(producer);
  const members = leading(producer, own, above, host);
  const later = releasers(producer, held, members, host);
  const releasing = new Set(
    later.flatMap((fn) => [...host.entries.reaching(fn, above)]).filter((fn) => !above.has(fn)),
  );
  return { above, members, later, releasing };
}

/** What `producer` acquires and its entry points leave held. */
function holdOf(producer: string, held: HeldSummary, around: Around, host: HoldHost): Hold | undefined {
  const { above, members, later } = around;
  const { entries } = host;
  const by = later.flatMap((fn) => entries.reachedFrom(fn, above)).filter((r) => isLater(r, above));
  const charged = held.longterm ? undefined : chargedBy(above, host);
  if (by.length === 0 && charged === undefined) return undefined;
  // Who acquires through a table of operations does not matter where nobody but who closes the object releases.
  const untilClosed = by.length > 0 && by.every(({ role }) => role === 'close' || role === 'remove');
  const entry = heldAfter(producer, held, around, charged !== undefined || untilClosed, host);
  if (entry === undefined) return undefined;
  const entryKnown = entries.reachedFrom(producer).some((r) => r.entry === entry && r.role !== 'exported');
  const used = usesData(members, host);
  return { entry, entryKnown, used, by, ...(charged !== undefined && { charged }) };
}

/** The function around the acquire that charges pages to their user: itself, or one that it calls. */
function chargedBy(above: ReadonlySet<string>, { table }: HoldHost): string | undefined {
  const charges = (fn: string): boolean => {
    const piece = table.pieces[table.indexOf.get(fn) ?? -1];
    return piece?.fact('charges', ({ code, bodyAt }) => CHARGES.test(code.slice(bodyAt))) === true;
  };
  const direct = [...above].find(charges);
  if (direct !== undefined) return direct;
  return [...above].flatMap((fn) => [...(table.callees[table.indexOf.get(fn) ?? -1] ?? [])]).find(charges);
}

/** Ends at which all pages that one acquire got are held, and somebody can still reach them. */
function heldAtEnd(observations: readonly RunObservation[], producer: string): ExitObservation[] {
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

/** Ends of a caller's run at which an object has all pages that `producer` got for it. */
function keptFrom(observations: readonly RunObservation[], producer: string): ExitObservation[] {
  return heldAtEnd(observations, producer).filter((o) => o.owner === 'object');
}

/** The first entry point above the producer after which the pages are still held. */
function heldAfter(
  producer: string,
  { signs }: HeldSummary,
  { above, releasing }: Around,
  charged: boolean,
  host: HoldHost,
): string | undefined {
  const leaves = new Map<string, readonly Sign[]>([[producer, signs]]);
  // Whether a function releases, and what it returns where it leaves pages held.
  const answer = (fn: string): string => `${releasing.has(fn) ? '!' : ''}${leaves.get(fn)?.join() ?? ''}`;
  for (const fn of above) {
    if (leaves.has(fn)) continue;
    host.know(fn);
    leaves.set(
      fn,
      host.pieceOf(fn).asked('outlives', answer, (ask) => outlivesIn(host.lower(fn), ask)),
    );
  }
  return topsOf(producer, host.entries, charged).find((fn) => leaves.get(fn)!.length > 0);
}

function outlivesIn(ir: FunctionIr | undefined, ask: Ask): readonly Sign[] {
  if (ir === undefined) return [];
  const leaves = (fn: string): ReadonlySet<Sign> =>
    new Set(
      ask(fn)
        .replace('!', '')
        .split(',')
        .filter((sign) => sign !== '') as Sign[],
    );
  return [...outlives(ir, { leaves, releases: (fn) => ask(fn).startsWith('!') })];
}

function signOfEnd({ returns }: ExitObservation): Sign {
  if (returns?.t !== 'int') return 'other';
  return returns.n === 0 ? 'zero' : 'positive';
}

/**
 * The entry points that reach a function, and not only at the end of some I/O; itself where there are none. Who calls a
 * callback of some other kind does not matter where the pages are charged to their user.
 */
function topsOf(producer: string, entries: Entries, charged: boolean): string[] {
  const from = entries.reachedFrom(producer);
  if (from.length === 0) return [producer];
  const known = from.filter((r) => r.role !== 'exported');
  const tops = (known.length > 0 ? known : from).filter(
    (r) => r.role !== 'completion' && r.role !== 'notifier' && (charged || r.role !== 'unknown'),
  );
  return [...new Set(tops.map((r) => r.entry))];
}

/** The acquiring call's own entry points clean up on their error paths; only a command of its own is a later release. */
function isLater(r: ReachedFrom, above: ReadonlySet<string>): boolean {
  return !above.has(r.entry) || r.commanded || r.role === 'close' || r.role === 'remove';
}

/** Members that lead to what the producer, or a caller to whom it hands the pages, leaves held. */
function leading(
  producer: string,
  own: RunSummary,
  above: ReadonlySet<string>,
  host: HoldHost,
): ReadonlySet<string> {
  if (own.leading.length > 0) return new Set(own.leading);
  for (const caller of above) {
    const run = caller === producer ? undefined : host.summary(caller);
    if (run?.producers.includes(producer) && run.leading.length > 0) return new Set(run.leading);
  }
  const members = new Set<string>();
  for (const caller of above) {
    host.know(caller);
    const calls = host.pieceOf(caller).fact('addressed', () => addressedIn(host.lower(caller)));
    for (const { fn, members: addressed } of calls)
      if (above.has(fn)) for (const member of addressed) members.add(member);
  }
  return members;
}

/** The calls of a function that are given the address of a member. */
function addressedIn(ir: FunctionIr | undefined): { fn: string; members: readonly string[] }[] {
  return (ir?.calls ?? []).flatMap((call) => {
    const members = addressedMembers(call);
    return call.fn === undefined || members.length === 0 ? [] : [{ fn: call.fn, members }];
  });
}

/** Members whose address a call is given: `&ctx->pages[i]`. */
function addressedMembers(call: Call): string[] {
  return call.args.flatMap((a) => {
    const members: string[] = [];
    if (a.k === 'addr') walk(a.e, (e) => e.k === 'member' && members.push(e.name));
    return members.slice(0, 1);
  });
}

/** The member that an acquiring call fills: `shm->pages`, `&ctx->pages[i]`. */
function filledMember({ call, form }: PageSet): string[] {
  const pages = form === undefined ? undefined : call.args[form.pages];
  if (pages?.k === 'member') return [pages.name];
  return addressedMembers(call);
}

/** The producer itself gets at the data, or lets somebody get at it. */
function isUsed(set: PageSet): boolean {
  return set.device !== undefined || set.written !== 'no' || set.read || set.exposed !== undefined;
}

/** A function that looks into the members gets at the data of pages, or gives pages to a device. */
function usesData(members: ReadonlySet<string>, { table, members: mentioned }: HoldHost): boolean {
  return table.pieces.some(
    (piece, index) =>
      [...members].some((m) => mentioned[index]?.has(m)) &&
      piece.fact('reaches data', () => [...table.callees[index]!].some(reachesData)),
  );
}

/** Ways back to the page from a page frame number or physical address, and from a kernel address. */
const PAGE_OF_NUMBER = /^(pfn_to_page|phys_to_page|sg_page\w*|pfn_folio)$/;
const PAGE_OF_ADDRESS = /^(virt_to_page|kmap_to_page|vmalloc_to_page|virt_to_folio)$/;

/** Functions that release what the producer left: in a member, or as an address or page frame number. */
function releasers(
  producer: string,
  { kind, asAddress }: HeldSummary,
  members: ReadonlySet<string>,
  { table, members: mentioned }: HoldHost,
): string[] {
  const calls = (index: number, what: string, test: (callee: string) => boolean): boolean =>
    table.pieces[index]!.fact(`calls what ${what}`, () => [...table.callees[index]!].some(test));
  const direct = new Set<string>();
  for (const [fn, index] of table.indexOf)
    if (calls(index, `releases ${kind}`, (c) => isReleaseName(c) && fits(c, kind))) direct.add(fn);
  const finds = (index: number): boolean =>
    asAddress
      ? calls(index, 'finds by address', (c) => PAGE_OF_ADDRESS.test(c))
      : calls(index, 'finds by number', (c) => PAGE_OF_NUMBER.test(c));
  const mentions = (index: number): boolean => [...members].some((m) => mentioned[index]?.has(m));
  const found = [...table.indexOf].filter(([fn, index]) => {
    if (fn === producer) return false;
    if (members.size === 0) return direct.has(fn) && finds(index);
    return mentions(index) && (direct.has(fn) || [...table.callees[index]!].some((c) => direct.has(c)));
  });
  return found.map(([fn]) => fn);
}

/** A pin that is put is wrong, but a release all the same. */
function fits(release: string, kind: 'get' | 'pin'): boolean {
  return kind === 'pin' || !release.startsWith('unpin_');
}
