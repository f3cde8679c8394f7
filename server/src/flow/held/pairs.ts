/**
 * Entry points that share pages through a structure: what one leaves held in a member, the functions that read that
 * member find. Each of them is run on what was left, and where one writes to the pages and another releases them, also
 * the one after the other.
 */
import type { RunObservation } from '../run/observation.ts';
import { concerns, observationKey } from '../run/observation-key.ts';
import type { PathLink } from '../state/path.ts';
import type { PageSet } from '../state/state.ts';
import type { Held } from './held.ts';

/** What tells a rule that its observations are of pages that another entry point has left. */
export interface PairInfo {
  /** The function that leaves the pages held. */
  readonly producer: string;
  /** Members that lead to them: `struct.member`, or `.member` where the struct is not known; a variable's name. */
  readonly fields: readonly string[];
  /** Functions that were run on them. */
  readonly consumers: readonly string[];
  /** Functions that release the pages, if userspace asks for it; told where others are run that free their memory. */
  readonly onRequest: readonly string[];
  /** Consumers that were recognised by the type of the structure, not only by the name of its member. */
  readonly typed: readonly string[];
}

/** How a run of a consumer ended: the pages as it leaves them. */
export interface ConsumerExit {
  readonly sets: readonly PageSet[];
  readonly path: PathLink | undefined;
}

export interface ConsumerRun {
  readonly name: string;
  /** What it was run on. */
  readonly held: Held;
  readonly observations: readonly RunObservation[];
  readonly exits: readonly ConsumerExit[];
  /** It came across the object that holds the pages, and by its type. */
  readonly met: boolean;
  readonly typed: boolean;
  readonly steps: number;
  readonly cut: boolean;
  /** It ended for want of paths, if not all that were alike were followed. */
  readonly ended: boolean;
}

export interface Pairing {
  readonly runs: readonly ConsumerRun[];
  readonly info: Omit<PairInfo, 'onRequest'>;
}

/**
 * Runs the consumers of what a function leaves held, in every order that matters. `onlyTyped` leaves out those that are
 * recognised by the name of a member alone, unless that name is a telling one.
 */
export function pairUp(
  left: readonly Held[],
  consumers: readonly string[],
  run: (name: string, held: Held) => ConsumerRun,
  onlyTyped = false,
): Pairing {
  const runs: ConsumerRun[] = [];
  /** Consumers that found nothing in objects of such a kind. */
  const without = new Set<string>();
  for (const held of left) {
    const kind = fieldsOf(held).join();
    const first = consumers
      .filter((name) => !without.has(`${name} ${kind}`))
      .map((name) => run(name, held))
      .filter((r) => r.met && (r.typed || !onlyTyped || isTelling(held)));
    for (const name of consumers) if (!first.some((r) => r.name === name)) without.add(`${name} ${kind}`);
    runs.push(...first);
    const accessor = first.find((r) => writes(r, held) !== undefined);
    if (accessor === undefined) continue;
    const { sets, path } = writes(accessor, held)!;
    const written: Held = { ...held, sets, path };
    for (const { name, observations } of first) {
      if (name !== accessor.name && observations.some(releasesUnwritten)) runs.push(run(name, written));
    }
  }
  return {
    runs,
    info: {
      producer: left[0]?.producer ?? '',
      fields: [...new Set(left.flatMap(fieldsOf))].sort(),
      consumers: [...new Set(runs.map((r) => r.name))],
      typed: [...new Set(runs.map((r) => r.name))].filter((name) =>
        runs.every((r) => r.name !== name || r.typed),
      ),
    },
  };
}

/** What consumers do to the pages that were left; that they are still held when a path ends is nothing. */
export function usesOf({ runs }: Pairing, left: readonly Held[]): RunObservation[] {
  const observations = new Map<string, RunObservation>();
  const sets = new Set(left.flatMap((held) => held.sets.map((s) => s.id)));
  for (const each of runs) {
    for (const o of each.observations) {
      const key = `${each.name}: ${observationKey(o)}`;
      if (concerns(o, sets) && o.what !== 'exit' && !observations.has(key)) observations.set(key, o);
    }
  }
  return [...observations.values()];
}

/** The members that lead to the pages have names that say more than `page` or `sgt`: few structures share them. */
function isTelling(held: Held): boolean {
  const names = held.objects.flatMap((o) => [...o.leading]);
  return names.length > 0 && names.every((name) => name.length >= 8 && name.includes('_'));
}

/** An end at which pages have been written that were not, are not marked dirty, and are all still held. */
function writes(run: ConsumerRun, held: Held): ConsumerExit | undefined {
  return run.exits.find(
    ({ sets }) =>
      sets.length === held.sets.length &&
      sets.every((s, i) => s.slots.join() === held.sets[i]!.slots.join() && s.dirtied === 'no') &&
      sets.some((s, i) => s.written === 'yes' && held.sets[i]!.written !== 'yes'),
  );
}

function releasesUnwritten(o: RunObservation): boolean {
  return o.what === 'release' && o.set.written !== 'yes';
}

function fieldsOf(held: Held): string[] {
  const members = held.objects.flatMap((o) => [...o.leading].map((name) => `${o.owner ?? ''}.${name}`));
  return [...members, ...held.globals];
}

/** The ways of leaving pages that are worth running consumers on: whole sets before short ones, a few of each. */
export function worthPairing(all: readonly Held[]): readonly Held[] {
  const whole = all.filter((h) => h.sets.every((s) => s.result === s.nr));
  return (whole.length > 0 ? whole : all).slice(0, MAX_HELD);
}

const MAX_HELD = 3;
