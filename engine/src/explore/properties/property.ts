/** A property as the explorer checks it. */
import type { PropertyName } from '../../protocol/trace.ts';
import type { Program } from '../program.ts';

export interface Property {
  readonly name: PropertyName;
  /** `step`: looked at after every transition. `end`: when the driver has returned. */
  readonly when: 'step' | 'end';
  /** Whether the current state, or the transition that led to it, breaks the property. */
  broken(p: Program): boolean;
  /** The damage in one sentence, for a state in which broken() is true. `name` names a frame's folio. */
  damage(p: Program, name: (frame: number) => string): string;
}
