/** The run of one file: its functions as entry points, pairs of them, and what is remembered of earlier versions. */
import type { Parser } from '../syntax/parser.ts';
import type { SourceFile } from '../syntax/source.ts';
import { FileContexts } from './context/observe.ts';
import { Executor, NOT_RUN, type RootRecord, type RootRun, type Surrounding } from './execute.ts';
import type { CallTable } from './facts/call-table.ts';
import { Entries } from './facts/entries.ts';
import { survey } from './facts/survey.ts';
import type { FileFlow, FlowOptions } from './file.ts';
import { type AgainHost, isCalledAgain, overwrittenBy } from './held/again.ts';
import { Consumers } from './held/consumers.ts';
import { strandedBy } from './held/failures.ts';
import { isFileVariable } from './held/file-variable.ts';
import { type Held, isGiven } from './held/held.ts';
import {
  callersThatKeep,
  type EntryRun,
  type HoldHost,
  type Holding,
  holdingBy,
  holdingOf,
  keyOfHolding,
  observationsOf,
  summaryOf,
} from './held/holds.ts';
import { type Leaves, leavesOf, NO_LEAVES } from './held/leaves.ts';
import { freeing, lossesOf } from './held/losses.ts';
import { asCalled } from './held/mismatch.ts';
import { isNeverReleased, type NeverHost, unreleasedBy } from './held/never.ts';
import { type ConsumerRun, pairUp, usesOf } from './held/pairs.ts';
import { leftToCaller } from './held/to-caller.ts';
import type { FunctionIr } from './lower/ir.ts';
import { type FileTypes, fileTypes } from './lower/structs.ts';
import { FileLowering } from './lowering.ts';
import type { FlowMemo, RunScope } from './memo.ts';
import { RunRecords } from './records.ts';
import { makesKernelIterators } from './run/iter.ts';

/** Part of the budget for callers of a function whose own run used its budget up. */
const CALLERS_SHARE = 4;

export class FileRun {
  /** Functions that may leave pages to their callers. */
  readonly handsOver = new Set<string>();
  readonly consumers: Consumers;
  readonly #source: SourceFile;
  readonly #options: FlowOptions;
  readonly #table: CallTable;
  /** Functions of headers that acquire. */
  readonly #acquiring: ReadonlySet<string>;
  readonly #memo: FlowMemo;
  readonly #lowering: FileLowering;
  readonly #executor: Executor;
  /** How many functions were known to hand pages over when a function was run. */
  readonly #handedOverAt = new Map<string, number>();
  /** Node executions that the run of a function was given. */
  readonly #budgets = new Map<string, number>();
  readonly #types: FileTypes;
  readonly #records: RunRecords;
  #iterators: boolean | undefined;
  #known: Entries | undefined;

  constructor(
    source: SourceFile,
    parser: Parser,
    options: FlowOptions,
    table: CallTable,
    touching: ReadonlySet<string>,
    acquiring: ReadonlySet<string>,
    memo: FlowMemo,
  ) {
    this.#source = source;
    this.#lowering = new FileLowering(source, parser, table, touching);
    this.#executor = new Executor(source, table, this.#lowering);
    this.#options = options;
    this.#table = table;
    this.#acquiring = acquiring;
    this.#types = fileTypes(source);
    this.#memo = memo;
    this.#records = new RunRecords(this.#types, this.#lowering, memo, this.handsOver);
    const lower = (name: string): FunctionIr | undefined => this.#lowering.lowerAgain(name);
    this.consumers = new Consumers(source, table, touching, lower);
  }

