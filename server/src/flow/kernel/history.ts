/**
 * When functions, arguments and flags around page pinning came and went. Versions are `major.minor`; `until` is the
 * last release that has something. Source and accuracy: docs/api-lifetimes.md.
 */

/** A span of releases, open where a bound is absent. */
export interface Life {
  readonly since?: string;
  readonly until?: string;
  /** Gone at the latest in this release; in which one exactly is not known. */
  readonly goneBy?: string;
  /** Not yet in this release; in which later one it came exactly is not known. */
  readonly after?: string;
}

export interface FunctionLife extends Life {
  readonly name: string;
  /** What later releases have in its place. */
  readonly later?: string;
  /** What earlier releases have in its place. */
  readonly earlier?: string;
  /** Numbers of arguments, and when each was right; absent where it never changed. */
  readonly forms?: readonly (Life & { readonly argc: number; readonly change: string })[];
}

export interface FlagLife extends Life {
  readonly name: string;
  readonly instead: string;
}

const VMAS = 'the vmas argument is gone since 6.5';
const FLAGS = 'write and force became gup_flags in 4.9';

const FUNCTIONS: readonly FunctionLife[] = [
  {
    name: 'get_user_pages',
    forms: [
      { argc: 8, until: '4.5', change: 'tsk and mm are gone since 4.6' },
      // 4.4.168 and vendors' kernels: gup_flags had been taken over from 4.9.
      { argc: 7, until: '4.5', change: 'tsk and mm are gone since 4.6' },
      { argc: 6, since: '4.6', until: '4.8', change: FLAGS },
      { argc: 5, since: '4.9', until: '6.4', change: VMAS },
      { argc: 4, since: '6.5', change: 'before 6.5 there is a vmas argument at the end' },
    ],
  },
  {
    name: 'get_user_pages_remote',
    since: '4.6',
    earlier: 'get_user_pages() with tsk and mm',
    forms: [
      { argc: 8, since: '4.6', until: '4.8', change: FLAGS },
      { argc: 7, since: '4.9', until: '4.9', change: 'a locked argument follows vmas since 4.10' },
      { argc: 8, since: '4.10', until: '5.8', change: 'tsk is gone since 5.9' },
      { argc: 7, since: '5.9', until: '6.4', change: VMAS },
      { argc: 6, since: '6.5', change: 'before 6.5 there is a vmas argument before locked' },
    ],
  },
  {
    name: 'get_user_pages_unlocked',
    since: '4.0',
    forms: [
      { argc: 7, until: '4.5', change: 'tsk and mm are gone since 4.6' },
      { argc: 5, since: '4.6', until: '4.8', change: FLAGS },
      { argc: 4, since: '4.9', change: 'before 4.9 there are write and force instead of gup_flags' },
    ],
  },
  {
    name: 'get_user_pages_locked',
    since: '4.0',
    until: '5.17',
    later: 'get_user_pages_unlocked(), or get_user_pages() under mmap_read_lock()',
  },
  { name: '__get_user_pages_unlocked', since: '4.0', until: '4.9', later: 'get_user_pages_remote()' },
  { name: '__get_user_pages_fast', until: '5.7', later: 'get_user_pages_fast_only()' },
  { name: 'get_user_pages_fast_only', since: '5.8', earlier: '__get_user_pages_fast()' },
  {
    name: 'get_user_pages_longterm',
    since: '4.15',
    until: '5.1',
    later: 'pin_user_pages() with FOLL_LONGTERM (get_user_pages() with FOLL_LONGTERM before 5.6)',
  },
  { name: 'get_user_page_vma_remote', since: '6.5', earlier: 'get_user_pages_remote() with vmas' },
  {
    name: 'pin_user_pages',
    since: '5.6',
    earlier: 'get_user_pages()',
    forms: [
      { argc: 5, until: '6.4', change: VMAS },
      { argc: 4, since: '6.5', change: 'before 6.5 there is a vmas argument at the end' },
    ],
  },
  { name: 'pin_user_pages_fast', since: '5.6', earlier: 'get_user_pages_fast()' },
  {
    name: 'pin_user_pages_remote',
    since: '5.6',
    earlier: 'get_user_pages_remote()',
    forms: [
      { argc: 8, until: '5.8', change: 'tsk is gone since 5.9' },
      { argc: 7, since: '5.9', until: '6.4', change: VMAS },
      { argc: 6, since: '6.5', change: 'before 6.5 there is a vmas argument before locked' },
    ],
  },
  { name: 'pin_user_pages_unlocked', since: '5.8', earlier: 'pin_user_pages() under mmap_read_lock()' },
  {
    name: 'pin_user_pages_locked',
    since: '5.8',
    until: '5.17',
    later: 'pin_user_pages_unlocked(), or pin_user_pages() under mmap_read_lock()',
  },
  { name: 'pin_user_pages_fast_only', since: '5.8', until: '6.2', later: 'pin_user_pages_fast()' },
  { name: 'memfd_pin_folios', since: '6.11' },
  { name: 'unpin_folio', since: '6.11' },
  { name: 'unpin_folios', since: '6.11' },
  { name: 'put_user_page', since: '5.2', until: '5.5', later: 'unpin_user_page()', earlier: 'put_page()' },
  {
    name: 'put_user_pages',
    since: '5.2',
    until: '5.5',
    later: 'unpin_user_pages()',
    earlier: 'release_pages()',
  },
  {
    name: 'put_user_pages_dirty',
    since: '5.2',
    until: '5.3',
    later: 'unpin_user_pages_dirty_lock() with make_dirty',
    earlier: 'set_page_dirty() and put_page()',
  },
  {
    name: 'put_user_pages_dirty_lock',
    since: '5.2',
    until: '5.5',
    later: 'unpin_user_pages_dirty_lock()',
    earlier: 'set_page_dirty_lock() and put_page()',
    forms: [
      { argc: 2, until: '5.3', change: 'there is a make_dirty argument since 5.4' },
      { argc: 3, since: '5.4', change: 'before 5.4 there is no make_dirty argument' },
    ],
  },
  { name: 'unpin_user_page', since: '5.6', earlier: 'put_user_page() (put_page() before 5.2)' },
  { name: 'unpin_user_pages', since: '5.6', earlier: 'put_user_pages() (release_pages() before 5.2)' },
  {
    name: 'unpin_user_pages_dirty_lock',
    since: '5.6',
    earlier: 'put_user_pages_dirty_lock() (set_page_dirty_lock() and put_page() before 5.2)',
  },
  { name: 'unpin_user_page_range_dirty_lock', since: '5.13', earlier: 'unpin_user_pages_dirty_lock()' },
  { name: 'folio_add_pin', since: '6.5' },
  { name: 'folio_add_pins', after: '6.12', earlier: 'folio_add_pin()' },
  { name: 'unpin_user_folio', since: '6.12', earlier: 'unpin_user_pages()' },
  {
    name: 'page_maybe_dma_pinned',
    since: '5.7',
    goneBy: '6.12',
    later: 'folio_maybe_dma_pinned(page_folio(page))',
  },
  { name: 'folio_maybe_dma_pinned', since: '5.18', earlier: 'page_maybe_dma_pinned()' },
  { name: 'iov_iter_get_pages', goneBy: '6.5', later: 'iov_iter_extract_pages(), or iov_iter_get_pages2()' },
  {
    name: 'iov_iter_get_pages_alloc',
    until: '5.19',
    later: 'iov_iter_extract_pages(), or iov_iter_get_pages_alloc2()',
  },
  { name: 'iov_iter_get_pages2', since: '6.0', earlier: 'iov_iter_get_pages()' },
  { name: 'iov_iter_get_pages_alloc2', since: '6.0', earlier: 'iov_iter_get_pages_alloc()' },
  { name: 'iov_iter_extract_pages', since: '6.3', earlier: 'iov_iter_get_pages2()' },
  { name: 'iov_iter_extract_will_pin', since: '6.3' },
  { name: 'iov_iter_extract_bvecs', after: '6.12', earlier: 'iov_iter_extract_pages()' },
  { name: 'get_kernel_pages', goneBy: '6.5', later: 'virt_to_page() and get_page()' },
  { name: 'page_cache_release', until: '4.5', later: 'put_page()' },
  { name: 'follow_page', until: '6.11', later: 'get_user_pages() and its relatives' },
];

