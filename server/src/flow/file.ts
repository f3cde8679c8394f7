/** Flow of one file: which functions are worth running, and what happens to pages when they run. */
import type { Parser } from '../syntax/parser.ts';
import type { SourceFile } from '../syntax/source.ts';
import type { RootRecord } from './execute.ts';
import type { CallTable } from './facts/call-table.ts';
import { closure } from './facts/reach.ts';
import { isSurveyed } from './facts/survey.ts';
import { FileRun } from './file-run.ts';
import { isAsAcquired } from './held/failures.ts';
import { isMismatch } from './held/mismatch.ts';
import type { PairInfo } from './held/pairs.ts';
import { ACQUIRES } from './kernel/acquire.ts';
import { SLEEPS } from './kernel/contexts.ts';
import { isProtocolName } from './kernel/effects.ts';
import { FlowMemo, type RunIdentity } from './memo.ts';
import type { Observation } from './observation.ts';
import type { ExitObservation } from './run/observation.ts';

export interface FlowOptions {
  /** Node executions per entry point; a run that needs more is cut, and says so. */
  readonly budget: number;
  readonly join?: FlowJoin;
  /** Of a join: what the runs of the first file's functions have shown when it was analysed alone, just before. */
  readonly roots?: ReadonlyMap<string, RootRecord>;
  /** Called when an entry point has run. */
  readonly ran?: (name: string) => void;
}

export const DEFAULT_FLOW: FlowOptions = { budget: 3_000 };

/** What happens when one function runs as an entry point. */
export interface FunctionFlow {
  readonly name: string;
  readonly observations: readonly Observation[];
  readonly steps: number;
  readonly cut: boolean;
  /** Which run this is. A run that is remembered comes back with the same identity and without its observations. */
  readonly identity: RunIdentity;
  readonly remembered: boolean;
  /** Present where the pages were left by another entry point, `name`: its consumers have been run on them. */
  readonly pair?: PairInfo;
}

export interface FileFlow {
  readonly functions: readonly FunctionFlow[];
  /** Names of the functions that were lowered, and of those that the parser could read only in part. */
  readonly analysed: readonly string[];
  readonly partlyRead: readonly string[];
  readonly exports: FlowExports;
  /** The entry points that were run, for a join with other files. */
  readonly roots: ReadonlyMap<string, RootRecord>;
}

/** What other files may do with the pages that a file acquires. Plain data. */
export interface FlowExports {
  /** Functions that are not static and may leave pages to their callers. */
  readonly functions: readonly string[];
  /** All functions that may. */
  readonly handsOver: readonly string[];
  /** Functions that leave pages held at members whose struct is known: `struct.member`. */
  readonly held: readonly { readonly producer: string; readonly members: readonly string[] }[];
  /** Functions whose pages outlive them, and those that other files may call to acquire or to release them. */
  readonly lasting: readonly { readonly producer: string; readonly names: readonly string[] }[];
}

/**
 * The source is several files, one behind the other, and the second starts at `at`. Of the first one only what it exports
 * to the others is followed, and only as far as they are concerned.
 */
export interface FlowJoin extends FlowExports {
  readonly at: number;
}

export const NO_EXPORTS: FlowExports = { functions: [], handsOver: [], held: [], lasting: [] };

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

/** Functions behind `at` that have the name of another one, or call such a one: which is meant is not told apart. */
function mistakable(source: SourceFile, table: CallTable, at: number): Set<string> {
  const twice = new Set(
    source.functions.filter(({ name }, index) => table.indexOf.get(name) !== index).map(({ name }) => name),
  );
  const later = source.functions.map(({ name, start }, index) => ({ name, index, isLater: start >= at }));
  const found = new Set(twice);
  for (let grew = true; grew; ) {
    grew = false;
    for (const { name, index, isLater } of later) {
      if (!isLater || found.has(name) || ![...table.callees[index]!].some((c) => found.has(c))) continue;
      found.add(name);
      grew = true;
    }
  }
  return found;
}

/** Runs what a file exports to the files behind it, and their callers and consumers. */
function runJoined(
  source: SourceFile,
  run: FileRun,
  table: CallTable,
  { at, functions, handsOver, held, lasting }: FlowJoin,
): FileFlow {
  for (const name of handsOver) run.handsOver.add(name);
  for (const { producer } of held) if (table.indexOf.has(producer)) run.root(producer);
  const unclear = mistakable(source, table, at);
  for (const name of unclear) run.consumers.leftOut.add(name);
  const behind = source.functions.flatMap(({ name, start }, index) =>
    start < at || unclear.has(name) ? [] : [{ name, callees: table.callees[index]! }],
  );
  const done = new Set<string>();
  const callersOf = (handing: readonly string[]): string[] => {
    const callers = behind.filter(
      ({ name, callees }) => !done.has(name) && handing.some((fn) => callees.has(fn)),
    );
    for (const { name } of callers) done.add(name);
    return callers.flatMap(({ name }) => (run.root(name) ? [name] : []));
  };
  let handing = callersOf(functions);
  run.later.pairs();
  // Further up only what is lost counts: where the pages are left was seen from the direct callers.
  for (let up = 0; up < MAX_CALLERS_UP && handing.length > 0; up++) {
    for (const name of handing) run.handsOver.add(name);
    handing = callersOf(handing);
  }
  const producers = [...new Set(lasting.map(({ producer }) => producer))].filter((fn) =>
    table.indexOf.has(fn),
  );
  const rooted = new Set(held.map(({ producer }) => producer));
  for (const name of producers) if (!rooted.has(name)) run.root(name);
  run.holds(producers);
  const flow = run.result();
  return { ...flow, functions: flow.functions.map(acrossCalls) };
}

