/** All that flow tells the rules. */
import type {
  ContextObservation,
  DroppedLockObservation,
  LeftLockedObservation,
} from './context/observation.ts';
import type { TextObservation } from './facts/observation.ts';
import type {
  HoldObservation,
  OrderObservation,
  OverwrittenObservation,
  StrandedObservation,
  UnreleasedObservation,
} from './held/observation.ts';
import type { RunObservation } from './run/observation.ts';

export type Observation =
  | RunObservation
  | TextObservation
  | ContextObservation
  | DroppedLockObservation
  | LeftLockedObservation
  | HoldObservation
  | OrderObservation
  | StrandedObservation
  | OverwrittenObservation
  | UnreleasedObservation;
