/** What the engine showed about a finding: plain data for the command line, SARIF and the editor. */
import type { Scenario } from '#engine/protocol/scenario.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import type { PropertyName, TraceStep } from '#engine/protocol/trace.ts';
import type { Range } from '../syntax/range.ts';

/** A step of the counterexample, tied to the source where it is the driver's. */
export interface ExplainedStep extends TraceStep {
  /** Source range of the driver's step; absent for kernel actors. */
  readonly range?: Range;
  /** Function that the driver's step stands in, when it is not the finding's own. */
  readonly within?: string;
  /** On the last step: the damage, as in the explanation. */
  readonly damage?: string;
}

/** What became of the path in one memory with one set of kernel actors. */
export interface Trial {
  /** For instance `private anonymous memory, while the process forks and then writes to the buffer`. */
  readonly where: string;
  /**
   * `repaired`: the path breaks `property` and the document's form does not. `remains`: both break it. `holds`: the path
   * breaks nothing. `fails`: a call of the path, or (with `property`) of the document's form, gives another result there.
   * `bounded`: not explored to the end.
   */
  readonly outcome: 'repaired' | 'remains' | 'holds' | 'fails' | 'bounded';
  readonly property?: PropertyName;
  readonly states: number;
  readonly executions: number;
}

export interface Explanation {
  /**
   * `shown`: the path as written breaks a property that the document's form keeps, in the same environment.
   * `call`: the call by itself is refused or warned about by the kernel, and the run shows it.
   * `not-shown`: runs could have shown it and did not. `nothing-to-run`: no run applies to this rule.
   */
  readonly verdict: 'shown' | 'call' | 'not-shown' | 'nothing-to-run';
  /** One sentence for the end of a diagnostic. */
  readonly summary: string;
  /** The environment that broke, or the last one tried. */
  readonly scenario?: Scenario;
  /** What the run takes for granted, in words: memory, actors, results of calls, conditions, what was left out. */
  readonly assumptions: readonly string[];
  readonly steps: readonly ExplainedStep[];
  /** The damage in the user's terms, when shown. */
  readonly damage?: string;
  readonly property?: PropertyName;
  /** The driver's steps in the document's form, for the environment of `scenario`. */
  readonly form?: readonly DriverStep[];
  /** What the document's form does in the same environment, in one sentence. */
  readonly documentForm?: string;
  /** Every environment that was tried, in the rule's order. */
  readonly tried: readonly Trial[];
  /** What the kernel does with such a call, as recorded, where nothing is run. */
  readonly kernel: readonly string[];
  /** States and executions of the path as written, in the environment of `scenario`. */
  readonly explored: { readonly states: number; readonly executions: number; readonly bounded: boolean };
  /** Whether the absence of further damage is a proof, and within which bounds. One sentence; empty without a run. */
  readonly reach: string;
}
