/**
 * What is run on pages that an entry point of the file has left: the functions that find them, those that free what leads
 * to them, and the same call once more. Each is remembered with the run that it stands on.
 */
import type { SourceFile } from '../syntax/source.ts';
import type { RootRun } from './execute.ts';
import type { CallTable } from './facts/call-table.ts';
import type { Entries } from './facts/entries.ts';
import { type AgainHost, isCalledAgain, overwrittenBy } from './held/again.ts';
import type { Consumers } from './held/consumers.ts';
import { strandedBy } from './held/failures.ts';
import { isFileVariable } from './held/file-variable.ts';
import type { Held } from './held/held.ts';
import { type Leaves, NO_LEAVES } from './held/leaves.ts';
import { freeing, lossesOf } from './held/losses.ts';
import { asCalled } from './held/mismatch.ts';
import { type NeverHost, neverReleased, unreleasedBy } from './held/never.ts';
import type {
  OverwrittenObservation,
  StrandedObservation,
  UnreleasedObservation,
} from './held/observation.ts';
import { type ConsumerRun, pairUp, usesOf } from './held/pairs.ts';
import type { FileTypes } from './lower/structs.ts';
import type { FileLowering } from './lowering.ts';
import type { FlowMemo, RunIdentity, RunScope } from './memo.ts';
import type { RunRecords } from './records.ts';

/** The file's run, as far as later runs ask for it. */
export interface LaterHost {
  readonly source: SourceFile;
  readonly table: CallTable;
  readonly types: FileTypes;
  readonly consumers: Consumers;
  readonly records: RunRecords;
  readonly lowering: FileLowering;
  readonly memo: FlowMemo;
  /** Functions of other files stand behind those of the first one. */
  readonly joined: boolean;
  entries(): Entries;
  /** Runs a function on what another one has left; `frees`: to tell whether the memory is freed in which the pages stand. */
  consume(name: string, held: Held, reads: ReadonlySet<string>, frees?: boolean): ConsumerRun;
  /** The run of a function as an entry point, made again where it was remembered. */
  rootOf(name: string): RootRun | undefined;
}

export class LaterRuns {
  readonly #host: LaterHost;
  readonly #records: RunRecords;

  constructor(host: LaterHost) {
    this.#host = host;
    this.#records = host.records;
  }

