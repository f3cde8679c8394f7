/**
 * The pin protocol as concrete steps: what a driver does to a page's references and pins, without C.
 *
 * A *page set* is what one acquire fills: `pages[0..nr)`. Sets are numbered in the order in which they are
 * acquired; a slot is an index into a set. Counts are pages of PAGE_SIZE, never bytes.
 */

/** Acquiring functions, by their kernel names (mm/gup.c, lib/iov_iter.c, mm/memfd.c). */
export const ACQUIRE_APIS = [
  'get_user_pages',
  'get_user_pages_fast',
  'get_user_pages_fast_only',
  'get_user_pages_remote',
  'get_user_pages_unlocked',
  'pin_user_pages',
  'pin_user_pages_fast',
  'pin_user_pages_remote',
  'pin_user_pages_unlocked',
  'memfd_pin_folios',
  'iov_iter_get_pages2',
  'iov_iter_extract_pages',
] as const;
export type AcquireApi = (typeof ACQUIRE_APIS)[number];

/** Releasing functions, by their kernel names. */
export const RELEASE_APIS = [
  'put_page',
  'release_pages',
  'folio_put',
  'unpin_user_page',
  'unpin_user_pages',
  'unpin_user_pages_dirty_lock',
  'unpin_user_page_range_dirty_lock',
  'unpin_user_folio',
  'unpin_folio',
  'unpin_folios',
  '__free_page',
] as const;
export type ReleaseApi = (typeof RELEASE_APIS)[number];

/** Direction of a DMA mapping (include/linux/dma-direction.h). */
export type DmaDirection = 'to-device' | 'from-device' | 'bidirectional';

/** Slots `[from, from + count)` of page set `set`. */
export interface Slots {
  readonly set: number;
  readonly from: number;
  readonly count: number;
}

/** A call of an acquiring function. `expect` is the result that the witness assumes (pages or -errno). */
export interface AcquireStep {
  readonly op: 'acquire';
  readonly api: AcquireApi;
  /** FOLL_* as written at the call site, before the wrapper adds its own. */
  readonly flags: number;
  /** Requested count, in pages. */
  readonly nr: number;
  /** Page set that receives the pages. */
  readonly set: number;
  /** First page of the buffer that the call asks for; 0 unless a chunk loop advanced. */
  readonly page?: number;
  /** `pages == NULL`. */
  readonly nullPages?: boolean;
  readonly expect?: number;
  /** The same call, so many times in a row: references pile up. Once unless given. */
  readonly times?: number;
}

/** The CPU reads or writes the data of pages (through kmap, page_address, memcpy_to_page …). */
export interface AccessStep extends Slots {
  readonly op: 'access';
  readonly mode: 'read' | 'write';
}

/** From here on a device may read or write the pages, until the matching `dma-unmap`. */
export interface DmaMapStep extends Slots {
  readonly op: 'dma-map';
  readonly direction: DmaDirection;
}
export interface DmaUnmapStep extends Slots {
  readonly op: 'dma-unmap';
}

/** set_page_dirty_lock() (`locked`), or set_page_dirty()/SetPageDirty() without the page lock. */
export interface DirtyStep extends Slots {
  readonly op: 'dirty';
  readonly locked: boolean;
}

/**
 * A call of a releasing function. `count` may be negative or larger than what is held: the engine does what the
 * kernel would do with it.
 */
export interface ReleaseStep extends Slots {
  readonly op: 'release';
  readonly api: ReleaseApi;
  readonly makeDirty?: boolean;
}

/** mmap_read_lock(current->mm) and mmap_read_unlock(): while held, fork() of the process waits. */
export interface MmapLockStep {
  readonly op: 'mmap-lock' | 'mmap-unlock';
}

/** End of one entry point of the driver and start of another: every kernel actor may run in between. */
export interface LaterStep {
  readonly op: 'later';
}

/** The driver forgets every reference it still holds (end of the path). */
export interface ReturnStep {
  readonly op: 'return';
}

/**
 * mmu_interval_notifier_insert() and mmu_interval_notifier_remove() over the whole buffer: in between, the scenario's
 * `callback` runs before the kernel changes the process's page tables there (document section "CASE 3").
 */
export interface NotifierStep {
  readonly op: 'notifier-insert' | 'notifier-remove';
}

/**
 * `read-begin`: seq = mmu_interval_read_begin(). `set-seq`: mmu_interval_set_seq(), which every callback owes: without
 * it mmu_interval_read_retry() notices nothing.
 */
export interface SequenceStep {
  readonly op: 'read-begin' | 'set-seq';
}

/** The lock that the driver and its invalidate callback share: who wants it while another holds it waits. */
export interface DriverLockStep {
  readonly op: 'driver-lock' | 'driver-unlock';
}

/**
 * hmm_range_fault(): the pages behind the buffer, faulted in, without a reference or pin. 0, or -EBUSY when the sequence
 * has changed since `read-begin`, or -EFAULT.
 */
export interface HmmFaultStep {
  readonly op: 'hmm-fault';
  readonly set: number;
  readonly nr: number;
  /** First page of the buffer; 0 unless given. */
  readonly page?: number;
  /** HMM_PFN_REQ_WRITE. */
  readonly write: boolean;
}

/** What a branch asks. */
export const CONDITIONS = ['read-retry', 'dma-mapped', 'will-pin'] as const;
/**
 * - `read-retry`: mmu_interval_read_retry(), the sequence has changed since `read-begin`.
 * - `dma-mapped`: the device has access to the pages of the slots.
 * - `will-pin`: iov_iter_extract_will_pin(), the iterator is user-backed.
 */
export type Condition = (typeof CONDITIONS)[number];

/** `if (condition) { the next body steps }`. */
export interface IfStep extends Slots {
  readonly op: 'if';
  readonly condition: Condition;
  readonly negated?: boolean;
  readonly body: number;
}

/** Goes on at step `to` of the same list. */
export interface GotoStep {
  readonly op: 'goto';
  readonly to: number;
}

/**
 * bio_release_pages(): unpins what iov_iter_extract_pages() pinned for the bio (BIO_PAGE_PINNED), and does nothing to
 * pages that were not pinned for it.
 */
export interface BioReleaseStep extends Slots {
  readonly op: 'bio-release';
  readonly makeDirty: boolean;
}

/** One concrete step of the pin protocol. `id` ties it to the witness step it comes from. */
export type DriverStep = (
  | AcquireStep
  | AccessStep
  | DmaMapStep
  | DmaUnmapStep
  | DirtyStep
  | ReleaseStep
  | MmapLockStep
  | LaterStep
  | ReturnStep
  | NotifierStep
  | SequenceStep
  | DriverLockStep
  | HmmFaultStep
  | IfStep
  | GotoStep
  | BioReleaseStep
) & { readonly id?: number };
