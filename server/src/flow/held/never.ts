/**
 * Pages that a function leaves in a structure which only its file knows, where no function of the file ever releases
 * them: what nobody else can reach, nobody else can release. Of a structure that a header defines, that is to be asked of
 * the other files of the folder.
 */
import type { CallTable } from '../facts/call-table.ts';
import type { Entries } from '../facts/entries.ts';
import { ACQUIRES } from '../kernel/acquire.ts';
import { effectsOf, isReleaseName } from '../kernel/effects.ts';
import type { Call, Expr, FunctionIr, Member } from '../lower/ir.ts';
import { ownerOf, structOf, type TypeLookup } from '../lower/structs.ts';
import { walk } from '../lower/walk.ts';
import { concerns } from '../run/observation-key.ts';
import type { Consumers } from './consumers.ts';
import { surelyHeld } from './failures.ts';
import { type Held, structOfMembers } from './held.ts';
import type { Leaves } from './leaves.ts';
import { mayRelease, withoutNotices } from './loss-finder.ts';
import type { Elsewhere, UnreleasedObservation } from './observation.ts';
import type { ConsumerRun } from './pairs.ts';

/** What is asked of the file. */
export interface NeverHost {
  readonly table: CallTable;
  readonly consumers: Consumers;
  readonly types: TypeLookup;
  /** Whether a function acquires pages itself. */
  readonly acquires: (index: number) => boolean;
  readonly entries: () => Entries;
  readonly lower: (name: string) => FunctionIr | undefined;
  /** Only the file knows the struct, or the variable. */
  readonly isPrivate: (struct: string) => boolean;
  readonly isStatic: (variable: string) => boolean;
}

/**
 * What other files of the folder are to be asked where no function of this one that releases pages comes across those that
 * the producer leaves: nothing where the file alone knows what keeps them. Undefined where somebody may release them. Who
 * calls the producer is to be seen: what nobody calls may be a part of something that is still to be written.
 */
export function neverReleased(producer: string, leaves: Leaves, host: NeverHost): Elsewhere | undefined {
  const { table, consumers, acquires } = host;
  const { names, typed } = leaves;
  if (names.length === 0 || !isTyped(leaves, host)) return undefined;
  const shared = typed.filter((member) => !host.isPrivate(member.slice(0, member.indexOf('.'))));
  const calls = (index: number): boolean =>
    table.pieces[index]!.fact('calls what releases', () => [...table.callees[index]!].some(isReleaseName));
  for (const [name, index] of table.indexOf) {
    if (!calls(index)) continue;
    // What the producer's own helpers do, its run has shown.
    if (name === producer || consumers.isPartOf(producer, name)) continue;
    if (!acquires(index) || consumers.mentionsAny(index, leaves)) return undefined;
  }
  const entries = host.entries().reachedFrom(producer);
  const isCalled = entries.some(({ role }) => role !== 'exported');
  if (shared.length === 0 && !isCalled) return undefined;
  const structs = new Set(typed.map((member) => member.slice(0, member.indexOf('.'))));
  const isTaken = [...table.indexOf].some(([name, index]) => {
    const looks = consumers.mentionsAny(index, leaves) || consumers.mentionsStruct(index, leaves);
    if (!looks && ![...table.callees[index]!].some((fn) => isUnseenEnd(fn, host))) return false;
    const ir = host.lower(name);
    return ir?.calls.some((call) => mayTake(call, structs, leaves, host, ir)) === true;
  });
  return isTaken
    ? undefined
    : { members: shared, callers: isCalled ? [] : entries.map(({ entry }) => entry) };
}

/** Whether a function that is not seen may release pages, as far as its name tells. */
function isUnseenEnd(fn: string, { table }: NeverHost): boolean {
  return !table.indexOf.has(fn) && !isKnown(fn) && mayRelease(fn);
}

/** Whether it is known of all that leads to the pages what it belongs to. */
function isTyped({ names, typed }: Leaves, { isStatic }: NeverHost): boolean {
  const known = new Set(typed.map((member) => member.slice(member.indexOf('.'))));
  return names.every((name) => (name.startsWith('.') ? known.has(name) : isStatic(name)));
}

/** A function of the kernel of which it is known what it does to pages; who calls those that release any was asked before. */
function isKnown(fn: string): boolean {
  return ACQUIRES.has(fn) || effectsOf(fn) !== undefined;
}

/** Whether a call gives pages, or what leads to these, to a function that is not seen and may release them. */
function mayTake(
  { fn, args }: Call,
  structs: ReadonlySet<string>,
  { names }: Leaves,
  host: NeverHost,
  ir: FunctionIr,
): boolean {
  if (fn !== undefined && !isUnseenEnd(fn, host)) return false;
  const { types } = host;
  /** What another struct has in a member leads elsewhere. */
  const isOfOther = (e: Member): boolean => {
    const owner = ownerOf(types, ir, e);
    return owner !== undefined && !structs.has(owner);
  };
  const leads = (e: Expr): boolean => {
    if (e.k === 'member' && isOfOther(e)) return false;
    const owner = structOf(types, ir, e);
    if (owner !== undefined && (structs.has(owner) || owner === 'page' || owner === 'folio')) return true;
    let found = false;
    walk(e, (part) => {
      found ||= part.k === 'member' && names.includes(`.${part.name}`) && !isOfOther(part);
      found ||= part.k === 'var' && !part.local && names.includes(part.name);
    });
    return found;
  };
  return args.some(leads);
}

/**
 * The pages that are left so: whole, certainly held, and given to nobody who may release them. `again` is what the
 * function does when it runs another time, if it releases any pages.
 */
export function unreleasedBy(
  left: readonly Held[],
  within: string,
  elsewhere: Elsewhere,
  again: (held: Held) => ConsumerRun | undefined,
): UnreleasedObservation[] {
  return left.flatMap((each): UnreleasedObservation[] => {
    const held = withoutNotices(each);
    const { members } = structOfMembers(held);
    const names = [...members, ...held.globals];
    const whole = surelyHeld(held).filter((set) => set.result === set.nr);
    const next = whole.length === 0 ? undefined : again(held);
    const isReleased = (id: string): boolean =>
      next?.observations.some((o) => o.what === 'release' && concerns(o, new Set([id]))) === true;
    return whole
      .filter(({ id }) => !isReleased(id))
      .map((set) => ({ what: 'unreleased', set, members: names, path: held.path, within, elsewhere }));
  });
}
