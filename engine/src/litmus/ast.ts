/** A litmus test as written: what the parser reads and the printer prints. */
import type { KernelMemoryKind, MemoryKind } from '../protocol/scenario.ts';

/** Place in the text, from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The test's expected answer, in herd's words. */
export const OBSERVATIONS = ['Never', 'Sometimes', 'Always'] as const;
export type Observation = (typeof OBSERVATIONS)[number];

export interface Buffer {
  readonly name: string;
  readonly kind: MemoryKind | KernelMemoryKind;
  readonly pages: number;
  readonly mapped?: number;
  readonly readonly: boolean;
  readonly zone?: 'normal' | 'movable' | 'cma';
  readonly killed?: boolean;
  readonly stable?: boolean;
}

/** `pages[1]`, `pages[0..1]`, `pages + 1`, `pages`. */
export interface ArrayArgument {
  readonly kind: 'array';
  readonly name: string;
  /** Set for an element or a range of elements. */
  readonly from?: number;
  readonly to?: number;
  /** Set for `array + offset`. */
  readonly offset?: number;
}
export interface NumberArgument {
  readonly kind: 'number';
  readonly value: number;
}
/** One or more words joined by `|`: flags, `NULL`, `true`, `DMA_TO_DEVICE`. */
export interface WordsArgument {
  readonly kind: 'words';
  readonly words: readonly string[];
}
/** `n == -EFAULT`. */
export interface ComparisonArgument {
  readonly kind: 'comparison';
  readonly name: string;
  readonly value: number;
}
export type Argument = (ArrayArgument | NumberArgument | WordsArgument | ComparisonArgument) & {
  readonly at: Position;
};

/**
 * `target = name(arguments);` or `name(arguments) * times;`, or with a body `if (name(arguments)) { … }`. `goto` is a
 * call whose argument is the label.
 */
export interface Statement {
  readonly comments: readonly string[];
  /** `again:` before the statement. */
  readonly label?: string;
  /** Set for `if`. */
  readonly body?: readonly Statement[];
  /** `if (!name(arguments))`. */
  readonly negated?: boolean;
  readonly target?: string;
  readonly call: string;
  readonly args: readonly Argument[];
  readonly times?: number;
  readonly at: Position;
}

/** `driver(A) { … }`, `invalidate(A) { … }`, `task(A) { … }`, `kernel { … }`. */
export interface Section {
  readonly comments: readonly string[];
  readonly role: 'driver' | 'invalidate' | 'task' | 'kernel';
  readonly task?: string;
  readonly statements: readonly Statement[];
  readonly at: Position;
}

export type Expression =
  | { readonly kind: 'or' | 'and'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'not'; readonly operand: Expression }
  | {
      readonly kind: 'atom';
      readonly name: string;
      readonly args: readonly Argument[];
      readonly operator?: Operator;
      readonly value?: number;
      readonly at: Position;
    };

export const OPERATORS = ['==', '!=', '<=', '>=', '<', '>', '='] as const;
export type Operator = (typeof OPERATORS)[number];

export interface LitmusTest {
  readonly name: string;
  readonly comments: readonly string[];
  readonly buffer: Buffer;
  readonly sections: readonly Section[];
  /** Comments before the condition. */
  readonly remarks: readonly string[];
  readonly quantifier: 'exists' | '~exists' | 'forall';
  readonly condition: Expression;
  readonly expectation?: Observation;
}

/** Something wrong with a litmus test's text. */
export class LitmusError extends Error {
  readonly file: string;
  readonly at: Position;

  constructor(file: string, at: Position, message: string) {
    super(`${file}:${at.line}:${at.column}: ${message}`);
    this.name = 'LitmusError';
    this.file = file;
    this.at = at;
  }
}