  result(): FileFlow {
    const partlyRead = [...this.#lowering.known]
      .filter(([, facts]) => facts.partlyRead)
      .map(([name]) => name);
    const statics = new Set(this.#source.functions.filter((f) => f.isStatic).map((f) => f.name));
    const held = [...this.#records.leaving].filter(([name, { leaves }]) => !this.#isCovered(name, leaves));
    return {
      functions: this.#records.functions,
      analysed: [...this.#lowering.known.keys()],
      partlyRead,
      exports: {
        functions: [...this.handsOver].filter((name) => !statics.has(name)),
        handsOver: [...this.handsOver],
        held: held.flatMap(([producer, { leaves }]) =>
          leaves.typed.length === 0 ? [] : [{ producer, members: leaves.typed }],
        ),
        lasting: this.#records.lasting,
      },
      roots: this.#records.roots,
    };
  }

  /**
   * Runs a function as an entry point; tells whether it may leave pages to its caller. `callsLong`: it calls a function
   * that is too long to be followed to its end by itself, so most of what a run can show was shown there.
   */
  root(name: string, callsLong = false): boolean {
    this.#handedOverAt.set(name, this.handsOver.size);
    const budget = callsLong ? this.#options.budget / CALLERS_SHARE : this.#options.budget;
    this.#budgets.set(name, budget);
    const known = this.#options.roots?.get(name);
    if (known !== undefined) return this.#adopt(name, known);
    return (
      this.#records.recall({ name, roots: [name], also: this.#runKey(budget) }) ?? this.#run(name, budget)
    );
  }

  /** Takes over a run of the file by itself: what stands behind it now was not there, and changes nothing in it. */
  #adopt(name: string, root: RootRecord): boolean {
    const { identity, leaves, failed, cut, left, used, steps } = root;
    // What consumers test again is told by what was lowered before them.
    for (const fn of used) this.#lowering.lower(fn);
    this.#records.usedBy.set(name, used);
    this.#records.roots.set(name, root);
    this.#records.summaries.set(name, { identity, summary: summaryOf(name, root) });
    if (leaves.keys.length > 0) this.#records.leaving.set(name, { identity, leaves, cut });
    if (failed.keys.length > 0) this.#records.failing.set(name, { identity, leaves: failed });
    if (left.length > 0) this.#records.left.set(name, left);
    this.#records.functions.push({ name, observations: [], steps, cut, identity, remembered: true });
    return root.handsOver;
  }

  /** Whether the run of a function used its budget up. */
  ranOut(name: string): boolean {
    const budget = this.#budgets.get(name) ?? this.#options.budget;
    return this.#records.functions.some(
      (fn) => fn.name === name && fn.pair === undefined && fn.steps >= budget,
    );
  }

  /** Reads a function without running it. */
  surveyOnly(name: string): void {
    if (this.#records.recall({ name, roots: [name], also: this.#runKey(0) }) === undefined)
      this.#run(name, 0);
  }

  /** Runs, for each function that leaves pages held in a structure, the functions that find them there. */
  pairs(): void {
    for (const [name, { identity, leaves }] of [...this.#records.leaving]) {
      if (this.#isCovered(name, leaves)) continue;
      const consumers = this.consumers.of(name, leaves);
      if (consumers.length === 0) continue;
      const reads = this.consumers.reading(leaves);
      const also = `${this.#memo.numberOf(identity)} ${[...reads].join()}`;
      const callers = consumers.flatMap((consumer) => this.consumers.askable(consumer));
      const scope = { name: `${name}, later`, roots: [name, ...consumers, ...callers], also };
      if (this.#records.recall(scope, name) === undefined) this.#pair(scope, name, consumers, reads);
    }
  }

  /** Runs, where no function of the file releases what another one leaves held, those that free memory. */
  losses(acquires: (index: number) => boolean): void {
    const host = { table: this.#table, consumers: this.consumers, acquires, entries: () => this.#entries() };
    for (const [name, { identity, leaves }] of [...this.#records.leaving]) {
      if (this.#isCovered(name, leaves)) continue;
      const found = freeing(name, leaves, host);
      if (found === undefined) continue;
      const { names, onRequest } = found;
      const reads = this.consumers.reading(leaves);
      const also = `${this.#memo.numberOf(identity)} ${[...reads].join()} ${onRequest.join()}`;
      const scope = { name: `${name}, lost`, roots: [name, ...names], also };
      if (this.#records.recall(scope, name) === undefined) this.#pair(scope, name, names, reads, onRequest);
    }
  }

  /** Says of what functions leave where only this file looks for it that no function of the file releases it. */
  never(acquires: (index: number) => boolean): void {
    const { structs } = this.#source;
    const host: NeverHost = {
      table: this.#table,
      consumers: this.consumers,
      types: this.#types,
      acquires,
      entries: () => this.#entries(),
      lower: (fn) => this.#lowering.lowerAgain(fn),
      isPrivate: (struct) => structs.has(struct),
      isStatic: (variable) => isFileVariable(this.#source, variable),
    };
    for (const [name, { identity, leaves }] of [...this.#records.leaving]) {
      if (this.#isCovered(name, leaves) || !isNeverReleased(name, leaves, host)) continue;
      const reads = this.consumers.reading(leaves);
      const also = `${this.#memo.numberOf(identity)} ${[...reads].join()}`;
      const scope = { name: `${name}, never`, roots: [name], also };
      if (this.#records.recall(scope, name) !== undefined) continue;
      const before = this.#records.surroundings();
      const releases = this.consumers.of(name, leaves).includes(name);
      const again = (held: Held): ConsumerRun | undefined =>
        releases ? this.#consume(name, held, reads) : undefined;
      const observations = unreleasedBy(this.#records.left.get(name) ?? this.#leftAgain(name), name, again);
      for (const fn of this.#records.usedBy.get(name)!) this.#lowering.used.add(fn);
      this.#records.tell(scope, before, name, observations);
    }
  }

  /** Says of pages that userspace's calls leave in structures that the next such call loses them. */
  again(): void {
    const host: AgainHost = {
      table: this.#table,
      consumers: this.consumers,
      types: this.#types,
      entries: () => this.#entries(),
      lower: (fn) => this.#lowering.lowerAgain(fn),
    };
    for (const [name, { identity, leaves }] of [...this.#records.leaving]) {
      const used = this.#records.usedBy.get(name)!;
      if (!isCalledAgain(name, leaves, used, host)) continue;
      const reads = this.consumers.reading(leaves);
      const also = `${this.#memo.numberOf(identity)} ${[...reads].join()}`;
      const scope = { name: `${name}, again`, roots: [name], also };
      if (this.#records.recall(scope, name) !== undefined) continue;
      const before = this.#records.surroundings();
      const left = this.#records.left.get(name) ?? this.#leftAgain(name);
      const observations = overwrittenBy(left, name, (held) => this.#consume(name, held, reads, true));
      for (const fn of used) this.#lowering.used.add(fn);
      this.#records.tell(scope, before, name, observations);
    }
  }

  /** Says of functions that fail which pages they leave in structures where nobody of the file releases them. */
  failures(): void {
    for (const [name, { identity, leaves }] of [...this.#records.failing]) {
      // What a caller makes of the failure its own run shows.
      if (this.#table.callersOf(name).length > 0) continue;
      const consumers = this.consumers.of(name, leaves);
      const reads = this.consumers.reading(leaves);
      const { releasing } = this.consumers;
      const own = leaves.typed.filter((m) => this.#source.structs.has(m.slice(0, m.indexOf('.'))));
      const known = [[...reads], releasing, own].map((names) => names.join()).join(' ');
      const also = `${this.#memo.numberOf(identity)} ${known}`;
      const scope = { name: `${name}, failed`, roots: [name, ...consumers], also };
      if (this.#records.recall(scope, name) === undefined) this.#strand(scope, name, consumers, reads);
    }
  }

  #strand(scope: RunScope, name: string, consumers: readonly string[], reads: ReadonlySet<string>): void {
    const before = this.#records.surroundings();
    const run = this.#rootOf(name);
    if (run === undefined) return;
    const usedBy = this.#records.usedBy.get(name)!;
    const { used } = this.#lowering;
    const observations = strandedBy({
      failures: run.failures,
      left: run.left,
      returnsAddress: run.returnsAddress,
      own: run.observations,
      consumers,
      consume: (fn, held) => this.#consume(fn, held, reads),
      canRelease: (fn) => this.consumers.canRelease(fn),
      others: () => this.consumers.releasing.some((fn) => !used.has(fn) && !usedBy.has(fn)),
      isPrivate: (struct) => this.#source.structs.has(struct),
    });
    for (const fn of usedBy) used.add(fn);
    this.#records.tell(scope, before, name, observations);
  }

  /** Says of each acquiring function which pages are still held when its entry point has returned, and until when. */
  holds(acquiring: readonly string[]): void {
    if (acquiring.length === 0) return;
    const { functions } = this.#source;
    const { indexOf, pieces } = this.#table;
    const host: HoldHost = {
      entries: this.#entries(),
      table: this.#table,
      pieceOf: (fn) => pieces[indexOf.get(fn)!]!,
      startOf: (fn) => functions[indexOf.get(fn)!]?.start ?? 0,
      members: this.#table.members(),
      lower: (fn) => this.#lowering.lower(fn),
      know: (fn) => this.#lowering.know(fn),
      summary: (fn) => this.#records.summaries.get(fn)?.summary,
    };
    for (const name of acquiring) {
      const holding = holdingOf(name, host, acquiring.length === 1);
      const { lasting } = holding;
      if (lasting !== undefined) this.#records.lasting.push({ producer: name, names: lasting });
      this.#hold(name, holding);
      for (const keeper of callersThatKeep(name, host))
        this.#hold(name, holdingBy(keeper, name, host), keeper);
    }
  }

  #entries(): Entries {
    this.#known ??= new Entries(this.#source, this.#table);
    return this.#known;
  }

  /** Says of the pages that `producer` acquires how long they are held, by itself or by a caller. */
  #hold(producer: string, holding: Holding, keeper?: string): void {
    if (holding.hold === undefined && holding.late.length === 0) return;
    const name = keeper ?? producer;
    const { identity: run } = this.#records.summaries.get(name)!;
    const { places, key } = keyOfHolding(holding, this.#source);
    const scope: RunScope = {
      name: keeper === undefined ? `${name}, held` : `${name}, held from ${producer}`,
      roots: [name],
      also: `${this.#memo.numberOf(run)} ${key}`,
      places: [...run.reach, ...places],
    };
    if (this.#records.recall(scope) !== undefined) return;
    const before = this.#records.surroundings();
    const observations = observationsOf(producer, holding, this.#runOf(name)!, keeper);
    // It has their places, moved where the run was remembered.
    for (const fn of this.#records.usedBy.get(name)!) this.#lowering.used.add(fn);
    const figures = { steps: 0, cut: false };
    const identity = this.#records.remember(scope, before, {
      ...figures,
      handsOver: false,
      leaves: NO_LEAVES,
    });
    this.#records.functions.push({ name: scope.name, observations, ...figures, identity, remembered: false });
  }

  /** What the run of a function as an entry point has shown; it is run again where that was only remembered. */
  #runOf(name: string): EntryRun | undefined {
    const known = this.#records.roots.get(name);
    if (known !== undefined) return known;
    const ir = this.#handedOverAt.has(name) ? this.#lowering.lower(name) : undefined;
    return ir === undefined ? undefined : this.#execute(ir, this.#handedOverBefore(name));
  }

  /** Tells of calls that may sleep, or need a user's mm, in which context they are made. */
  contexts(): void {
    const lower = (name: string): FunctionIr | undefined => this.#lowering.lowerAgain(name);
    const contexts = new FileContexts(this.#source, this.#table, lower);
    const surroundings = this.#records.surroundings();
    for (const name of contexts.functions()) {
      const roots = [name, ...contexts.lockingCallers(name)];
      const scope: RunScope = {
        name: `${name}, context`,
        roots,
        rootsOnly: true,
        also: contexts.signature(name),
      };
      this.#lowering.used = new Set(roots);
      const kept = this.#memo.recall(scope, surroundings);
      const figures = { steps: 0, cut: false, handsOver: false, leaves: NO_LEAVES };
      const identity = kept?.identity ?? this.#records.remember(scope, surroundings, figures);
      const observations = kept === undefined ? contexts.observe(name) : [];
      const remembered = kept !== undefined;
      if (!remembered && observations.length === 0) continue;
      this.#records.functions.push({
        name: scope.name,
        observations,
        steps: 0,
        cut: false,
        identity,
        remembered,
      });
    }
  }

  /** A static helper whose callers leave the same pages: they know more of what they leave. */
  #isCovered(name: string, { sites }: Leaves): boolean {
    const { isStatic } = this.#source.functions[this.#table.indexOf.get(name)!] ?? { isStatic: false };
    if (!isStatic) return false;
    const callers = [...this.#records.leaving].filter(
      ([caller, { cut }]) =>
        !cut && caller !== name && this.#table.callees[this.#table.indexOf.get(caller)!]!.has(name),
    );
    return sites.every((site) => callers.some(([, { leaves }]) => leaves.sites.includes(site)));
  }

  /** What a run depends on besides functions and types. */
  #runKey(budget: number): string {
    return budget === 0 ? '0' : `${budget} ${this.#makesIterators()}`;
  }

  /** The one thing that a run asks of the whole text. */
  #makesIterators(): boolean {
    const { text } = this.#source;
    this.#iterators ??= text.includes('iov_iter_') && makesKernelIterators(text);
    return this.#iterators;
  }

  /** Runs a function with a budget; with none it is only read. */
  #run(name: string, budget: number): boolean {
    const before = this.#records.surroundings();
    const ir = this.#lowering.lower(name);
    if (ir === undefined) return false;
    // What is left of a macro that is replaced is the function that it hides.
    const isMacro = (n: string): boolean => this.#source.macros.has(n) && !this.#source.expands(n);
    const defines = (n: string): boolean => this.#table.indexOf.has(n) || isMacro(n);
    const surveyed = survey(ir, defines);
    const ran = budget > 0 ? this.#execute(ir, this.handsOver) : NOT_RUN;
    const { observations, left, failures, steps, cut } = ran;
    const isCalled = this.#table.callersOf(name).length > 0;
    const given = isCalled || ran.returnsAddress ? [] : leftToCaller(ir, observations);
    const seen = [...surveyed, ...observations, ...given];
    const fails = failures.map(({ held }) => held);
    const handsOver =
      [...left, ...fails].some(isGiven) ||
      seen.some((o) => o.what === 'exit' && (o.owner === 'caller' || o.stale === true));
    const leaves = leavesOf(left);
    const failed = leavesOf(fails);
    const scope = { name, roots: [name], also: this.#runKey(budget) };
    const summary = budget > 0 ? summaryOf(name, { observations, left }) : undefined;
    const figures = { steps, cut, handsOver, leaves, failed, ...(summary !== undefined && { summary }) };
    const identity = this.#records.remember(scope, before, figures);
    if (summary !== undefined) this.#records.summaries.set(name, { identity, summary });
    if (budget > 0) this.#options.ran?.(name);
    if (leaves.keys.length > 0) this.#records.leaving.set(name, { identity, leaves, cut });
    if (failed.keys.length > 0) this.#records.failing.set(name, { identity, leaves: failed });
    if (left.length > 0) {
      this.#records.left.set(name, left);
      this.#memo.keepLeft(identity, this.#records.usedBy.get(name)!, left);
    }
    if (budget > 0) {
      const used = this.#records.usedBy.get(name)!;
      this.#records.roots.set(name, { ...ran, identity, leaves, failed, handsOver, used });
    }
    this.#records.functions.push({ name, observations: seen, steps, cut, identity, remembered: false });
    return handsOver;
  }

  /** Runs an entry point on an empty state. */
  #execute(ir: FunctionIr, handsOver: ReadonlySet<string>): RootRun {
    const budget = this.#budgets.get(ir.name) ?? this.#options.budget;
    return this.#executor.root(ir, this.#surrounding(budget, handsOver));
  }

  /** Runs a function on what another one has left. */
  #consume(name: string, held: Held, reads: ReadonlySet<string>, frees = false): ConsumerRun {
    const surrounding = this.#surrounding(this.#options.budget, this.handsOver);
    return this.#executor.consumer(name, held, { reads, frees }, surrounding);
  }

  #surrounding(budget: number, handing: ReadonlySet<string>): Surrounding {
    const handsOver = (fn: string): boolean => handing.has(fn) || this.#acquiring.has(fn);
    return { budget, types: this.#records.asked, handsOver };
  }

  #pair(
    scope: RunScope,
    name: string,
    consumers: readonly string[],
    reads: ReadonlySet<string>,
    onRequest?: readonly string[],
  ): void {
    const before = this.#records.surroundings();
    const left = this.#records.left.get(name) ?? this.#leftAgain(name);
    const joined = this.#options.join !== undefined;
    const frees = onRequest !== undefined;
    const chosen = frees ? lossesOf : usesOf;
    const run = (consumer: string, held: Held): ConsumerRun =>
      asCalled(
        this.#consume(consumer, held, reads, frees),
        () => this.consumers.askable(consumer),
        (caller) => this.#consume(caller, held, reads, frees),
      );
    const pairing = pairUp(left, consumers, run, joined);
    const { runs } = pairing;
    const pair = { ...pairing.info, onRequest: onRequest ?? [] };
    for (const fn of this.#records.usedBy.get(name)!) this.#lowering.used.add(fn);
    const seen = chosen(pairing, left);
    const steps = runs.reduce((sum, r) => sum + r.steps, 0);
    const cut = runs.some((r) => r.cut);
    const figures = { steps, cut, handsOver: false, leaves: NO_LEAVES };
    const identity = this.#records.remember(scope, before, runs.length > 0 ? { ...figures, pair } : figures);
    if (runs.length === 0) return;
    this.#records.functions.push({
      name,
      observations: seen,
      steps,
      cut,
      identity,
      remembered: false,
      pair,
    });
  }

  /** What a function leaves whose run was remembered: where its places have moved it is run again, as it was then. */
  #leftAgain(name: string): readonly Held[] {
    const { identity } = this.#records.leaving.get(name)!;
    return this.#memo.leftBy(identity, this.#records.usedBy.get(name)!) ?? this.#rootOf(name)?.left ?? [];
  }

  /** The run of a function as an entry point, made again where it was remembered. */
  #rootOf(name: string): RootRun | undefined {
    const known = this.#records.roots.get(name);
    const ir = known === undefined ? this.#lowering.lower(name) : undefined;
    return ir === undefined ? known : this.#execute(ir, this.#handedOverBefore(name));
  }

  #handedOverBefore(name: string): Set<string> {
    return new Set([...this.handsOver].slice(0, this.#handedOverAt.get(name)));
  }
}
