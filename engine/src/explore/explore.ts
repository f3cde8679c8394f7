/** All interleavings of a scenario, breadth first. */
import type { Scenario } from '../protocol/scenario.ts';
import type { Counterexample, Exploration, PropertyName } from '../protocol/trace.ts';
import { X } from './layout.ts';
import { Program } from './program.ts';
import { ALL_PROPERTIES, NOTES, type Property } from './properties/index.ts';
import { finish, type Slices } from './slices.ts';
import { StateStore } from './store.ts';
import { trace } from './trace.ts';
import { chosen, finished, run, threadOf, transitionCount } from './transitions.ts';

export interface Bounds {
  /** Most states to visit. */
  readonly states?: number;
}

export interface ExploreOptions {
  readonly bounds?: Bounds;
  /** Partial-order reduction; on unless false. */
  readonly reduction?: boolean;
  /** Polled now and then; a cancelled exploration answers `bounded`. */
  readonly cancelled?: () => boolean;
  /** Only these properties; all of them unless given. */
  readonly properties?: readonly PropertyName[];
}

export const DEFAULT_STATE_BOUND = 200_000;

/** States that are expanded between two points at which a search may be left. */
const SLICE = 2048;

/** An exploration that also knows everything that breaks somewhere, and can show each. */
export interface FullExploration extends Exploration {
  /** Broken properties, the gravest first; notes included. */
  readonly broken: readonly PropertyName[];
  /** Bytes of memory that each visited state took. */
  readonly bytesPerState: number;
  /** The shortest counterexample of one broken property. */
  readonly show: (name: PropertyName) => Counterexample | undefined;
}

interface Search {
  readonly states: number;
  readonly transitions: number;
  readonly executions: number;
  readonly depth: number;
  readonly broken: number;
  readonly bounded: boolean;
  readonly refusal: Refusal | undefined;
  readonly bytesPerState: number;
  /** Transitions from the start to the first state that breaks `target`. */
  readonly path: readonly number[] | undefined;
}

/**
 * Explores every interleaving of the driver with the kernel actors and the device. Deterministic: equal scenarios give
 * equal answers. `holds` is a proof within the scenario; `bounded` is none.
 */
export function explore(scenario: Scenario, options: ExploreOptions = {}): Exploration {
  const full = exploreFully(scenario, options);
  const { states, transitions, executions, depth, verdict, refusal, refusedWith, bounded, counterexample } =
    full;
  return {
    verdict,
    ...(counterexample === undefined ? {} : { counterexample }),
    ...(refusal === undefined ? {} : { refusal }),
    ...(refusedWith === undefined ? {} : { refusedWith }),
    ...(bounded === undefined ? {} : { bounded }),
    states,
    transitions,
    executions,
    depth,
  };
}

/** As explore(), with every broken property. */
export function exploreFully(scenario: Scenario, options: ExploreOptions = {}): FullExploration {
  const survey = surveyScenario(scenario, options);
  const deciding = survey.properties.filter((property) => !NOTES.includes(property));
  const counterexample =
    survey.verdict === 'broken' ? finish(shortestOf(scenario, options, deciding)) : undefined;
  return { ...survey.exploration, ...(counterexample === undefined ? {} : { counterexample }) };
}

/** An exploration without its counterexample, and the properties that break in it. */
export interface Survey {
  readonly verdict: Exploration['verdict'];
  readonly properties: readonly Property[];
  readonly exploration: FullExploration;
}

/** Explores everything once. A witness that can't be run is refused whatever else its beginning breaks. */
export function surveyScenario(scenario: Scenario, options: ExploreOptions): Survey {
  return finish(surveySlices(scenario, options));
}

/** As surveyScenario(), in slices. */
export function* surveySlices(scenario: Scenario, options: ExploreOptions): Slices<Survey> {
  const search = yield* searchStates(new Program(scenario), options, selected(options), 0);
  const properties = selected(options).filter((property) => (search.broken & property.bit) !== 0);
  const verdict =
    search.refusal !== undefined
      ? 'refused'
      : properties.some((property) => !NOTES.includes(property))
        ? 'broken'
        : search.bounded
          ? 'bounded'
          : 'holds';
  const show = (name: PropertyName): Counterexample | undefined => {
    const property = properties.find((p) => p.name === name);
    return property === undefined ? undefined : finish(shortestOf(scenario, options, [property]));
  };
  return {
    verdict,
    properties,
    exploration: {
      verdict,
      ...(search.refusal === undefined
        ? {}
        : { refusal: search.refusal.text, refusedWith: search.refusal.result }),
      ...(search.bounded ? { bounded: true } : {}),
      states: search.states,
      transitions: search.transitions,
      executions: search.executions,
      depth: search.depth,
      broken: properties.map((property) => property.name),
      bytesPerState: search.bytesPerState,
      show,
    },
  };
}

