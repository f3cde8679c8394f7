/** Runs single functions of a file: as entry points on nothing, or on what another one has left. */
import type { SourceFile } from '../syntax/source.ts';
import { isAccessor } from './facts/accessor.ts';
import type { CallTable } from './facts/call-table.ts';
import { computes } from './facts/computes.ts';
import { alwaysFails } from './facts/failing.ts';
import type { Piece } from './facts/pieces.ts';
import { isInert } from './facts/reach.ts';
import { sparedParameters } from './facts/spares.ts';
import { type Failure, isFailure, surelyHeld } from './held/failures.ts';
import { type Held, HeldFinder, heldAt, heldKey, laterState, OwnerRecord } from './held/held.ts';
import type { Leaves } from './held/leaves.ts';
import { LossFinder, withoutNotices } from './held/loss-finder.ts';
import { type ConsumerExit, type ConsumerRun, worthPairing } from './held/pairs.ts';
import { Search } from './held/search.ts';
import { returnsAddress, returnsNonzero } from './held/temporary.ts';
import { isReleaseName } from './kernel/effects.ts';
import type { FunctionIr } from './lower/ir.ts';
import type { TypeLookup } from './lower/structs.ts';
import type { FileLowering } from './lowering.ts';
import type { RunIdentity } from './memo.ts';
import { Crowd } from './run/crowd.ts';
import type { RunObservation } from './run/observation.ts';
import { observationKey } from './run/observation-key.ts';
import { MAX_DEPTH, type RunFigures, runHelper, runRoot } from './run/run.ts';
import type { World } from './run/world.ts';
import { Values } from './state/value.ts';

/** The run of an entry point. */
export interface RootRun extends RunFigures {
  readonly observations: readonly RunObservation[];
  readonly left: readonly Held[];
  /** What it leaves where it fails. */
  readonly failures: readonly Failure[];
  /** The function returns an address, and no number. */
  readonly returnsAddress: boolean;
}

/** The run of an entry point, with all that another analysis needs to take it for its own: the places are the same. */
export interface RootRecord extends RootRun {
  readonly identity: RunIdentity;
  readonly leaves: Leaves;
  readonly failed: Leaves;
  readonly handsOver: boolean;
  readonly used: ReadonlySet<string>;
}

/** Of a function that is only read. */
export const NOT_RUN: RootRun = {
  observations: [],
  left: [],
  failures: [],
  returnsAddress: false,
  steps: 0,
  cut: false,
};

/** What a run may use of the file besides the functions' text. */
export interface Surrounding {
  /** Node executions. */
  readonly budget: number;
  /** Remembers what is asked of it. */
  readonly types: TypeLookup;
  readonly handsOver: (fn: string) => boolean;
}

/** Node executions of a function that is run on what another one has left. */
const PAIR_BUDGET = 1_000;

/** Ways of leaving pages with a failure that are looked at. */
const MAX_FAILURES = 4;

export class Executor {
  readonly #source: SourceFile;
  readonly #table: CallTable;
  readonly #lowering: FileLowering;

  constructor(source: SourceFile, table: CallTable, lowering: FileLowering) {
    this.#source = source;
    this.#table = table;
    this.#lowering = lowering;
  }

  /** Runs an entry point on an empty state. */
  root(ir: FunctionIr, { budget, types, handsOver }: Surrounding): RootRun {
    const owners = new OwnerRecord(types);
    const left = new Map<string, Held>();
    const failures = new Map<string, Failure>();
    const values = new Values();
    const observations = new Map<string, RunObservation>();
    const isAddress = returnsAddress(this.#source, this.#table.indexOf.get(ir.name)!);
    const world = this.#world(values, budget, observations, types, {
      handsOver,
      fields: owners,
      onExit: (st, returns, range) => {
        const held = heldAt(st, ir.name, values, owners.owners);
        if (held === undefined) return;
        const failed = isFailure(st, returns);
        const key = heldKey(held);
        if (!failed && !left.has(key)) left.set(key, held);
        const failure = `${range.start} ${key}`;
        const perhaps = !failed && !isAddress && returnsNonzero(st.path, returns);
        if (!(failed || perhaps) || failures.has(failure)) return;
        if (surelyHeld(held, () => true).length > 0) failures.set(failure, { held, range, perhaps });
      },
    });
    const figures = runRoot(world, ir, this.#lowering.factsOf(ir));
    return {
      ...figures,
      returnsAddress: isAddress,
      observations: [...observations.values()],
      left: worthPairing([...left.values()]),
      failures: [...failures.values()]
        .sort((a, b) => Number(a.perhaps) - Number(b.perhaps))
        .slice(0, MAX_FAILURES),
    };
  }

