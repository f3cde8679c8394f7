/** The run of one file: its functions as entry points, and what is remembered of earlier versions. */
import type { Parser } from '../syntax/parser.ts';
import type { SourceFile } from '../syntax/source.ts';
import { FileContexts } from './context/observe.ts';
import { Executor, NOT_RUN, type RootRecord, type RootRun, type Surrounding } from './execute.ts';
import type { CallTable } from './facts/call-table.ts';
import { Entries } from './facts/entries.ts';
import { survey } from './facts/survey.ts';
import type { FileFlow, FlowOptions } from './file.ts';
import { Consumers } from './held/consumers.ts';
import { type Held, isGiven } from './held/held.ts';
import {
  callersThatKeep,
  type HoldHost,
  type Holding,
  holdingBy,
  holdingOf,
  keyOfHolding,
  observationsOf,
  summaryOf,
} from './held/holds.ts';
import { leavesOf, NO_LEAVES } from './held/leaves.ts';
import type { ConsumerRun } from './held/pairs.ts';
import { leftToCaller } from './held/to-caller.ts';
import { LaterRuns } from './later-runs.ts';
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
  /** What is run on pages that entry points have left. */
  readonly later: LaterRuns;
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
    this.later = new LaterRuns({
      source,
      table,
      types: this.#types,
      consumers: this.consumers,
      records: this.#records,
      lowering: this.#lowering,
      memo,
      joined: options.join !== undefined,
      entries: () => this.#entries(),
      consume: (name, held, reads, frees) => this.#consume(name, held, reads, frees),
      rootOf: (name) => this.#rootOf(name),
    });
  }

  result(): FileFlow {
    const partlyRead = [...this.#lowering.known]
      .filter(([, facts]) => facts.partlyRead)
      .map(([name]) => name);
    const statics = new Set(this.#source.functions.filter((f) => f.isStatic).map((f) => f.name));
    const held = [...this.#records.leaving].filter(
      ([name, { leaves }]) => !this.later.isCovered(name, leaves),
    );
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
    const observations = observationsOf(producer, holding, this.#rootOf(name)!, keeper);
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

  /** The run of a function as an entry point, made again where it was remembered. */
  #rootOf(name: string): RootRun | undefined {
    const known = this.#records.roots.get(name);
    if (known !== undefined) return known;
    const ir = this.#handedOverAt.has(name) ? this.#lowering.lower(name) : undefined;
    if (ir === undefined) return undefined;
    return this.#execute(ir, new Set([...this.handsOver].slice(0, this.#handedOverAt.get(name))));
  }
}
