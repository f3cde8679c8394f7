/** Flow of one file: which functions are worth running, and what happens to pages when they run. */
import type { Parser } from '../syntax/parser.ts';
import type { SourceFile } from '../syntax/source.ts';
import type { FunctionIr } from './ir.ts';
import { ACQUIRES } from './kernel/acquire.ts';
import { isProtocolName } from './kernel/effects.ts';
import { liveness } from './liveness.ts';
import { lowerFunction } from './lower-function.ts';
import { MAX_DEPTH, runHelper, runRoot } from './run.ts';
import { trackedLocals } from './slice.ts';
import { Values } from './value.ts';
import type { FunctionFacts, Observation, World } from './world.ts';

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
}

export interface FileFlow {
  readonly functions: readonly FunctionFlow[];
  /** Names of the functions that were lowered, and of those that the parser could read only in part. */
  readonly analysed: readonly string[];
  readonly partlyRead: readonly string[];
}

const CALL = /\b([A-Za-z_]\w*)\s*\(/g;

/** Calls of each function of the file by name, read off the text: enough to decide what is worth parsing. */
interface CallTable {
  readonly indexOf: ReadonlyMap<string, number>;
  readonly callees: readonly ReadonlySet<string>[];
}

function callTable(source: SourceFile): CallTable {
  const indexOf = new Map<string, number>();
  source.functions.forEach((f, i) => {
    indexOf.set(f.name, i);
  });
  const callees = source.functions.map((f) => {
    const names = new Set<string>();
    for (const m of source.code.slice(f.bodyStart, f.end).matchAll(CALL)) names.add(m[1]!);
    return names;
  });
  return { indexOf, callees };
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
 * its callers in the file are run too, with it as a helper.
 */
export function analyzeFlow(
  source: SourceFile,
  parser: Parser,
  options: FlowOptions = DEFAULT_FLOW,
): FileFlow {
  const table = callTable(source);
  const isAcquire = (name: string): boolean => ACQUIRES.has(name) && !table.indexOf.has(name);
  const names = source.functions.map((f) => f.name);
  const direct = names.filter((name) => [...table.callees[table.indexOf.get(name)!]!].some(isAcquire));
  if (direct.length === 0) return { functions: [], analysed: [], partlyRead: [] };
  const touching = closure(table, (calls) => [...calls].some((c) => isAcquire(c) || isProtocolName(c)));
  const run = new FileRun(source, parser, options, table, touching);
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
  readonly #lowered = new Map<string, FunctionIr | undefined>();
  readonly #facts = new Map<FunctionIr, FunctionFacts>();
  readonly #functions: FunctionFlow[] = [];

  constructor(
    source: SourceFile,
    parser: Parser,
    options: FlowOptions,
    table: CallTable,
    touching: ReadonlySet<string>,
  ) {
    this.#source = source;
    this.#parser = parser;
    this.#options = options;
    this.#table = table;
    this.#touching = touching;
  }

  result(): FileFlow {
    const partlyRead = [...this.#lowered]
      .filter(([, ir]) => ir === undefined || ir.partlyRead)
      .map(([name]) => name);
    return { functions: this.#functions, analysed: [...this.#lowered.keys()], partlyRead };
  }

  /** Runs a function as an entry point; tells whether it may leave pages to its caller. */
  root(name: string): boolean {
    const ir = this.#lower(name);
    if (ir === undefined) return false;
    const observations = new Map<string, Observation>();
    const world: World = {
      values: new Values(),
      text: this.#source.text,
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
    const { steps, cut } = runRoot(world, ir, this.#factsOf(ir));
    const seen = [...observations.values()];
    this.#functions.push({ name, observations: seen, steps, cut });
    return seen.some(
      (o) => o.what === 'exit' && !o.dropped && o.set.slots.some((s) => s === 'held' || s === 'unsure'),
    );
  }

  #lower(name: string): FunctionIr | undefined {
    if (this.#lowered.has(name)) return this.#lowered.get(name);
    const index = this.#table.indexOf.get(name)!;
    const { isStatic } = this.#source.functions[index]!;
    const ir = lowerFunction(this.#source.parse(index, this.#parser), name, isStatic);
    this.#lowered.set(name, ir);
    return ir;
  }

  #factsOf(ir: FunctionIr): FunctionFacts {
    let facts = this.#facts.get(ir);
    if (facts === undefined) {
      const touches = (fn: string): boolean => this.#touching.has(fn);
      const repeated = this.#repeatedIn(ir);
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
    for (const other of this.#lowered.values()) {
      for (const c of other?.conditions ?? []) count.set(c, (count.get(c) ?? 0) + 1);
    }
    return new Set(ir.conditions.filter((c) => count.get(c)! > 1));
  }
}

/** Observations with one key say the same: the first, on the shortest path, is kept. */
function observationKey(o: Observation): string {
  const place = `${o.what}|${o.within}`;
  switch (o.what) {
    case 'acquire':
      return `${place}|${o.call.start}|${o.flags.key}|${o.nullPages}`;
    case 'release':
      return `${place}|${o.call.start}|${o.set.call.start}|${o.set.kind}|${o.set.written}|${o.set.underLock}|${o.set.slots.join()}`;
    case 'exit':
      return `${place}|${o.range.start}|${o.set.call.start}|${o.set.slots.join()}|${o.set.result}|${o.dropped}|${o.set.written}|${o.set.escaped}`;
  }
}
