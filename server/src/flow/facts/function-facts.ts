/** What is known of a function before it runs. */
import type { Liveness } from './liveness.ts';

/** What is known of a function once it was lowered. */
export interface LoweredFacts {
  readonly conditions: readonly string[];
  readonly partlyRead: boolean;
}

/** What is computed once per function before it runs. */
export interface FunctionFacts {
  /** Locals whose values matter to the pages; others are unknown. */
  readonly tracked: ReadonlySet<string>;
  readonly liveness: Liveness;
  /** Conditions that are written more than once, here or in a helper: a path remembers their outcomes. */
  readonly repeated: ReadonlySet<string>;
  /** Locals that the function returns. */
  readonly results: readonly string[];
}