  /**
   * Runs a function on what another one has left. `reads` are the functions that come across what leads to it; `frees`:
   * the run is to tell whether the memory is freed in which the pages stand.
   */
  consumer(
    name: string,
    held: Held,
    { reads, frees }: { readonly reads: ReadonlySet<string>; readonly frees: boolean },
    { budget, types, handsOver }: Surrounding,
  ): ConsumerRun {
    const ir = this.#lowering.lower(name);
    const observations = new Map<string, RunObservation>();
    const exits: ConsumerExit[] = [];
    const finder = frees ? new LossFinder(held, types) : new HeldFinder(held, types);
    const search = new Search(observations, held, frees);
    if (ir === undefined)
      return {
        name,
        held,
        observations: [],
        exits,
        met: false,
        typed: true,
        steps: 0,
        cut: false,
        ended: false,
      };
    const world = this.#world(held.values, Math.min(PAIR_BUDGET, budget), observations, types, {
      handsOver,
      readsHeld: (fn) => frees || reads.has(fn),
      fields: finder,
      givesUp: (steps) => search.givesUp(steps),
      onExit: (st) => {
        exits.push({ sets: held.sets.flatMap((s) => st.sets.get(s.id) ?? []), path: st.path });
      },
    });
    const { nameStart } = this.#source.functions[this.#table.indexOf.get(name)!]!;
    const left = frees ? withoutNotices(held) : held;
    const start = laterState(left, name, { start: nameStart, end: nameStart + name.length });
    const { steps, cut } = runRoot(world, ir, this.#lowering.factsOf(ir), start);
    const seen = [...observations.values()];
    const { met, gaveUp } = search;
    const { typed } = finder;
    const ended = world.budget > 0 && !gaveUp;
    return { name, held, observations: seen, exits, met, typed, steps, cut: cut || gaveUp, ended };
  }

  #pieceOf(fn: string): Piece {
    return this.#table.pieces[this.#table.indexOf.get(fn)!]!;
  }

  #world(
    values: Values,
    budget: number,
    observations: Map<string, RunObservation>,
    types: TypeLookup,
    more: Pick<World, 'handsOver' | 'fields' | 'onExit' | 'readsHeld' | 'givesUp'>,
  ): World {
    const world: World = {
      values,
      text: this.#source.text,
      isHeader: this.#source.path.endsWith('.h'),
      defines: (fn) => this.#table.indexOf.has(fn),
      isInert: (fn) => isInert(this.#table, fn),
      computes: (fn) => this.#pieceOf(fn).fact('computes', ({ code, bodyAt }) => computes(code, bodyAt)),
      isAccessor: (fn) => this.#pieceOf(fn).fact('accessor', ({ code, bodyAt }) => isAccessor(code, bodyAt)),
      spares: (fn, i) =>
        this.#pieceOf(fn)
          .fact('spares', ({ expanded, nameAt, bodyAt }) => sparedParameters(expanded, nameAt, bodyAt))
          .has(i),
      isQuestion: (fn) =>
        this.#pieceOf(fn).fact('answers', ({ code, bodyAt }) =>
          /\bbool\b[^()]*\(/.test(code.slice(0, bodyAt)),
        ),
      takesNumber: (fn, i) => this.#lowering.lower(fn)?.params[i]?.type !== undefined,
      number: (name) => {
        const n = types.numbers.get(name);
        return n === undefined ? undefined : Number(n);
      },
      releases: (fn) => [...this.#table.callees[this.#table.indexOf.get(fn)!]!].some(isReleaseName),
      alwaysFails: (fn) =>
        this.#pieceOf(fn).fact('fails', ({ code, bodyAt }) => alwaysFails(code.slice(bodyAt))),
      enter: (caller, call, args, st) => {
        const fn = call.fn!;
        if (caller.depth >= MAX_DEPTH || caller.stack.includes(fn) || world.budget <= 0) return undefined;
        const callee = this.#lowering.lowerCalled(call);
        if (callee === undefined) return undefined;
        return runHelper(world, caller, callee, this.#lowering.factsOf(callee), args, st, call);
      },
      observe: (o) => {
        const key = observationKey(o);
        if (!observations.has(key)) observations.set(key, o);
      },
      budget,
      crowd: new Crowd(budget),
      ...more,
    };
    return world;
  }
}
