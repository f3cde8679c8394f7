/** Flow of one file: which functions are worth running, and what happens to pages when they run. */
import type { Parser } from '../syntax/parser.ts';
import type { SourceFile } from '../syntax/source.ts';
import type { Call, FunctionIr } from './ir.ts';
import { ACQUIRES } from './kernel/acquire.ts';
import { isProtocolName } from './kernel/effects.ts';
import { liveness } from './liveness.ts';
import { lowerFunction } from './lower-function.ts';
import { type CallTable, FlowMemo, type LoweredFacts, type RunIdentity } from './memo.ts';
import { MAX_DEPTH, runHelper, runRoot } from './run.ts';
import { trackedLocals } from './slice.ts';
import { isSurveyed, survey } from './survey.ts';
import { Values } from './value.ts';
import type { FunctionFacts, Observation, RunObservation, World } from './world.ts';

export interface FlowOptions {
  /** Node executions per entry point; a run that needs more is cut, and says so. */
  readonly budget: number;
}

export const DEFAULT_FLOW: FlowOptions = { budget: 20_000 };

/** What happens when one function runs as an entry point. */
export interface FunctionFlow {
  readonly name: string;
  readonly observations: readonly Observation[];
  readonly steps: number;
  readonly cut: boolean;
  /** Which run this is. A run that is remembered comes back with the same identity and without its observations. */
  readonly identity: RunIdentity;
  readonly remembered: boolean;
}

export interface FileFlow {
  readonly functions: readonly FunctionFlow[];
  /** Names of the functions that were lowered, and of those that the parser could read only in part. */
  readonly analysed: readonly string[];
  readonly partlyRead: readonly string[];
}

/** Functions for which `direct` holds, and those that call such a one, to a fixpoint. */
function closure(table: CallTable, direct: (callees: ReadonlySet<string>) => boolean): Set<string> {
  const found = new Set<string>();
  const names = [...table.indexOf.keys()];
  for (const name of names) if (direct(table.callees[table.indexOf.get(name)!]!)) found.add(name);
  for (let grew = true; grew; ) {
    grew = false;
    for (const name of names) {
      if (found.has(name)) continue;
      const calls = table.callees[table.indexOf.get(name)!]!;
      if ([...found].some((f) => calls.has(f))) {
        found.add(name);
        grew = true;
      }
    }
  }
  return found;
}

/** How many callers up a page set is followed that a function leaves to its caller. */
const MAX_CALLERS_UP = 3;

/**
 * Runs every function of the file that acquires pages, each as an entry point. Where it may leave pages to its caller,
 * its callers in the file are run too, with it as a helper. Functions that only mention page pinning are surveyed. `memo` is of an earlier version of the same file.
 */
export function analyzeFlow(
  source: SourceFile,
  parser: Parser,
  options: FlowOptions = DEFAULT_FLOW,
  memo: FlowMemo = new FlowMemo(),
): FileFlow {
  const table = memo.begin(source);
  try {
    return runFile(source, parser, options, table, memo);
  } finally {
    memo.end();
  }
}

function runFile(
  source: SourceFile,
  parser: Parser,
  options: FlowOptions,
  table: CallTable,
  memo: FlowMemo,
): FileFlow {
  const isAcquire = (name: string): boolean => ACQUIRES.has(name) && !table.indexOf.has(name);
  const names = source.functions.map((f) => f.name);
  const direct = names.filter((name) => [...table.callees[table.indexOf.get(name)!]!].some(isAcquire));
  const surveyed = source.functions.filter(({ name }, index) => {
    const called = [...table.callees[table.indexOf.get(name)!]!];
    return called.some(
      (c) => isSurveyed(c, source.expandedCode(index), source.kernel) && !table.indexOf.has(c),
    );
  });
  if (surveyed.length === 0) return { functions: [], analysed: [], partlyRead: [] };
  const touching = closure(table, (calls) => [...calls].some((c) => isAcquire(c) || isProtocolName(c)));
  const run = new FileRun(source, parser, options, table, touching, memo);
  let level = [...new Set(direct)];
  const done = new Set<string>();
  for (let up = 0; up <= MAX_CALLERS_UP && level.length > 0; up++) {
    const handing = level.filter((name) => run.root(name));
    for (const name of level) done.add(name);
    for (const name of handing) run.handsOver.add(name);
    const callers = names.filter((name) =>
      handing.some((h) => h !== name && table.callees[table.indexOf.get(name)!]!.has(h)),
    );
    level = [...new Set(callers)].filter((name) => !done.has(name));
  }
  for (const { name } of surveyed) if (!done.has(name)) run.surveyOnly(name);
  return run.result();
}

