/** What is said of pages that outlive the entry point which acquired them. */
import type { Range } from '../../syntax/range.ts';
import type { ReachedFrom } from '../facts/entries.ts';
import type { LateUnmap } from '../facts/order.ts';
import type { PathLink } from '../state/path.ts';
import type { PageSet } from '../state/state.ts';

/** A function fails and leaves pages in a structure, where nobody of the file releases them. */
export interface StrandedObservation {
  readonly what: 'stranded';
  readonly set: PageSet;
  /** Members that lead to them: `struct.member`, or `.member` where the struct is not known. */
  readonly members: readonly string[];
  /** The file shows who releases them where the function does not fail, or nobody else can. */
  readonly sure: boolean;
  /** They stay in an array of the caller's, who is not told how many there are. */
  readonly toCaller?: true;
  /** Where the function does not fail it has released them at its end. */
  readonly temporary?: boolean;
  /** The return. */
  readonly range: Range;
  readonly path: PathLink | undefined;
  readonly within: string;
}

/** What the other files of a folder are to be asked of pages that a file leaves held and never releases itself. */
export interface Elsewhere {
  /** Members of structures of a header that lead to them: `struct.member`. None where only the file knows them. */
  readonly members: readonly string[];
  /** Where the file does not show who has the pages acquired: its functions of which another file is to call one. */
  readonly callers: readonly string[];
}

/** A function leaves pages in a structure, and no function of the file ever releases them. */
export interface UnreleasedObservation {
  readonly what: 'unreleased';
  readonly set: PageSet;
  /** What leads to them: `struct.member`, or a variable. */
  readonly members: readonly string[];
  readonly path: PathLink | undefined;
  readonly within: string;
  readonly elsewhere: Elsewhere;
}

/** A function leaves pages in a structure, and loses them when it is called again: it puts others in their place. */
export interface OverwrittenObservation {
  readonly what: 'overwritten';
  readonly set: PageSet;
  /** What led to them: `struct.member`, or a variable. */
  readonly members: readonly string[];
  /** The return of the second call. */
  readonly range: Range;
  readonly path: PathLink | undefined;
  readonly within: string;
}

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
  /** The caller that holds the pages, where that one says with which flags they are acquired. */
  readonly keeper?: string;
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
