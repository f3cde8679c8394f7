/** Runs a litmus test: all final states, and how often the condition holds, in herd's terms. */
import { DEFAULT_STATE_BOUND } from '../explore/explore.ts';
import { Program } from '../explore/program.ts';
import { StateStore } from '../explore/store.ts';
import { chosen, finished, run, transitionCount } from '../explore/transitions.ts';
import type { LitmusTest, Observation } from './ast.ts';
import { holds, readersOf } from './condition.ts';
import { lowerLitmus, type Register } from './lower.ts';
import { expressionText } from './printer.ts';

export interface FinalState {
  /** Values of what the condition names, in its order: `lost-write=1; n=1;`. */
  readonly values: readonly (readonly [string, number])[];
  readonly satisfies: boolean;
  /** Executions that end in it. */
  readonly executions: number;
}

export interface LitmusResult {
  readonly name: string;
  readonly states: readonly FinalState[];
  /** Executions whose final state satisfies the condition, and does not. */
  readonly positive: number;
  readonly negative: number;
  readonly observation: Observation;
  /** The quantified condition, as text. */
  readonly condition: string;
  /** Whether the quantified condition is true. */
  readonly ok: boolean;
  readonly expected?: Observation;
  /** False when the file expects another observation. */
  readonly asExpected: boolean;
  /** A bound was hit: the observation is no proof. */
  readonly bounded: boolean;
  /** No run has the results that the test assumes. */
  readonly refused: boolean;
  readonly visited: number;
}

export interface LitmusOptions {
  readonly states?: number;
  /** Partial-order reduction; off unless true, so that executions are counted as they are. */
  readonly reduction?: boolean;
}

/** Runs a parsed test. `file` names it in errors. Throws LitmusError for what a scenario can't say. */
export function runLitmus(test: LitmusTest, file = test.name, options: LitmusOptions = {}): LitmusResult {
  const { scenario, registers } = lowerLitmus(test, file);
  const readers = readersOf(
    test.condition,
    registers.map((register) => register.name),
    file,
  );
  const program = new Program(scenario, registers as readonly Register[]);
  const { finals, bounded, visited } = finalStates(program, options);
  const found = new Map<string, FinalState>();
  for (const [state, executions] of finals) {
    program.machine.words.set(state);
    const values = readers.map((reader) => [reader.label, reader.read(program)] as const);
    const key = values.map(([label, value]) => `${label}=${value};`).join(' ');
    const satisfies = holds(test.condition, new Map(values));
    found.set(key, { values, satisfies, executions: (found.get(key)?.executions ?? 0) + executions });
  }
  const states = [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, state]) => state);
  const count = (satisfies: boolean): number =>
    states.filter((s) => s.satisfies === satisfies).reduce((n, s) => n + s.executions, 0);
  const positive = count(true);
  const negative = count(false);
  const observation: Observation = positive === 0 ? 'Never' : negative === 0 ? 'Always' : 'Sometimes';
  const ok =
    test.quantifier === 'exists'
      ? positive > 0
      : test.quantifier === 'forall'
        ? negative === 0
        : positive === 0;
  const refused = states.length === 0;
  return {
    name: test.name,
    states,
    positive,
    negative,
    observation,
    condition: `${test.quantifier} (${expressionText(test.condition, 0)})`,
    ok: ok && !refused,
    ...(test.expectation === undefined ? {} : { expected: test.expectation }),
    asExpected:
      !refused && !bounded && (test.expectation === undefined ? ok : test.expectation === observation),
    bounded,
    refused,
    visited,
  };
}

/** Every final state with the number of executions that end in it. */
function finalStates(
  p: Program,
  options: LitmusOptions,
): { finals: [Int32Array, number][]; bounded: boolean; visited: number } {
  const m = p.machine;
  const store = new StateStore(m);
  const limit = options.states ?? DEFAULT_STATE_BOUND;
  const paths = [1];
  const finals: [Int32Array, number][] = [];
  const ways = new Int32Array(transitionCount(p));
  let bounded = false;
  for (let index = 0; index < store.count; index++) {
    store.load(index);
    if (finished(p)) {
      finals.push([m.state.slice(), paths[index]!]);
      continue;
    }
    const count = chosen(p, ways, options.reduction === true);
    for (let way = 0; way < count; way++) {
      const t = ways[way]!;
      if (!run(p, t)) {
        store.undo();
        continue;
      }
      const added = store.add();
      if (added < 0) paths[~added]! += paths[index]!;
      else paths.push(paths[index]!);
    }
    if (store.count > limit) {
      bounded = true;
      break;
    }
  }
  return { finals, bounded, visited: store.count };
}

/** The result as herd prints it. `seconds` is the caller's measurement: the engine reads no clock. */
export function litmusReport(result: LitmusResult, seconds?: number): string {
  const lines = [
    `Test ${result.name} ${result.ok ? 'Allowed' : 'Forbidden'}`,
    `States ${result.states.length}`,
  ];
  for (const state of result.states)
    lines.push(state.values.map(([label, value]) => `${label}=${value};`).join(' '));
  lines.push(result.ok ? 'Ok' : 'No');
  lines.push('Witnesses', `Positive: ${result.positive} Negative: ${result.negative}`);
  lines.push(`Condition ${result.condition}`);
  lines.push(`Observation ${result.name} ${result.observation} ${result.positive} ${result.negative}`);
  if (seconds !== undefined) lines.push(`Time ${result.name} ${seconds.toFixed(2)}`);
  if (result.bounded) lines.push('Bound reached: not every execution was looked at');
  if (result.refused) lines.push('No execution gives the results that the test assumes');
  if (!result.asExpected && result.expected !== undefined)
    lines.push(`Expected ${result.expected}, observed ${result.observation}`);
  return `${lines.join('\n')}\n`;
}
