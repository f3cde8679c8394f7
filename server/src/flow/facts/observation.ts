/** What the text of a function says of page pinning, on whatever path. */
import type { Range } from '../../syntax/range.ts';
import type { Binary, Call } from '../lower/ir.ts';

/**
 * What a function does with a result: nothing, stores it in a local that is never read, tests only its sign (and
 * perhaps returns it), or something else.
 */
export type ResultUse = 'discarded' | 'unread' | 'sign-tested' | 'used';

/** A call of a function around page pinning, as the text has it, on whatever path. */
export interface CallObservation {
  readonly what: 'call';
  readonly call: Call;
  readonly use: ResultUse;
  /** The page is a variable that is NULL before the call, and is asked for or returned afterwards. */
  readonly preset: boolean;
  /** The function has a syntax error: arguments may not be what they seem. */
  readonly partlyRead: boolean;
  readonly within: string;
}

/** A FOLL_* name in the text. */
export interface FlagObservation {
  readonly what: 'flag';
  readonly name: string;
  readonly range: Range;
  readonly within: string;
}

/** A comparison or calculation with the reference count that `call` reads. */
export interface RefcountObservation {
  readonly what: 'refcount';
  readonly call: Call;
  readonly operation: Binary;
  /** Inside WARN_ON() or a relative. */
  readonly asserted: boolean;
  readonly within: string;
}

export type TextObservation = CallObservation | FlagObservation | RefcountObservation;