function selected(options: ExploreOptions): readonly Property[] {
  const names = options.properties;
  return names === undefined
    ? ALL_PROPERTIES
    : ALL_PROPERTIES.filter((property) => names.includes(property.name));
}

/**
 * The shortest run that breaks one of the properties, in slices. Reduction reorders runs: with it, the run found is one
 * of the shorter ones, after fewer states.
 */
export function* shortestOf(
  scenario: Scenario,
  options: ExploreOptions,
  properties: readonly Property[],
  reduction = false,
): Slices<Counterexample | undefined> {
  const program = new Program(scenario);
  const target = properties.reduce((mask, property) => mask | property.bit, 0);
  const { path } = yield* searchStates(program, { ...options, reduction }, ALL_PROPERTIES, target);
  return path === undefined ? undefined : trace(scenario, path, properties);
}

/** The search itself, in slices. With a target it stops at the first state that breaks one of these properties. */
function* searchStates(
  p: Program,
  options: ExploreOptions,
  properties: readonly Property[],
  target: number,
): Slices<Search> {
  const m = p.machine;
  const store = new StateStore(m);
  const reduction = options.reduction !== false;
  const limit = options.bounds?.states ?? DEFAULT_STATE_BOUND;
  const parents: number[] = [-1];
  const vias: number[] = [-1];
  const paths: number[] = [1];
  const ways = new Int32Array(transitionCount(p));
  const acquires = new AcquireLog(p);
  let transitions = 0;
  let executions = 0;
  let depth = 0;
  /** Where the next level of the search begins. */
  let nextLevel = 0;
  let level = -1;
  let broken = 0;
  let bounded = false;
  let hit = -1;
  for (let index = 0; index < store.count && hit < 0; index++) {
    if (index % SLICE === SLICE - 1) yield;
    if (index % 1024 === 0 && options.cancelled?.() === true) {
      bounded = true;
      break;
    }
    if (index === nextLevel) {
      level++;
      nextLevel = store.count;
    }
    store.load(index);
    if (finished(p)) {
      executions += paths[index]!;
      continue;
    }
    const count = chosen(p, ways, reduction);
    for (let way = 0; way < count; way++) {
      const t = ways[way]!;
      const matched = run(p, t, properties);
      // A transition that has to wait is none.
      if (m.mustWait) {
        store.undo();
        continue;
      }
      transitions++;
      if (threadOf(p, t) >= 0) acquires.saw(p.lastStep, matched, p.refusal);
      if (!matched) {
        store.undo();
        continue;
      }
      const brokenHere = p.x(X.BROKEN);
      const added = store.add();
      if (added < 0) {
        paths[~added]! += paths[index]!;
        continue;
      }
      if (target !== 0) {
        parents.push(index);
        vias.push(t);
      }
      paths.push(paths[index]!);
      depth = level + 1;
      broken |= brokenHere;
      if ((brokenHere & target) !== 0) {
        hit = added;
        break;
      }
      if (store.count >= limit) {
        bounded = true;
        break;
      }
    }
    if (bounded) break;
  }
  return {
    states: store.count,
    transitions,
    executions,
    depth,
    broken,
    bounded,
    refusal: acquires.refusal,
    bytesPerState: store.bytesPerState,
    path: hit < 0 ? undefined : pathTo(hit, parents, vias),
  };
}

function pathTo(state: number, parents: readonly number[], vias: readonly number[]): number[] {
  const path: number[] = [];
  for (let at = state; parents[at]! >= 0; at = parents[at]!) path.push(vias[at]!);
  return path.reverse();
}

/** An acquire that gave another result than the witness assumes. */
interface Refusal {
  readonly text: string;
  readonly result: number;
}

/** Whether each acquire gave, in some run, the result that the witness assumes. */
class AcquireLog {
  private readonly tried = new Map<number, Refusal>();
  private readonly matched = new Set<number>();
  private readonly program: Program;

  constructor(program: Program) {
    this.program = program;
  }

  saw(pc: number, matched: boolean, text: string | undefined): void {
    if (this.program.steps[pc]!.op !== 'acquire') return;
    if (matched) this.matched.add(pc);
    else if (!this.tried.has(pc)) this.tried.set(pc, { text: text ?? '', result: this.program.ret ?? 0 });
  }

  /** Set when an acquire was tried and never matched. */
  get refusal(): Refusal | undefined {
    for (const [pc, refusal] of this.tried) if (!this.matched.has(pc)) return refusal;
    return undefined;
  }
}