/** Flags that drivers may pass. Those that are internal to gup are not listed: GUP101 speaks of them. */
const FLAG_LIVES: readonly FlagLife[] = [
  { name: 'FOLL_ANON', since: '4.17', instead: 'a check of the vma' },
  {
    name: 'FOLL_LONGTERM',
    since: '5.2',
    instead: 'get_user_pages_longterm() from 4.15 on',
  },
  { name: 'FOLL_SPLIT_PMD', since: '5.4', instead: 'FOLL_SPLIT' },
  { name: 'FOLL_NOFAULT', since: '5.16', instead: 'get_user_pages_fast_only()' },
  { name: 'FOLL_PCI_P2PDMA', since: '6.2', instead: 'no flag: such pages are refused' },
  { name: 'FOLL_INTERRUPTIBLE', since: '6.2', instead: 'no flag: only fatal signals interrupt' },
  { name: 'FOLL_HONOR_NUMA_FAULT', since: '6.6', instead: 'no flag' },
  { name: 'FOLL_SPLIT', until: '5.12', instead: 'FOLL_SPLIT_PMD, or split_folio()' },
  { name: 'FOLL_POPULATE', until: '5.17', instead: 'populate_vma_page_range() (mm only)' },
  { name: 'FOLL_MLOCK', until: '5.17', instead: 'no flag: mlock() does not go through gup' },
  { name: 'FOLL_COW', until: '5.19', instead: 'no flag: unsharing happens by itself' },
  { name: 'FOLL_NUMA', until: '6.0', instead: 'no flag (FOLL_HONOR_NUMA_FAULT since 6.6)' },
  { name: 'FOLL_MIGRATION', until: '6.1', instead: 'no flag: migration is waited for' },
];

export const FUNCTION_LIVES: ReadonlyMap<string, FunctionLife> = new Map(FUNCTIONS.map((f) => [f.name, f]));

export const FLAG_LIFE_BY_NAME: ReadonlyMap<string, FlagLife> = new Map(FLAG_LIVES.map((f) => [f.name, f]));
