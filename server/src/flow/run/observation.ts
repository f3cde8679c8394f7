/** What a run sees happen to pages. */
import type { DmaDirection } from '#engine/protocol/steps.ts';
import type { Range } from '../../syntax/range.ts';
import type { AcquireForm, AcquireModel } from '../kernel/acquire.ts';
import type { DeviceWay } from '../kernel/devices.ts';
import type { Effect } from '../kernel/effects.ts';
import type { Call, Expr } from '../lower/ir.ts';
import type { PathLink } from '../state/path.ts';
import type { PageSet } from '../state/state.ts';
import type { Value } from '../state/value.ts';

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

/** A helper is given, for a page, an array entry that a short acquire did not fill. */
export interface UnfilledUseObservation {
  readonly what: 'unfilled-use';
  readonly call: Call;
  readonly set: PageSet;
  readonly slot: number;
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
  /** The function succeeds, and its caller finds pages that are held no more. */
  readonly stale?: true;
  readonly returns: Value | undefined;
  readonly range: Range;
  readonly path: PathLink | undefined;
  readonly within: string;
}

/** What a run sees. */
export type RunObservation =
  | AcquireObservation
  | ReleaseObservation
  | UnfilledObservation
  | UnfilledUseObservation
  | SignObservation
  | AccessObservation
  | DirtyObservation
  | DeviceObservation
  | ExitObservation;
