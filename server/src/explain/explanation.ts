/** What the engine showed about a finding: plain data for the command line, SARIF and the editor. */
import type { Scenario } from '#engine/protocol/scenario.ts';
import type { TraceStep } from '#engine/protocol/trace.ts';
import type { Range } from '../syntax/range.ts';

/** A step of the counterexample, tied to the source where it is the driver's. */
export interface ExplainedStep extends TraceStep {
  /** Source range of the driver's step; absent for kernel actors. */
  readonly range?: Range;
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
  /** Memory kinds and actors that were tried, in words. */
  readonly assumptions: readonly string[];
  readonly steps: readonly ExplainedStep[];
  /** The damage in the user's terms, when shown. */
  readonly damage?: string;
  readonly property?: string;
  /** What the document's form does in the same environment, in one sentence. */
  readonly documentForm?: string;
  readonly explored: { readonly states: number; readonly executions: number; readonly bounded: boolean };
}
