/**
 * Pages that one function leaves held in a structure, and that nobody in the file releases from there: a function that
 * frees the memory they stand in loses them.
 */
import type { CallTable } from '../facts/call-table.ts';
import type { Entries } from '../facts/entries.ts';
import { closure } from '../facts/reach.ts';
import { freesByName, freesMemory, isReleaseName } from '../kernel/effects.ts';
import type { Role } from '../kernel/entries.ts';
import type { ExitObservation } from '../run/observation.ts';
import type { Consumers } from './consumers.ts';
import type { Held } from './held.ts';
import type { Leaves } from './leaves.ts';
import type { Pairing } from './pairs.ts';

/** What moves pages from one array or object to another allocates, and frees the old one. */
const ALLOCATES = /[mzc]alloc|realloc|memdup/;

/** Functions that are run on what one function leaves held, to see whether they free it. */
const MAX_FREEING = 6;

/** What is asked of the file. */
interface LossHost {
  readonly table: CallTable;
  readonly consumers: Consumers;
  /** Whether a function acquires pages itself. */
  readonly acquires: (index: number) => boolean;
  readonly entries: () => Entries;
}

/** Functions that free memory in which held pages may stand. */
interface Freeing {
  readonly names: readonly string[];
  /** Functions that release the pages, if userspace asks for it. */
  readonly onRequest: readonly string[];
}

/**
 * Functions that free memory and mention what leads to the held pages; none where the file has another function than
 * `producer` that may release them: one that mentions it too, one that calls the producer, or one that releases pages
 * which it did not acquire itself. Userspace need not call those that it may call: where all are such, these are the
 * functions that are called when it closes, or when the device goes.
 */
export function freeing(producer: string, leaves: Leaves, host: LossHost): Freeing | undefined {
  const { table, consumers, acquires } = host;
  const calls = (index: number, what: string, test: (callee: string) => boolean): boolean =>
    table.pieces[index]!.fact(`calls what ${what}`, () => [...table.callees[index]!].some(test));
  const freed = [...table.indexOf].filter(
    ([name, index]) =>
      name !== producer &&
      calls(index, 'frees memory', (c) => freesMemory(c) || freesByName(c)) &&
      !calls(index, 'allocates', (c) => ALLOCATES.test(c)) &&
      (consumers.mentionsAny(index, leaves) || consumers.mentionsStruct(index, leaves)) &&
      !consumers.isHelperOf(producer, name),
  );
  if (freed.length === 0) return undefined;
  const isOther = (name: string): boolean => name !== producer;
  const releases = (index: number): boolean => calls(index, 'releases', isReleaseName);
  const releasing = closure(table, releases, isOther);
  const calling = closure(table, (index) => index === table.indexOf.get(producer));
  const others = [...releasing].filter((name) => {
    const index = table.indexOf.get(name)!;
    // What the producer's own helpers do, its run has shown.
    if (consumers.isHelperOf(producer, name)) return false;
    if (calling.has(name) || consumers.mentionsAny(index, leaves)) return true;
    return releases(index) && !acquires(index) && !consumers.isPartOf(producer, name);
  });
  const names = freed.map(([name]) => name);
  if (others.length === 0) {
    const isAsked = [...releasing].some(
      (name) => consumers.isHelperOf(producer, name) && !consumers.isPartOf(producer, name),
    );
    return { names: names.slice(0, MAX_FREEING), onRequest: isAsked ? [producer] : [] };
  }
  const entries = host.entries();
  if (!others.every((name) => isOnRequest(entries, name))) return undefined;
  const ends = names.flatMap((name) => entries.reachedFrom(name)).filter(({ role }) => AT_THE_END.has(role));
  if (ends.length === 0) return undefined;
  return {
    names: [...new Set(ends.map(({ entry }) => entry))].slice(0, MAX_FREEING),
    onRequest: [...new Set(others.flatMap((name) => entries.reachedFrom(name)).map(({ entry }) => entry))],
  };
}

/** Whether a function is only run where userspace asks for it; `atTheEnd`: or when it closes, or the device goes. */
export function isOnRequest(entries: Entries, name: string, atTheEnd = false): boolean {
  const from = entries.reachedFrom(name);
  return (
    from.length > 0 && from.every(({ role }) => ON_REQUEST.has(role) || (atTheEnd && AT_THE_END.has(role)))
  );
}

/** Who calls what userspace need not call, and what is called whatever userspace does. */
const ON_REQUEST: ReadonlySet<Role> = new Set(['call', 'request', 'release-call']);
const AT_THE_END: ReadonlySet<Role> = new Set(['close', 'remove']);

/**
 * Ends at which pages are lost: they are all held, the memory that they stood in is freed, and nothing leads to them. A
 * function that frees it at another end with the pages in another condition is believed to know what it does.
 */
export function lossesOf({ runs }: Pairing, left: readonly Held[]): ExitObservation[] {
  const whole = new Set(
    left.flatMap((held) =>
      held.sets.filter((s) => s.slots.every((slot) => slot === 'held')).map((s) => s.id),
    ),
  );
  return runs.flatMap(({ observations, ended, typed }) => {
    const ends = observations.filter((o): o is ExitObservation => o.what === 'exit' && whole.has(o.set.id));
    const freed = ends.filter((o) => o.set.freed !== undefined);
    return ended && typed && freed.every(isLost) ? freed : [];
  });
}

function isLost({ owner, set }: ExitObservation): boolean {
  return owner === 'dropped' && set.slots.every((slot) => slot === 'held');
}
