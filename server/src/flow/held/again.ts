/**
 * Pages that a call of userspace's leaves in a structure, and that the next call of the same function loses: it puts other
 * pages in their place. Userspace may call it as often as it likes.
 */
import type { CallTable } from '../facts/call-table.ts';
import type { Entries } from '../facts/entries.ts';
import { effectsOf } from '../kernel/effects.ts';
import type { FunctionIr } from '../lower/ir.ts';
import { structOf, type TypeLookup } from '../lower/structs.ts';
import type { ExitObservation } from '../run/observation.ts';
import { lastAcquire } from '../state/path.ts';
import { ALLOCATED } from '../state/places.ts';
import type { PageSet } from '../state/state.ts';
import { isPageRef } from '../state/value.ts';
import type { Consumers } from './consumers.ts';
import { surelyHeld } from './failures.ts';
import { type Held, structOfMembers } from './held.ts';
import type { Leaves } from './leaves.ts';
import { isOnRequest } from './losses.ts';
import type { OverwrittenObservation } from './observation.ts';
import type { ConsumerRun } from './pairs.ts';

/** What is asked of the file. */
export interface AgainHost {
  readonly table: CallTable;
  readonly consumers: Consumers;
  readonly types: TypeLookup;
  readonly entries: () => Entries;
  readonly lower: (name: string) => FunctionIr | undefined;
}

/** What may keep the next call waiting, or turn it away, until the pages of the one before are released. */
const WAITS =
  /try_?lock|\bdown(?:_\w+)?\s*\(|\bwait_|xchg|test_and_|_and_test|add_unless|inc_not_zero|_return\s*\(|list_empty|completion_done|\btry_\w+\s*\(/;

/**
 * Whether userspace may call `name` again before what it has left is released, as far as the text of the file tells. `used`
 * are the functions that its run has come through. Not where somebody releases the pages of his own accord, such as the end
 * of a transfer; nor where a function that is not seen is given the object, and may turn the call away.
 */
export function isCalledAgain(
  name: string,
  leaves: Leaves,
  used: ReadonlySet<string>,
  host: AgainHost,
): boolean {
  const { table, consumers, entries } = host;
  if (leaves.names.length === 0 || !entries().isRequest(name)) return false;
  const indices = [...used].map((fn) => table.indexOf.get(fn)!);
  const waits = (index: number): boolean =>
    table.pieces[index]!.fact('waits', ({ code, bodyAt }) => WAITS.test(code.slice(bodyAt)));
  if (indices.some(waits)) return false;
  for (const [fn, index] of table.indexOf) {
    if (used.has(fn) || !consumers.canRelease(fn) || !consumers.mentionsAny(index, leaves)) continue;
    if (!isOnRequest(entries(), fn, true)) return false;
  }
  const structs = new Set(leaves.typed.map((member) => member.slice(0, member.indexOf('.'))));
  structs.add('file');
  return ![...used].some((fn) => mayBeAsked(host.lower(fn), structs, host));
}

/** Whether a function gives an object of one of the structs to a function that is not seen. */
function mayBeAsked(
  ir: FunctionIr | undefined,
  structs: ReadonlySet<string>,
  { table, types }: AgainHost,
): boolean {
  return (
    ir?.calls.some(({ fn, args }) => {
      if (fn !== undefined && (table.indexOf.has(fn) || effectsOf(fn) !== undefined)) return false;
      return args.some((e) => structs.has(structOf(types, ir, e) ?? ''));
    }) ?? true
  );
}

/** An object that the same call is given again: what its parameters lead to, or a variable of the file. */
function isSame({ objects, globals }: Held, producer: string): boolean {
  const chain = new RegExp(`^\\*+0${producer}:\\w+(?:\\[0\\]\\.\\w+)*\\[0\\]$|^:\\w+$`);
  const places = objects.filter(({ place }) => !place.startsWith('@'));
  return places.every(({ place }) => chain.test(place)) && (places.length > 0 || globals.size > 0);
}

/**
 * The pages stand in memory that the call has allocated for them: where it allocates each time, it should release each time.
 * Where it acquires into an object as it is, code is often written for one call alone.
 */
function isAllocated({ store }: Held, { id }: PageSet): boolean {
  return [...store].some(([place, v]) => isPageRef(v) && v.set === id && place.startsWith(`@${ALLOCATED}`));
}

/** The pages that are lost so. `again` is what the function does when it runs another time. */
export function overwrittenBy(
  left: readonly Held[],
  within: string,
  again: (held: Held) => ConsumerRun,
): OverwrittenObservation[] {
  return left.flatMap((held): OverwrittenObservation[] => {
    const whole = surelyHeld(held).filter((set) => set.result === set.nr && isAllocated(held, set));
    if (whole.length === 0 || !isSame(held, within)) return [];
    const run = again(held);
    if (!run.ended || !run.typed) return [];
    const { members } = structOfMembers(held);
    const names = [...members, ...held.globals];
    return whole.flatMap((set): OverwrittenObservation[] => {
      const end = run.observations.find(
        (o): o is ExitObservation => o.what === 'exit' && o.set.id === set.id && isReplaced(o),
      );
      return end === undefined
        ? []
        : [{ what: 'overwritten', set: end.set, members: names, path: end.path, within, range: end.range }];
    });
  });
}

/** Nothing leads to the pages any more, and others have been acquired by the same call since. */
function isReplaced({ owner, set, path }: ExitObservation): boolean {
  const next = lastAcquire(path);
  return (
    owner === 'dropped' &&
    set.freed === undefined &&
    set.slots.every((slot) => slot === 'held') &&
    next !== undefined &&
    next.id !== set.id &&
    next.call.start === set.call.start
  );
}
