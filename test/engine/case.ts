/** Cases of compare(): what a driver's form breaks that the document's form keeps. */
import { expect } from 'vitest';
import { compare } from '#engine/explore/compare.ts';
import type { ActorKind, Memory } from '#engine/protocol/scenario.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import type { PropertyName } from '#engine/protocol/trace.ts';
import { pin, scenario, unpinDirty, write } from './steps.ts';

export interface Case {
  readonly says: string;
  readonly on: Memory;
  readonly written: readonly DriverStep[];
  readonly document?: readonly DriverStep[];
  readonly actors?: readonly ActorKind[];
  readonly shows: PropertyName | 'nothing';
}

export const documentForm = [pin(), write(), unpinDirty()];

export function check(c: Case): void {
  const {
    memory: mem,
    written,
    document,
    actors,
  } = { memory: c.on, document: documentForm, actors: [], ...c };
  const difference = compare(scenario(mem, written, ...actors), scenario(mem, document, ...actors));
  const text = JSON.stringify(difference.written.counterexample?.violation);
  expect(difference.property ?? 'nothing', text).toBe(c.shows);
}
