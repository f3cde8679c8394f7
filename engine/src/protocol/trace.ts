/** What a run shows: plain data, fit for JSON, text, SARIF and the editor alike. */

/** One folio as dump_page() would print it, plus who maps it and which content it holds. */
export interface FolioView {
  /** Name in this trace: `A`, `B` … in order of first appearance. */
  readonly name: string;
  readonly order: number;
  readonly refcount: number;
  readonly mapcount: number;
  /** null for order-0 folios, which have no pincount of their own. */
  readonly pincount: number | null;
  readonly maybeDmaPinned: boolean;
  /** Names of set page flags: dirty, writeback, locked, lru, uptodate, anon-exclusive, swapcache … */
  readonly flags: readonly string[];
  /** Human-readable content, for instance `old`, `driver#1`, `store#1`. */
  readonly content: string;
  /** `process:page` for each present mapping, for instance `parent:0`. */
  readonly mappedBy: readonly string[];
  /** References and pins that the driver still has on it. */
  readonly held: number;
}

/** State between two steps of a run. */
export interface Snapshot {
  readonly folios: readonly FolioView[];
  /** nr_foll_pin_acquired and nr_foll_pin_released of /proc/vmstat, since the start of the run. */
  readonly vmstat: { readonly acquired: number; readonly released: number };
  /** Content of the backing store per page of the buffer, when there is one. */
  readonly backing?: readonly string[];
}

/** One step of a run: who did what, what came back, and the state around it. */
export interface TraceStep {
  /** `driver`, or the kernel actor's name. */
  readonly actor: string;
  /** The operation as a call, for instance `get_user_pages_fast(p, 1, FOLL_WRITE, pages)`. */
  readonly call: string;
  /** Return value of the call, where it has one (pages, or -errno). */
  readonly ret?: number;
  /** Index of the driver step in the scenario, for steps of the driver. */
  readonly driverStep?: number;
  /** One plain sentence: what this step did to the pages. */
  readonly note: string;
  /** WARN texts that the kernel would print. */
  readonly warnings: readonly string[];
  readonly before: Snapshot;
  readonly after: Snapshot;
}

/** Properties that a run can break. Names are shown to users. */
export const PROPERTIES = [
  'lost-write',
  'stale-read',
  'child-sees-write',
  'unbalanced-references',
  'kernel-warning',
  'refcount-underflow',
  'use-after-release',
  'unfilled-slot',
  'blocked-migration',
  'refused-arguments',
  'dirtied-behind-filesystem',
] as const;
export type PropertyName = (typeof PROPERTIES)[number];

/** What a violation is about, for those who say the damage in words of their own. */
export interface ViolationSubject {
  /** Index, in the scenario's driver, of the step that wrote the bytes or made the device's mapping. */
  readonly driverStep?: number;
  /** The bytes are a device's. */
  readonly device?: boolean;
  /** Page of the buffer. */
  readonly page?: number;
  /** Folio that was written, that is held, or whose counts are wrong. */
  readonly folio?: string;
  /** Folio that the process maps at this page now; absent when it maps none. */
  readonly mapped?: string;
  /** Who else sees what only the process should. */
  readonly seenBy?: 'child' | 'zero-page' | 'page-cache';
  /** The bytes reached the process's page, and not the backing store behind it. */
  readonly inFile?: boolean;
}

/** A property that was broken, with the damage in the user's terms. */
export interface Violation {
  readonly property: PropertyName;
  readonly about: ViolationSubject;
  /** One sentence, for instance `the bytes written to folio A never reach the process: it now maps folio B`. */
  readonly damage: string;
}

/** A run that ends in a violation: the shortest one that exists within the bounds. */
export interface Counterexample {
  readonly violation: Violation;
  readonly trace: readonly TraceStep[];
}

/** Outcome of explore(). */
export interface Exploration {
  /**
   * `broken`: a counterexample exists. `holds`: every interleaving was explored and none breaks a property.
   * `bounded`: none was found, but a bound was hit. `refused`: the witness assumes a result that the model does not
   * give (a bug of ours, counted, never shown as a finding's proof).
   */
  readonly verdict: 'broken' | 'holds' | 'bounded' | 'refused';
  readonly counterexample?: Counterexample;
  /** Why the witness was refused. */
  readonly refusal?: string;
  /** What the refused acquire returned instead (pages, or -errno). */
  readonly refusedWith?: number;
  /** The search stopped at a bound; what it found before counts, what it did not find proves nothing. */
  readonly bounded?: true;
  readonly states: number;
  readonly transitions: number;
  /** Number of different complete executions. */
  readonly executions: number;
  /** Length of the longest execution, in steps. */
  readonly depth: number;
}