/**
 * Of what a function of another file does with pages that a call has handed it: only how it releases them, and that it
 * frees or loses the array that leads to them all. Of the rest, such as the number of a page, more is said in files that
 * are not read.
 */
function acrossCalls(fn: FunctionFlow): FunctionFlow {
  if (fn.pair !== undefined) return fn;
  const isLoss = ({ owner, set }: ExitObservation): boolean =>
    owner === 'dropped' && (set.freed !== undefined || set.slots.length > 1) && isAsAcquired(set);
  const mixed = fn.observations.some((o) => o.what === 'release' && isMismatch(o));
  const observations = fn.observations.filter((o) => {
    if (o.what === 'release') return mixed;
    return o.what === 'exit' ? isLoss(o) : o.what === 'hold' || o.what === 'order';
  });
  return { ...fn, observations };
}

function runFile(
  source: SourceFile,
  parser: Parser,
  options: FlowOptions,
  table: CallTable,
  memo: FlowMemo,
): FileFlow {
  /** Whether a function calls one of the kernel's for which a test holds. */
  const calls = (index: number, what: string, test: (callee: string) => boolean): boolean => {
    const { [index]: piece } = table.pieces;
    const called = piece!.fact(what, () => [...table.callees[index]!].filter(test));
    return called.some((callee) => !table.indexOf.has(callee));
  };
  const acquiresIn = (index: number): boolean => calls(index, 'acquires', (c) => ACQUIRES.has(c));
  const touchesIn = (index: number): boolean =>
    acquiresIn(index) ||
    table.pieces[index]!.fact('protocol', () => [...table.callees[index]!].some(isProtocolName));
  const names = source.functions.map((f) => f.name);
  const isInline = (name: string): boolean => source.inlines.has(name);
  const acquiring = closure(table, acquiresIn, isInline);
  if (options.join !== undefined) {
    const touching = closure(table, touchesIn);
    const run = new FileRun(source, parser, options, table, touching, acquiring, memo);
    return runJoined(source, run, table, options.join);
  }
  const direct = names.filter((name) => {
    const index = table.indexOf.get(name)!;
    if (acquiresIn(index)) return true;
    return acquiring.size > 0 && [...table.callees[index]!].some((c) => acquiring.has(c));
  });
  const { kernel } = source;
  const surveyed = source.functions.filter((_, index) =>
    calls(index, 'surveyed', (c) => isSurveyed(c, source.expandedCode(index), kernel)),
  );
  const inContext = table.pieces.some((piece, index) =>
    piece.fact('sleeps', () => [...table.callees[index]!].some((c) => SLEEPS.has(c))),
  );
  if (surveyed.length + direct.length === 0 && !inContext)
    return { functions: [], analysed: [], partlyRead: [], exports: NO_EXPORTS, roots: new Map() };
  const touching = closure(table, touchesIn);
  const run = new FileRun(source, parser, options, table, touching, acquiring, memo);
  let level = [...new Set(direct)];
  const done = new Set<string>();
  /** Functions that hand pages over and whose own run used its budget up. */
  const long = new Set<string>();
  for (let up = 0; up <= MAX_CALLERS_UP && level.length > 0; up++) {
    const isLong = (name: string): boolean => {
      const { [table.indexOf.get(name)!]: callees } = table.callees;
      return up > 0 && [...long].some((callee) => callees!.has(callee));
    };
    const handing = level.filter((name) => run.root(name, isLong(name)));
    for (const name of handing) if (run.ranOut(name)) long.add(name);
    for (const name of level) done.add(name);
    for (const name of handing) run.handsOver.add(name);
    const callers = names.filter((name) =>
      handing.some((h) => h !== name && table.callees[table.indexOf.get(name)!]!.has(h)),
    );
    level = [...new Set(callers)].filter((name) => !done.has(name));
  }
  for (const { name } of surveyed) if (!done.has(name)) run.surveyOnly(name);
  run.later.pairs();
  run.later.losses(acquiresIn);
  run.later.never(acquiresIn);
  run.later.again();
  run.later.failures();
  run.holds(direct);
  run.contexts();
  return run.result();
}
