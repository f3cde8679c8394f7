/** What one analysis of a function and its helpers shares: functions of the file, values, budget, observations. */
import type { Range } from '../../syntax/range.ts';
import type { FunctionFacts } from '../facts/function-facts.ts';
import type { Call, Expr, FunctionIr, Member } from '../lower/ir.ts';
import type { State } from '../state/state.ts';
import type { Value, Values } from '../state/value.ts';
import type { Crowd } from './crowd.ts';
import type { RunObservation } from './observation.ts';

/** A function body being run. */
export interface Frame {
  readonly ir: FunctionIr;
  /** Prefix of its locals' places. */
  readonly name: string;
  readonly depth: number;
  /** Names of the functions on the call stack, this one last. */
  readonly stack: readonly string[];
  /** Sites of the calls that led here from the entry point. */
  readonly calls: string;
  /** Name of the function whose text the body's places are in: this one, or the caller of one that a header defines. */
  readonly within: string;
  readonly facts: FunctionFacts;
  /** The end of a path through the body. */
  readonly onReturn: (st: State, v: Value | undefined, at: Range) => void;
}

/** Is told of every member that a run comes across, and may say where it stands. */
export interface FieldHook {
  /** `place` is undefined where the object is not told apart; so is the answer where it stays so. */
  located(ir: FunctionIr, st: State, e: Member, place: string | undefined): string | undefined;
  /** Tells places by which nobody comes to the pages: the run found the object elsewhere, or they stand for numbers. */
  isIdle?(st: State): (place: string) => boolean;
  /** Memory is freed: its address, as far as it is told apart. */
  frees?(ir: FunctionIr, st: State, e: Expr | undefined, v: Value): Value;
  /** A callee that is not seen is given something: whether it may take over or release pages. */
  given?(ir: FunctionIr, st: State, e: Call, args: readonly Value[]): boolean;
}

export interface World {
  readonly values: Values;
  readonly fields?: FieldHook;
  /** Whether a function of the file, or one that it calls, reads a member that leads to held pages. */
  readonly readsHeld?: (name: string) => boolean;
  /** Whether the run is not worth going on with after so many node executions. */
  readonly givesUp?: (steps: number) => boolean;
  /** The end of a path of the entry point. */
  readonly onExit?: (st: State, returns: Value | undefined, at: Range) => void;
  readonly text: string;
  readonly isHeader: boolean;
  /** Whether the file or a header of its project defines a function of this name: it shadows a kernel helper. */
  readonly defines: (name: string) => boolean;
  /** Whether neither such a function nor what it calls can keep, use or release pages that it is given. */
  readonly isInert: (name: string) => boolean;
  /** Whether such a function only computes: equal arguments, equal result. */
  readonly computes: (name: string) => boolean;
  /** Whether such a function only sets members of an object, or answers by them. */
  readonly isAccessor: (name: string) => boolean;
  /** Whether such a function writes nothing into what its parameter at this position leads to. */
  readonly spares: (name: string, position: number) => boolean;
  /** Whether such a function answers with yes or no. */
  readonly isQuestion: (name: string) => boolean;
  /** Whether its parameter at this position is declared as an integer. */
  readonly takesNumber: (name: string, position: number) => boolean;
  /** Number behind the name of a macro or enumerator, where the file or its headers tell. */
  readonly number: (name: string) => number | undefined;
  /** Whether the text of such a function releases pages. */
  readonly releases: (name: string) => boolean;
  /** Whether all that such a function returns are errors. */
  readonly alwaysFails: (name: string) => boolean;
  /** Whether such a function may leave its caller with pages that it acquired. */
  readonly handsOver: (name: string) => boolean;
  /** Runs a function of the file or its headers on argument values; undefined where it cannot be (recursion, depth, budget). */
  readonly enter: (caller: Frame, call: Call, args: readonly Value[], st: State) => Outcome[] | undefined;
  readonly observe: (o: RunObservation) => void;
  /** Thins out the paths of a long run. */
  readonly crowd: Crowd;
  /** Node executions left; at 0 the run stops and says so. */
  budget: number;
}

/** A state and the value that an expression has in it. */
export interface Outcome {
  readonly st: State;
  readonly v: Value;
}
