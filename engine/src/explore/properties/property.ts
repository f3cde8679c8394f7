/** A property as the explorer checks it. */
import type { PropertyName, ViolationSubject } from '../../protocol/trace.ts';
import { type Program, propertyBit } from '../program.ts';

export interface Property {
  readonly name: PropertyName;
  /** Its bit in X.BROKEN. */
  readonly bit: number;
  /** `step`: looked at after every transition. `end`: when the driver has returned. */
  readonly when: 'step' | 'end';
  /** Whether the current state, or the transition that led to it, breaks the property. */
  broken(p: Program): boolean;
  /** Step, page and folios that the damage is about, for a state in which broken() is true. */
  about?(p: Program, name: (frame: number) => string): ViolationSubject;
  /** The damage in one sentence, for a state in which broken() is true. `name` names a frame's folio. */
  damage(p: Program, name: (frame: number) => string): string;
}

/** A property with its bit filled in. */
export function property(definition: Omit<Property, 'bit'>): Property {
  return { bit: propertyBit(definition.name), ...definition };
}

/** Index of a step in the scenario's driver; nothing for steps of the second thread or the callback. */
export function driverStepOf(p: Program, step: number): { readonly driverStep?: number } {
  return step < p.scenario.driver.length ? { driverStep: step } : {};
}
