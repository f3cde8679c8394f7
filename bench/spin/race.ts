/**
 * explore() against SPIN on CASE 5: case5.pml and a scenario of the engine with the same pages, actors and steps. They
 * count the same states, but for one of SPIN's: the one before `init` has run.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { surveyScenario } from '#engine/explore/explore.ts';
import { FOLL } from '#engine/protocol/flags.ts';
import type { Scenario } from '#engine/protocol/scenario.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import { milliseconds, output } from '../measure.ts';

export type Variant = 'GET' | 'PIN';

/** What one contender found, and how long its search alone took. */
export interface Score {
  readonly lostWrite: boolean;
  readonly states: number;
  readonly transitions: number;
  /** Wall-clock seconds, and seconds of processor time in user mode, which a busy machine changes less. */
  readonly seconds: number;
  readonly userSeconds: number;
  readonly bytesPerState: number;
}

export interface Race {
  readonly variant: Variant;
  readonly pages: number;
  readonly reduction: boolean;
  readonly spin: Score;
  readonly engine: Score;
}

const ROUNDS = 11;
/** Runs of the engine before the clock starts: until its code is compiled for the scenario. */
const WARM_UP = 4;
/** More than any variant here has. */
const STATE_BOUND = 5_000_000;
/** Hash table of 2^23 entries: SPIN was fastest with it, of 19 to 24. */
const HASH_BITS = 23;

/** SPIN and a C compiler can be called. */
export function spinInstalled(): boolean {
  return ['spin', 'gcc'].every((program) => spawnSync(program, ['--version']).error === undefined);
}

/** `model` is the path of case5.pml. Contenders run in turn, so that a slow moment of the machine hits both. */
export function race(model: string, variant: Variant, pages: number, reduction: boolean): Race {
  const folder = mkdtempSync(path.join(tmpdir(), 'gupcheck-spin-'));
  try {
    const verifier = build(model, folder, variant, pages, reduction);
    const scenario = case5(variant, pages);
    for (let run = 0; run < WARM_UP; run++) runEngine(scenario, reduction);
    const spins: Score[] = [];
    const engines: Score[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      spins.push(runSpin(verifier, folder));
      engines.push(runEngine(scenario, reduction));
    }
    return { variant, pages, reduction, spin: middle(spins), engine: middle(engines) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function middle(scores: readonly Score[]): Score {
  return {
    ...scores[0]!,
    seconds: middleHalf(scores.map((score) => score.seconds)),
    userSeconds: middleHalf(scores.map((score) => score.userSeconds)),
  };
}

/** Mean of the middle half: as robust as a median, and finer than SPIN's clock, whose steps are 10 ms. */
function middleHalf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const cut = Math.floor(sorted.length / 4);
  const kept = sorted.slice(cut, sorted.length - cut);
  return kept.reduce((sum, value) => sum + value, 0) / kept.length;
}

/** Depth-first search with full states, no cycle detection (-DSAFETY): SPIN's fastest exhaustive mode. */
function build(model: string, folder: string, variant: Variant, pages: number, reduction: boolean): string {
  const pin = variant === 'PIN' ? ['-DPIN'] : [];
  output('spin', ['-a', `-DP=${pages}`, ...pin, model], folder);
  const noReduction = reduction ? [] : ['-DNOREDUCE'];
  output('gcc', ['-O2', '-DSAFETY', ...noReduction, '-w', '-o', 'pan', 'pan.c'], folder);
  return path.join(folder, 'pan');
}

/** -c0: look at everything, as explore() does, instead of stopping at the first error. */
function runSpin(verifier: string, folder: string): Score {
  // `times` prints user and system time of the shell, then of what it has run.
  const text = output('sh', ['-c', `${verifier} -c0 -E -m10000 -w${HASH_BITS} && times`], folder);
  const user = /\n(\d+)m([\d.]+)s \S+\s*$/.exec(text);
  if (user === null) throw new Error(`times printed nothing:\n${text}`);
  const states = figure(text, /^\s*(\d+) states, stored/m);
  const vector = figure(text, /state-vector as stored = (\d+) byte/);
  const overhead = figure(text, /state-vector as stored = \d+ byte \+ (\d+) byte overhead/);
  return {
    lostWrite: figure(text, /errors: (\d+)/) > 0,
    states,
    transitions: figure(text, /^\s*(\d+) transitions/m),
    seconds: figure(text, /elapsed time ([\d.]+) seconds/),
    userSeconds: 60 * Number(user[1]) + Number(user[2]),
    bytesPerState: vector + overhead,
  };
}

function figure(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`SPIN printed nothing like ${pattern}:\n${text}`);
  return Number(found);
}

/** The search without the counterexample's replay, which SPIN does in a run of its own as well. */
function runEngine(scenario: Scenario, reduction: boolean): Score {
  let survey: ReturnType<typeof surveyScenario> | undefined;
  const before = process.cpuUsage();
  const time = milliseconds(() => {
    survey = surveyScenario(scenario, {
      reduction,
      properties: ['lost-write'],
      bounds: { states: STATE_BOUND },
    });
  });
  const { verdict, exploration } = survey!;
  if (verdict !== 'broken' && verdict !== 'holds') throw new Error(`the scenario is ${verdict}`);
  return {
    lostWrite: verdict === 'broken',
    states: exploration.states,
    transitions: exploration.transitions,
    seconds: time / 1000,
    userSeconds: process.cpuUsage(before).user / 1e6,
    bytesPerState: exploration.bytesPerState,
  };
}

/** What case5.pml says, as a scenario: acquire, write and release page by page, beside five kernel actors. */
function case5(variant: Variant, pages: number): Scenario {
  const all = Array.from({ length: pages }, (_, page) => page);
  const slot = (set: number) => ({ set, from: 0, count: 1 });
  const driver: DriverStep[] = [
    ...all.map((page): DriverStep => {
      const api = variant === 'PIN' ? 'pin_user_pages_fast' : 'get_user_pages_fast';
      return { op: 'acquire', api, flags: FOLL.WRITE, nr: 1, set: page, page };
    }),
    ...all.map((page): DriverStep => ({ op: 'access', mode: 'write', ...slot(page) })),
    ...all.map((page): DriverStep => {
      const api = variant === 'PIN' ? 'unpin_user_page' : 'put_page';
      return { op: 'release', api, ...slot(page) };
    }),
  ];
  return {
    memory: { kind: 'anon', pages, mapped: pages, writable: true },
    driver,
    actors: ['fork-parent-write', 'store', 'store', 'reclaim', 'reclaim'],
  };
}
