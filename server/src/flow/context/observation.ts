/** What the text tells of the contexts in which the functions of a file call. */
import type { Range } from '../../syntax/range.ts';
import type { AcquireModel } from '../kernel/acquire.ts';
import type { Call } from '../lower/ir.ts';
import type { MmapState } from './locks.ts';
import type { Callers } from './roles.ts';

/** A call that may sleep or needs a user's mm, with what the text tells of the context that it is made in. */
export interface ContextObservation {
  readonly what: 'context';
  readonly call: Call;
  /** The acquiring function; undefined for a function that only sleeps. */
  readonly model: AcquireModel | undefined;
  /** It may sleep in this form. */
  readonly sleeps: boolean;
  /** What makes the place certainly atomic, the innermost last. */
  readonly atomic: readonly AtomicPlace[];
  readonly mmap: MmapState;
  /** Where this function itself takes that lock after the call, which shows that nobody holds it at the call. */
  readonly mmapLater: Range | undefined;
  /** The mm whose lock is held is that of the calling process. */
  readonly mmapIsCurrent: boolean;
  /** The call is given the mm of the calling process, by its kind or by name. */
  readonly ofCurrent: boolean;
  readonly callers: Callers;
  readonly within: string;
}

/** A lock or guard that is held at a call; `via` is the call of a helper that it was taken around. */
export interface AtomicPlace {
  readonly by: string;
  readonly range: Range;
  readonly via?: { readonly function: string; readonly range: Range };
}

/**
 * What a function does after an acquiring call with `&locked`: it unlocks without looking at the variable, or goes on
 * with a vma that it looked up before.
 */
export interface DroppedLockObservation {
  readonly what: 'dropped-lock';
  readonly event: 'unlock' | 'vma';
  readonly call: Call;
  readonly range: Range;
  /** The variable that tells whether the lock is still held. */
  readonly variable: string;
  readonly within: string;
}

/** A function returns with the mmap_lock that it took for an acquiring call, and that it drops on other ways. */
export interface LeftLockedObservation {
  readonly what: 'left-locked';
  readonly call: Call;
  /** Where the lock is taken. */
  readonly lock: Range;
  readonly forWriting: boolean;
  /** The return. */
  readonly range: Range;
  readonly within: string;
}
