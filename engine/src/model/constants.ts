/**
 * Bits and sizes of the model's state. Field names are the kernel's; values are the model's own.
 * Everything is a 32-bit integer, so that a state is one Int32Array.
 */

/** Weight of one pin on an order-0 folio (include/linux/mm.h; document section "Which flags are set by each wrapper"). */
export const GUP_PIN_COUNTING_BIAS = 1024;

/** Error numbers that the modelled functions return, negated. */
export const ERRNO = {
  EPERM: 1,
  EINTR: 4,
  EAGAIN: 11,
  ENOMEM: 12,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EINVAL: 22,
  EMLINK: 31,
  EOVERFLOW: 75,
  EOPNOTSUPP: 95,
} as const;

/** `-14` as `-EFAULT`; a non-negative number as itself. */
export function returnText(ret: number): string {
  if (ret >= 0) return String(ret);
  for (const [name, value] of Object.entries(ERRNO)) if (value === -ret) return `-${name}`;
  return String(ret);
}

/** Page flags. The first group is a folio's (kept on the head), the second each page's own. */
export const PG = {
  dirty: 1 << 0,
  writeback: 1 << 1,
  locked: 1 << 2,
  lru: 1 << 3,
  uptodate: 1 << 4,
  referenced: 1 << 5,
  active: 1 << 6,
  swapbacked: 1 << 7,
  swapcache: 1 << 8,
  private: 1 << 9,
  reserved: 1 << 10,
  hugetlb: 1 << 11,
  ksm: 1 << 12,
  mlocked: 1 << 13,
  unevictable: 1 << 14,
  /** The 4 KiB zero page. */
  zero: 1 << 15,
  hugeZero: 1 << 16,
  /** Freed while still referenced or mapped; the allocator never hands it out again ("Bad page state"). */
  bad: 1 << 17,
  /** Partially mapped large folio, queued for splitting. */
  partiallyMapped: 1 << 18,
  /** Per page: PageAnonExclusive. */
  anonExclusive: 1 << 24,
  /** Per page: belongs to the folio whose head is `frame - INDEX`. */
  tail: 1 << 25,
} as const;

/** Words of a frame. Words marked (folio) are meaningful on the head only. */
export const FRAME = {
  /** (folio) _refcount. 0 is a free frame. */
  REF: 0,
  /** (folio) folio_mapcount(). */
  MAPCOUNT: 1,
  /** (folio) _entire_mapcount + 1. */
  ENTIRE: 2,
  /** (folio) _pincount of a large folio. */
  PIN: 3,
  /** PG bits. */
  FLAGS: 4,
  /** (folio) order | zone << 8 | node << 12; on a tail, the distance to the head. */
  SHAPE: 5,
  /** (folio) 0 none, 1 anonymous, 2 + file number. */
  MAPPING: 6,
  /** (folio) page index in the file, or swap slot + 1 of an anonymous folio (0: none). */
  INDEX: 7,
  /** What the page's bytes hold: an opaque number that copies carry along. */
  CONTENT: 8,
  /** _mapcount + 1 of a page of a large folio; an order-0 folio's is its folio_mapcount(). */
  PAGEMAP: 9,
  SIZE: 10,
} as const;

/** Zones, as folio_is_longterm_pinnable() tells them apart. */
export const ZONE = { normal: 0, movable: 1, cma: 2, device: 3 } as const;
export type ZoneName = keyof typeof ZONE;

/** Page table entry: flags below PTE.SHIFT, frame number (present) or swap slot (not present) above. */
export const PTE = {
  PRESENT: 1 << 0,
  WRITE: 1 << 1,
  DIRTY: 1 << 2,
  YOUNG: 1 << 3,
  /** Part of a huge leaf: the whole large folio is mapped by one PMD entry. */
  PMD: 1 << 4,
  SPECIAL: 1 << 5,
  PROTNONE: 1 << 6,
  /** A swap entry (not present). */
  SWAP: 1 << 7,
  /** pte_swp_exclusive(). */
  SWAP_EXCLUSIVE: 1 << 8,
  DEVMAP: 1 << 9,
  SHIFT: 10,
} as const;

/** vm_flags of a VMA. */
export const VM = {
  READ: 1 << 0,
  WRITE: 1 << 1,
  SHARED: 1 << 2,
  MAYWRITE: 1 << 3,
  MAYREAD: 1 << 4,
  /** VM_IO | VM_PFNMAP. */
  PFNMAP: 1 << 5,
  MIXEDMAP: 1 << 6,
  HUGETLB: 1 << 7,
  /** Transparent huge pages may be used in this VMA. */
  HUGEPAGE: 1 << 8,
  DONTCOPY: 1 << 9,
  LOCKED: 1 << 10,
  GROWSDOWN: 1 << 11,
} as const;