class FileRun {
  /** Functions that may leave pages to their callers. */
  readonly handsOver = new Set<string>();
  readonly #source: SourceFile;
  readonly #parser: Parser;
  readonly #options: FlowOptions;
  readonly #table: CallTable;
  readonly #touching: ReadonlySet<string>;
  readonly #memo: FlowMemo;
  /** What is known of the functions that were lowered, now or for a run that is remembered; in that order. */
  readonly #known = new Map<string, LoweredFacts>();
  readonly #repeated = new Map<string, ReadonlySet<string>>();
  readonly #lowered = new Map<string, FunctionIr | undefined>();
  readonly #facts = new Map<FunctionIr, FunctionFacts>();
  readonly #functions: FunctionFlow[] = [];

  constructor(
    source: SourceFile,
    parser: Parser,
    options: FlowOptions,
    table: CallTable,
    touching: ReadonlySet<string>,
    memo: FlowMemo,
  ) {
    this.#source = source;
    this.#parser = parser;
    this.#options = options;
    this.#table = table;
    this.#touching = touching;
    this.#memo = memo;
  }

  result(): FileFlow {
    const partlyRead = [...this.#known].filter(([, facts]) => facts.partlyRead).map(([name]) => name);
    return { functions: this.#functions, analysed: [...this.#known.keys()], partlyRead };
  }

  /** Runs a function as an entry point; tells whether it may leave pages to its caller. */
  root(name: string): boolean {
    return this.#recall(name) ?? this.#run(name, true);
  }

  /** Reads a function without running it. */
  surveyOnly(name: string): void {
    if (this.#recall(name) === undefined) this.#run(name, false);
  }

  /** Takes over a run of an earlier version of the file, with all that it left behind. */
  #recall(name: string): boolean | undefined {
    const surroundings = { lowered: this.#known, repeated: this.#repeated, handsOver: this.handsOver };
    const run = this.#memo.recall(name, surroundings);
    if (run === undefined) return undefined;
    for (const [fn, facts] of run.lowered) this.#known.set(fn, facts);
    for (const [fn, repeated] of run.repeated) this.#repeated.set(fn, repeated);
    const { identity, steps, cut } = run;
    this.#functions.push({ name, observations: [], steps, cut, identity, remembered: true });
    return run.handsOver;
  }

  #run(name: string, runs: boolean): boolean {
    const before = {
      lowered: new Map(this.#known),
      repeated: new Map(this.#repeated),
      handsOver: this.handsOver,
    };
    const ir = this.#lower(name);
    if (ir === undefined) return false;
    // What is left of a macro that is replaced is the function that it hides.
    const isMacro = (n: string): boolean => this.#source.macros.has(n) && !this.#source.expands(n);
    const defines = (n: string): boolean => this.#table.indexOf.has(n) || isMacro(n);
    const surveyed = survey(ir, defines);
    const observations = new Map<string, RunObservation>();
    const world: World = {
      values: new Values(),
      text: this.#source.text,
      isHeader: this.#source.path.endsWith('.h'),
      defines: (fn) => this.#table.indexOf.has(fn),
      handsOver: (fn) => this.handsOver.has(fn),
      enter: (caller, fn, args, st) => {
        if (caller.depth >= MAX_DEPTH || caller.stack.includes(fn) || world.budget <= 0) return undefined;
        const callee = this.#lower(fn);
        if (callee === undefined) return undefined;
        return runHelper(world, caller, callee, this.#factsOf(callee), args, st);
      },
      observe: (o) => {
        const key = observationKey(o);
        if (!observations.has(key)) observations.set(key, o);
      },
      budget: this.#options.budget,
    };
    const { steps, cut } = runs ? runRoot(world, ir, this.#factsOf(ir)) : { steps: 0, cut: false };
    const seen = [...surveyed, ...observations.values()];
    const handsOver = seen.some((o) => o.what === 'exit' && o.owner === 'caller');
    const identity = this.#memo.remember(name, before, {
      steps,
      cut,
      handsOver,
      lowered: [...this.#known].filter(([fn]) => !before.lowered.has(fn)),
      repeated: [...this.#repeated].filter(([fn]) => !before.repeated.has(fn)),
    });
    this.#functions.push({ name, observations: seen, steps, cut, identity, remembered: false });
    return handsOver;
  }

  #lower(name: string): FunctionIr | undefined {
    if (this.#lowered.has(name)) return this.#lowered.get(name);
    const index = this.#table.indexOf.get(name)!;
    const { isStatic } = this.#source.functions[index]!;
    const ir = lowerFunction(
      { text: this.#source.text, ...this.#source.parseExpanded(index, this.#parser) },
      name,
      isStatic,
    );
    this.#lowered.set(name, ir);
    if (!this.#known.has(name)) {
      const { conditions = [], partlyRead = true } = ir ?? {};
      this.#known.set(name, { conditions, partlyRead });
    }
    return ir;
  }

  #factsOf(ir: FunctionIr): FunctionFacts {
    let facts = this.#facts.get(ir);
    if (facts === undefined) {
      const touches = (fn: string): boolean => this.#touching.has(fn);
      const repeated = this.#repeated.get(ir.name) ?? this.#repeatedIn(ir);
      this.#repeated.set(ir.name, repeated);
      facts = {
        tracked: trackedLocals(ir, this.#source.text, repeated, touches),
        liveness: liveness(ir, (fn) => ACQUIRES.has(fn) || touches(fn)),
        repeated,
      };
      this.#facts.set(ir, facts);
    }
    return facts;
  }

  /** Conditions of a function that are written again in it, in a helper that it calls, or in a caller that was run. */
  #repeatedIn(ir: FunctionIr): Set<string> {
    for (const call of ir.calls)
      if (call.fn !== undefined && this.#touching.has(call.fn)) this.#lower(call.fn);
    const count = new Map<string, number>();
    for (const { conditions } of this.#known.values()) {
      for (const c of conditions) count.set(c, (count.get(c) ?? 0) + 1);
    }
    return new Set(ir.conditions.filter((c) => count.get(c)! > 1));
  }
}

/** Observations with one key say the same: the first, on the shortest path, is kept. */
function observationKey(o: RunObservation): string {
  const place = `${o.what}|${o.within}`;
  const at = (call: Call): string => `${call.start}#${call.site}`;
  switch (o.what) {
    case 'acquire':
      return `${place}|${at(o.call)}|${o.flags.key}|${o.nullPages}`;
    case 'release':
      return `${place}|${at(o.call)}|${at(o.set.call)}|${o.set.kind}|${o.set.written}|${o.set.underLock}|${o.set.slots.join()}|${o.slot}|${o.set.flags.key}|${o.set.dirtied}|${o.makeDirty}|${o.set.guessed}|${o.set.escaped !== undefined}`;
    case 'unfilled':
      return `${place}|${at(o.call)}|${at(o.set.call)}|${o.slot}|${o.count}|${o.set.result}`;
    case 'sign':
      return `${place}|${o.range.start}|${at(o.set.call)}`;
    case 'access':
      return `${place}|${o.mode}|${o.range.start}|${at(o.set.call)}|${o.set.flags.key}|${o.set.slots.join()}|${o.slot}|${o.set.guessed}|${o.set.escaped !== undefined}`;
    case 'dirty':
      return `${place}|${at(o.call)}|${at(o.set.call)}|${o.set.flags.key}|${o.set.slots.join()}|${o.slot}|${o.set.written}|${o.set.pageLocked}|${o.set.guessed}|${o.set.escaped !== undefined}`;
    case 'exit':
      return `${place}|${o.range.start}|${at(o.set.call)}|${o.set.slots.join()}|${o.set.result}|${o.owner}|${o.set.written}|${o.set.escaped !== undefined}|${o.returns?.t === 'int' ? o.returns.n : ''}`;
  }
}
