/** What one analysis of a function and its helpers shares: functions of the file, values, budget, observations. */
import type { DmaDirection } from '#engine/protocol/steps.ts';
import type { Range } from '../syntax/range.ts';
import type { MmapState } from './context/locks.ts';
import type { Callers } from './context/roles.ts';
import type { Crowd } from './crowd.ts';
import type { ReachedFrom } from './entries.ts';
import type { Binary, Call, Expr, FunctionIr, Member } from './ir.ts';
import type { AcquireForm, AcquireModel } from './kernel/acquire.ts';
import type { DeviceWay } from './kernel/devices.ts';
import type { Effect } from './kernel/effects.ts';
import type { Liveness } from './liveness.ts';
import type { LateUnmap } from './order.ts';
import type { PathLink } from './path.ts';
import type { PageSet, State } from './state.ts';
import type { Value, Values } from './value.ts';

/** A call of an acquiring function, with what its arguments are on one path. */
export interface AcquireObservation {
  readonly what: 'acquire';
  readonly call: Call;
  readonly model: AcquireModel;
  readonly form: AcquireForm | undefined;
  readonly flags: Value;
  readonly flagsExpr: Expr | undefined;
  readonly nullPages: boolean;
  /** Pages requested in the small world. */
  readonly nr: number;
  readonly within: string;
}

/** A release of a page of a known set. `set` is its state just before. */
export interface ReleaseObservation {
  readonly what: 'release';
  readonly call: Call;
  readonly effect: Extract<Effect, { does: 'release' | 'release-array' }>;
  readonly set: PageSet;
  /** Slot that is released; null where it is not known. */
  readonly slot: number | null;
  readonly makeDirty: 'no' | 'maybe' | 'yes';
  readonly path: PathLink | undefined;
  readonly within: string;
}

/**
 * A release of an array entry that the acquire did not fill, or with a negative result as count. `set` is what the
 * acquire gave.
 */
export interface UnfilledObservation {
  readonly what: 'unfilled';
  readonly call: Call;
  readonly effect: ReleaseObservation['effect'];
  readonly set: PageSet;
  readonly slot: number;
  /** The negative count, or 1. */
  readonly count: number;
  readonly path: PathLink | undefined;
  readonly within: string;
}

/**
 * A comparison of a failed acquire's result whose outcome is another than that of the same numbers with their signs:
 * a conversion to unsigned made a count of -errno.
 */
export interface SignObservation {
  readonly what: 'sign';
  readonly range: Range;
  /** What the failed acquire gave: nothing. */
  readonly set: PageSet;
  /** The result's sign is tested on a way on from here. */
  readonly tested: boolean;
  readonly path: PathLink | undefined;
  readonly within: string;
}

/** The CPU certainly reads or writes a page's data. `set` is its state at that moment. */
export interface AccessObservation {
  readonly what: 'access';
  readonly mode: 'read' | 'write';
  readonly range: Range;
  readonly set: PageSet;
  readonly slot: number | null;
  readonly path: PathLink | undefined;
  readonly within: string;
}

/**
 * A device is given a page: in a list that I/O is done on (`listed`), or so that it can reach it from here on
 * (`mapped`), or it can't any more (`unmapped`; `set` is then the state just before).
 */
export interface DeviceObservation {
  readonly what: 'device';
  readonly event: 'listed' | 'mapped' | 'unmapped';
  readonly way: DeviceWay;
  readonly direction: DmaDirection | undefined;
  readonly call: Call;
  readonly range: Range;
  readonly set: PageSet;
  readonly slot: number | null;
  readonly path: PathLink | undefined;
  readonly within: string;
}

/** A page is marked dirty by a call of its own. `set` is its state just before. */
export interface DirtyObservation {
  readonly what: 'dirty';
  readonly call: Call;
  /** By set_page_dirty_lock() or a relative. */
  readonly locked: boolean;
  readonly set: PageSet;
  readonly slot: number | null;
  readonly path: PathLink | undefined;
  readonly within: string;
}

/**
 * Who can reach the pages of a set when a path ends: nobody (`dropped`), the caller through the result or through an
 * argument that points to pages (`caller`), an object that lives on (`object`), or a callee that is not seen (`callee`).
 */
export type Owner = 'dropped' | 'caller' | 'object' | 'callee';

/** A page set at the end of a path. */
export interface ExitObservation {
  readonly what: 'exit';
  readonly set: PageSet;
  readonly owner: Owner;
  readonly returns: Value | undefined;
  readonly range: Range;
  readonly path: PathLink | undefined;
  readonly within: string;
}

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

/** A function fails and leaves pages in a structure, where nobody of the file releases them. */
export interface StrandedObservation {
  readonly what: 'stranded';
  readonly set: PageSet;
  /** Members that lead to them: `struct.member`, or `.member` where the struct is not known. */
  readonly members: readonly string[];
  /** The file shows who releases them where the function does not fail, or nobody else can. */
  readonly sure: boolean;
  /** The return. */
  readonly range: Range;
  readonly path: PathLink | undefined;
  readonly within: string;
}

/** What a run sees. */
export type RunObservation =
  | AcquireObservation
  | ReleaseObservation
  | UnfilledObservation
  | SignObservation
  | AccessObservation
  | DirtyObservation
  | DeviceObservation
  | ExitObservation;

/** What the text says, on whatever path. */
export type TextObservation =
  | CallObservation
  | FlagObservation
  | RefcountObservation
  | ContextObservation
  | DroppedLockObservation;

/**
 * Pages are still held when the entry point has returned that acquired them (`entry`, or `set.within` where that is only
 * called from other files). `by` are the entry points that release them later.
 */
export interface HoldObservation {
  readonly what: 'hold';
  readonly set: PageSet;
  readonly entry: string;
  /** The file shows who calls that one. */
  readonly entryKnown: boolean;
  /** The data is used, or can be: by a device, through an address, or by somebody who was told where the page is. */
  readonly used: boolean;
  readonly by: readonly ReachedFrom[];
  /** The function that charges the pages to the user's limit on locked memory; `by` may be empty then. */
  readonly charged?: string;
  readonly path: PathLink | undefined;
  readonly within: string;
}

/** What the set's acquire left held is released before the mapping ends in which it is found again. */
export interface OrderObservation {
  readonly what: 'order';
  readonly set: PageSet;
  readonly path: PathLink | undefined;
  readonly late: LateUnmap;
  readonly within: string;
}

export type Observation =
  | RunObservation
  | TextObservation
  | HoldObservation
  | OrderObservation
  | StrandedObservation;

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

/** What is computed once per function before it runs. */
export interface FunctionFacts {
  /** Locals whose values matter to the pages; others are unknown. */
  readonly tracked: ReadonlySet<string>;
  readonly liveness: Liveness;
  /** Conditions that are written more than once, here or in a helper: a path remembers their outcomes. */
  readonly repeated: ReadonlySet<string>;
}

/** Is told of every member that a run comes across, and may say where it stands. */
export interface FieldHook {
  /** `place` is undefined where the object is not told apart; so is the answer where it stays so. */
  located(ir: FunctionIr, st: State, e: Member, place: string | undefined): string | undefined;
  /** Tells places of which the run has found the object elsewhere. */
  isCopy?(st: State): (place: string) => boolean;
  /** Memory is freed. */
  frees?(ir: FunctionIr, st: State, e: Expr | undefined, v: Value): void;
  /** A callee that is not seen is given something: whether it may take over or release pages. */
  given?(st: State, callee: string | undefined, args: readonly Value[]): boolean;
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
