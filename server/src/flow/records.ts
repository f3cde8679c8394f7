/** What the runs of one file have shown, and what is remembered of them from edit to edit. */
import type { RootRecord } from './execute.ts';
import type { FunctionFlow } from './file.ts';
import type { Held } from './held/held.ts';
import type { RunSummary } from './held/holds.ts';
import { type Leaves, NO_LEAVES } from './held/leaves.ts';
import type {
  OverwrittenObservation,
  StrandedObservation,
  UnreleasedObservation,
} from './held/observation.ts';
import { AskedTypes, type FileTypes } from './lower/structs.ts';
import type { FileLowering } from './lowering.ts';
import type { FlowMemo, RememberedRun, RunIdentity, RunScope, Surroundings } from './memo.ts';

export class RunRecords {
  /** Functions of whose text each run depends. */
  readonly usedBy = new Map<string, ReadonlySet<string>>();
  readonly functions: FunctionFlow[] = [];
  /** Functions that leave pages to other entry points, what leads to them, and the pages where the run is of now. */
  readonly leaving = new Map<string, { identity: RunIdentity; leaves: Leaves; cut: boolean }>();
  readonly left = new Map<string, readonly Held[]>();
  /** Functions that leave pages where they fail. */
  readonly failing = new Map<string, { identity: RunIdentity; leaves: Leaves }>();
  /** Of the functions that were run as entry points: which run it was, and what it decides. */
  readonly summaries = new Map<string, { identity: RunIdentity; summary: RunSummary }>();
  readonly roots = new Map<string, RootRecord>();
  readonly lasting: { producer: string; names: readonly string[] }[] = [];
  /** What was asked of the types since a run began. */
  asked: AskedTypes;
  readonly #types: FileTypes;
  readonly #lowering: FileLowering;
  readonly #memo: FlowMemo;
  readonly #handsOver: ReadonlySet<string>;

  /** `handsOver` grows: functions that may leave pages to their callers. */
  constructor(types: FileTypes, lowering: FileLowering, memo: FlowMemo, handsOver: ReadonlySet<string>) {
    this.#types = types;
    this.#lowering = lowering;
    this.#memo = memo;
    this.#handsOver = handsOver;
    this.asked = new AskedTypes(types);
  }

  /** Takes over a run of an earlier version of the file, with all that it left behind. */
  recall(scope: RunScope, name = scope.name): boolean | undefined {
    const now = {
      lowered: this.#lowering.known,
      repeated: this.#lowering.repeated,
      handsOver: this.#handsOver,
    };
    const run = this.#memo.recall(scope, {
      ...now,
      types: this.#types,
      lower: (fn) => this.#lowering.lowerAgain(fn),
    });
    if (run === undefined) return undefined;
    this.usedBy.set(scope.name, run.used);
    for (const [fn, facts] of run.lowered) this.#lowering.known.set(fn, facts);
    for (const [fn, repeated] of run.repeated) this.#lowering.repeated.set(fn, repeated);
    const { identity, steps, cut, leaves, failed = NO_LEAVES, pair, summary } = run;
    if (summary !== undefined) this.summaries.set(name, { identity, summary });
    if (leaves.keys.length > 0) this.leaving.set(name, { identity, leaves, cut });
    if (failed.keys.length > 0) this.failing.set(name, { identity, leaves: failed });
    const flow = { name, observations: [], steps, cut, identity, remembered: true };
    if (pair !== undefined) this.functions.push({ ...flow, pair });
    else if (scope.name === name) this.functions.push(flow);
    return run.handsOver;
  }

  /** What a run finds that starts now. */
  surroundings(): Surroundings {
    this.#lowering.used = new Set();
    this.asked = new AskedTypes(this.#types);
    return {
      lowered: new Map(this.#lowering.known),
      repeated: new Map(this.#lowering.repeated),
      handsOver: new Set(this.#handsOver),
      types: this.#types,
      lower: (fn) => this.#lowering.lowerAgain(fn),
    };
  }

  /** What a run depends on and what it leaves, for the memo. */
  remember(
    scope: RunScope,
    before: Surroundings,
    run: Pick<RememberedRun, 'steps' | 'cut' | 'handsOver' | 'leaves' | 'failed' | 'pair' | 'summary'>,
  ): RunIdentity {
    // What is lowered afterwards is no longer for this run.
    const used = new Set(this.#lowering.used);
    this.usedBy.set(scope.name, used);
    return this.#memo.remember(scope, before, {
      ...run,
      used,
      types: new Map(this.asked.asked),
      lowered: [...this.#lowering.known].filter(([fn]) => !before.lowered.has(fn)),
      repeated: [...this.#lowering.repeated].filter(([fn]) => !before.repeated.has(fn)),
    });
  }

  /** Adds what is said of pages that `name` leaves somewhere, and remembers it. */
  tell(
    scope: RunScope,
    before: Surroundings,
    name: string,
    observations: readonly (StrandedObservation | UnreleasedObservation | OverwrittenObservation)[],
  ): void {
    const fields = observations.flatMap((o) => o.members);
    const pair = { producer: name, fields, consumers: [], typed: [], onRequest: [] };
    const figures = { steps: 0, cut: false };
    const kept = { ...figures, handsOver: false, leaves: NO_LEAVES };
    const identity = this.remember(scope, before, observations.length === 0 ? kept : { ...kept, pair });
    if (observations.length > 0)
      this.functions.push({ name, observations, ...figures, identity, remembered: false, pair });
  }
}