  /** Runs, for each function that leaves pages held in a structure, the functions that find them there. */
  pairs(): void {
    const { consumers: finders } = this.#host;
    for (const [name, { identity, leaves }] of [...this.#records.leaving]) {
      if (this.isCovered(name, leaves)) continue;
      const consumers = finders.of(name, leaves);
      if (consumers.length === 0) continue;
      const reads = finders.reading(leaves);
      const callers = consumers.flatMap((consumer) => finders.askable(consumer));
      const scope = this.#scope(name, 'later', identity, [...reads].join(), [...consumers, ...callers]);
      if (this.#records.recall(scope, name) === undefined) this.#pair(scope, name, consumers, reads);
    }
  }

  /** Runs, where no function of the file releases what another one leaves held, those that free memory. */
  losses(acquires: (index: number) => boolean): void {
    const { table, consumers } = this.#host;
    const host = { table, consumers, acquires, entries: () => this.#host.entries() };
    for (const [name, { identity, leaves }] of [...this.#records.leaving]) {
      if (this.isCovered(name, leaves)) continue;
      const found = freeing(name, leaves, host);
      if (found === undefined) continue;
      const { names, onRequest } = found;
      const reads = consumers.reading(leaves);
      const scope = this.#scope(name, 'lost', identity, `${[...reads].join()} ${onRequest.join()}`, names);
      if (this.#records.recall(scope, name) === undefined) this.#pair(scope, name, names, reads, onRequest);
    }
  }

  /** Says of what functions leave that no function of the file releases it, and what is to be asked of other files. */
  never(acquires: (index: number) => boolean): void {
    const { source, table, consumers, types, lowering } = this.#host;
    const { structs } = source;
    const host: NeverHost = {
      table,
      consumers,
      types,
      acquires,
      entries: () => this.#host.entries(),
      lower: (fn) => lowering.lowerAgain(fn),
      isPrivate: (struct) => structs.has(struct),
      isStatic: (variable) => isFileVariable(source, variable),
    };
    for (const [name, { identity, leaves }] of [...this.#records.leaving]) {
      if (this.isCovered(name, leaves)) continue;
      const elsewhere = neverReleased(name, leaves, host);
      if (elsewhere === undefined) continue;
      const reads = consumers.reading(leaves);
      const asked = [...elsewhere.members, ...elsewhere.callers].join();
      this.#tell(this.#scope(name, 'never', identity, `${[...reads].join()} ${asked}`), name, () => {
        const releases = consumers.of(name, leaves).includes(name);
        const again = (held: Held): ConsumerRun | undefined =>
          releases ? this.#host.consume(name, held, reads) : undefined;
        return unreleasedBy(this.#left(name), name, elsewhere, again);
      });
    }
  }

  /** Says of pages that userspace's calls leave in structures that the next such call loses them. */
  again(): void {
    const { table, consumers, types, lowering } = this.#host;
    const host: AgainHost = {
      table,
      consumers,
      types,
      entries: () => this.#host.entries(),
      lower: (fn) => lowering.lowerAgain(fn),
    };
    for (const [name, { identity, leaves }] of [...this.#records.leaving]) {
      if (!isCalledAgain(name, leaves, this.#records.usedBy.get(name)!, host)) continue;
      const reads = consumers.reading(leaves);
      this.#tell(this.#scope(name, 'again', identity, [...reads].join()), name, () =>
        overwrittenBy(this.#left(name), name, (held) => this.#host.consume(name, held, reads, true)),
      );
    }
  }

  /** Says of functions that fail which pages they leave in structures where nobody of the file releases them. */
  failures(): void {
    const { source, table, consumers: finders } = this.#host;
    for (const [name, { identity, leaves }] of [...this.#records.failing]) {
      // What a caller makes of the failure its own run shows.
      if (table.callersOf(name).length > 0) continue;
      const consumers = finders.of(name, leaves);
      const reads = finders.reading(leaves);
      const own = leaves.typed.filter((m) => source.structs.has(m.slice(0, m.indexOf('.'))));
      const known = [[...reads], finders.releasing, own].map((names) => names.join()).join(' ');
      const scope = this.#scope(name, 'failed', identity, known, consumers);
      this.#tell(scope, name, () => this.#stranded(name, consumers, reads));
    }
  }

  /** A static helper whose callers leave the same pages: they know more of what they leave. */
  isCovered(name: string, { sites }: Leaves): boolean {
    const { source, table } = this.#host;
    const { isStatic } = source.functions[table.indexOf.get(name)!] ?? { isStatic: false };
    if (!isStatic) return false;
    const callers = [...this.#records.leaving].filter(
      ([caller, { cut }]) => !cut && caller !== name && table.callees[table.indexOf.get(caller)!]!.has(name),
    );
    return sites.every((site) => callers.some(([, { leaves }]) => leaves.sites.includes(site)));
  }

  /** What a later run depends on: the run that left the pages, `more` and the functions' text. */
  #scope(
    name: string,
    what: string,
    identity: RunIdentity,
    more: string,
    others: readonly string[] = [],
  ): RunScope {
    const also = `${this.#host.memo.numberOf(identity)} ${more}`;
    return { name: `${name}, ${what}`, roots: [name, ...others], also };
  }

  /** Adds what is said of pages that `name` leaves, if it is not remembered; `make` gives nothing where nothing ran. */
  #tell(
    scope: RunScope,
    name: string,
    make: () => readonly (StrandedObservation | UnreleasedObservation | OverwrittenObservation)[] | undefined,
  ): void {
    if (this.#records.recall(scope, name) !== undefined) return;
    const before = this.#records.surroundings();
    const observations = make();
    if (observations === undefined) return;
    this.#usesAsBefore(name);
    this.#records.tell(scope, before, name, observations);
  }

  #stranded(
    name: string,
    consumers: readonly string[],
    reads: ReadonlySet<string>,
  ): readonly StrandedObservation[] | undefined {
    const { source, consumers: finders, lowering } = this.#host;
    const run = this.#host.rootOf(name);
    if (run === undefined) return undefined;
    const usedBy = this.#records.usedBy.get(name)!;
    return strandedBy({
      failures: run.failures,
      left: run.left,
      returnsAddress: run.returnsAddress,
      own: run.observations,
      consumers,
      consume: (fn, held) => this.#host.consume(fn, held, reads),
      canRelease: (fn) => finders.canRelease(fn),
      others: () => finders.releasing.some((fn) => !lowering.used.has(fn) && !usedBy.has(fn)),
      isPrivate: (struct) => source.structs.has(struct),
    });
  }

  #pair(
    scope: RunScope,
    name: string,
    consumers: readonly string[],
    reads: ReadonlySet<string>,
    onRequest?: readonly string[],
  ): void {
    const before = this.#records.surroundings();
    const left = this.#left(name);
    const frees = onRequest !== undefined;
    const run = (consumer: string, held: Held): ConsumerRun =>
      asCalled(
        this.#host.consume(consumer, held, reads, frees),
        () => this.#host.consumers.askable(consumer),
        (caller) => this.#host.consume(caller, held, reads, frees),
      );
    const pairing = pairUp(left, consumers, run, this.#host.joined);
    const { runs } = pairing;
    const pair = { ...pairing.info, onRequest: onRequest ?? [] };
    this.#usesAsBefore(name);
    const observations = frees ? lossesOf(pairing, left) : usesOf(pairing, left);
    const steps = runs.reduce((sum, r) => sum + r.steps, 0);
    const figures = { steps, cut: runs.some((r) => r.cut) };
    const kept = { ...figures, handsOver: false, leaves: NO_LEAVES };
    const identity = this.#records.remember(scope, before, runs.length > 0 ? { ...kept, pair } : kept);
    if (runs.length > 0)
      this.#records.functions.push({ name, observations, ...figures, identity, remembered: false, pair });
  }

  /** A later run depends on all functions on which the run that left the pages depends. */
  #usesAsBefore(name: string): void {
    for (const fn of this.#records.usedBy.get(name)!) this.#host.lowering.used.add(fn);
  }

  /** What a function leaves; where its run was remembered and its places have moved, it is run again, as it was then. */
  #left(name: string): readonly Held[] {
    const known = this.#records.left.get(name);
    if (known !== undefined) return known;
    const { identity } = this.#records.leaving.get(name)!;
    const kept = this.#host.memo.leftBy(identity, this.#records.usedBy.get(name)!);
    return kept ?? this.#host.rootOf(name)?.left ?? [];
  }
}
