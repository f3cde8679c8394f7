/** Programs whose truth is known by construction: right, or with exactly one mistake. */
import type fc from 'fast-check';

/** How a mistake has to be reported, and how often it is. */
export interface Expected<C> {
  /** Codes that fit the mistake; one of them has to be reported at warning or above. */
  readonly codes: readonly string[];
  /** The share that is found with the fixed seed, at least: 0 to 1. */
  readonly floor: number;
  /** Programs of which it is not asked that the mistake be found: known weaknesses. In all others it has to be. */
  readonly mayPass?: (choices: C) => boolean;
  /** Whether a program of these choices can have the mistake; where it is left out, every one can. */
  readonly fits?: (choices: C) => boolean;
}

/** A family of programs. `C` are its choices, of which every combination is a right program. */
export interface Shape<C, M extends string> {
  readonly title: string;
  readonly choices: fc.Arbitrary<C>;
  /** The C text, with the mistake, or right without one. */
  readonly text: (choices: C, mistake?: M) => string;
  readonly mistakes: Readonly<Record<M, Expected<C>>>;
}
