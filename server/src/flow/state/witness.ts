/**
 * A path in the pin protocol: the steps on one way through a function (or through a producer and its consumer), with
 * source ranges and the guards that were assumed. A finding carries one; explain/ turns it into an engine scenario.
 */
import type { DriverStep } from '#engine/protocol/steps.ts';
import type { Range } from '../../syntax/range.ts';

/** A condition in the source that this path assumes to be true or false. */
export interface AssumedGuard {
  readonly range: Range;
  readonly text: string;
  readonly holds: boolean;
  /** Identity of the value that was tested, where it has one. */
  readonly key?: string | undefined;
}

/** One protocol step with its place. */
export interface WitnessStep {
  readonly step: DriverStep;
  readonly range: Range;
  /** The text of the call or assignment, shortened to one line. */
  readonly text: string;
  /** Where the step stands when it is not in the finding's own function (a helper that was seen through). */
  readonly within?: string;
}

export interface Witness {
  readonly steps: readonly WitnessStep[];
  readonly assumed: readonly AssumedGuard[];
}