/** Words of a VMA. A VMA with start == end is an empty slot. */
export const VMA = { START: 0, END: 1, FLAGS: 2, FILE: 3, PGOFF: 4, SIZE: 5 } as const;

/** Kinds of file. */
export const FS = {
  none: 0,
  /** ext4: page_mkwrite, dirty tracking, buffer heads on written folios. */
  ext4: 1,
  ext2: 2,
  /** tmpfs, memfd: no dirty tracking; the page cache is the only copy. */
  shmem: 3,
  /** DAX: no page cache; the mapped page is the storage. */
  fsdax: 4,
  hugetlbfs: 5,
  secretmem: 6,
} as const;
export type FsName = keyof typeof FS;

/** Words of a process. */
export const PROC = { FLAGS: 0, READERS: 1, SIZE: 2 } as const;
export const PROC_ALIVE = 1;
/** MMF_HAS_PINNED. */
export const MMF_HAS_PINNED = 2;
/** A fatal signal is pending. */
export const PROC_KILLED = 4;

/** Words that belong to the whole machine. */
export const GLOBAL = { ACQUIRED: 0, RELEASED: 1, WARNED: 2, SIZE: 3 } as const;

/**
 * Places that warn, as bits of GLOBAL.WARNED. `refused` ones are argument checks, the others damage.
 * The text is what the kernel's log names.
 */
export const WARN = {
  internalFlag: {
    bit: 1 << 0,
    refused: true,
    text: 'WARNING: is_valid_gup_args: internal FOLL_ flag at a call site',
  },
  getAndPin: {
    bit: 1 << 1,
    refused: true,
    text: 'WARNING: is_valid_gup_args: FOLL_GET together with FOLL_PIN',
  },
  longtermWithoutPin: {
    bit: 1 << 2,
    refused: true,
    text: 'WARNING: is_valid_gup_args: FOLL_LONGTERM without FOLL_PIN',
  },
  nullPages: {
    bit: 1 << 3,
    refused: true,
    text: 'WARNING: is_valid_gup_args: FOLL_GET or FOLL_PIN with pages == NULL',
  },
  longtermP2pdma: {
    bit: 1 << 4,
    refused: true,
    text: 'WARNING: is_valid_gup_args: FOLL_LONGTERM with FOLL_PCI_P2PDMA',
  },
  lockedNotSet: { bit: 1 << 5, refused: true, text: 'WARNING: is_valid_gup_args: *locked is not 1' },
  fastFlag: {
    bit: 1 << 6,
    refused: true,
    text: 'WARNING: gup_fast_fallback: flag that the fast path refuses',
  },
  negativeCount: {
    bit: 1 << 7,
    refused: false,
    text: 'WARNING: unpin_user_pages: npages is an error number',
  },
  refcountNotPositive: { bit: 1 << 8, refused: false, text: 'WARNING: try_grab_folio: refcount <= 0' },
  addPinUnpinned: { bit: 1 << 9, refused: false, text: 'WARNING: folio_add_pin: the folio is not pinned' },
  badPage: { bit: 1 << 10, refused: false, text: 'BUG: Bad page state: freed while still in use' },
  nothingPinned: { bit: 1 << 11, refused: false, text: 'WARNING: __get_user_pages_locked: nothing pinned' },
  notExclusive: {
    bit: 1 << 12,
    refused: false,
    text: 'kernel BUG: sanity_check_pinned_pages: unpin of an anonymous page that is not exclusive',
  },
  oops: {
    bit: 1 << 13,
    refused: false,
    text: 'BUG: unable to handle page fault: walked past the end of the pages array',
  },
  recursiveLock: {
    bit: 1 << 15,
    refused: false,
    text: 'WARNING: possible recursive locking detected: the invalidate callback takes a lock that its own task holds',
  },
  softLockup: {
    bit: 1 << 16,
    refused: false,
    text: 'watchdog: BUG: soft lockup: the invalidate callback never ends',
  },
  memfdNull: { bit: 1 << 14, refused: false, text: 'kernel BUG at mm/hugetlb.c: no reservation' },
} as const;
export type WarnName = keyof typeof WARN;

/** Bits of GLOBAL.WARNED that are refused arguments. */
export const REFUSED_WARNS = Object.values(WARN).reduce((mask, w) => (w.refused ? mask | w.bit : mask), 0);

/** Frame number of the 4 KiB zero page. */
export const ZERO_FRAME = 0;

/** FRAME.MAPPING of an anonymous folio; file number f is MAPPING_FILE + f. */
export const MAPPING_ANON = 1;
export const MAPPING_FILE = 2;

/** Words before the pages of a file: kind and size. */
export const FILE_HEADER = 2;
/** Words of a swap slot: content, users, cached frame + 1. */
export const SWAP_SIZE = 3;

/** Writes that a machine's log holds: more than an operation on a few dozen pages makes. A power of two. */
export const LOG_SIZE = 4096;
