/** Functions that take references or pins (mm/gup.c, mm/memfd.c, lib/iov_iter.c of Linux 6.12). */
import { type HoverEntry, SECTION } from './entry.ts';

const GET_REFCOUNT = '+1 for each page';
const GET_PINCOUNT = 'unchanged: the folio does not count as DMA-pinned';
const PIN_REFCOUNT =
  '+1024 (GUP_PIN_COUNTING_BIAS) for a folio of one page, +1 for each page of a large folio; unchanged for the zero page';
const PIN_PINCOUNT = '+1 for each page of a large folio; folios of one page have no separate pincount';
const GET_USE =
  'CASE 4: only struct page is touched. Not for data that is read or written (CASE 1, 2, 5): use the pin function. CASE 3 (MMU notifier) needs neither flag.';
const PIN_USE =
  'CASE 1 (direct IO), CASE 5 (write to the data) and, with FOLL_LONGTERM, CASE 2 (RDMA). Release with unpin_user_page*().';

function get(name: string, signature: string, summary: string, more: Partial<HoverEntry> = {}): HoverEntry {
  const section = SECTION.wrapper;
  return {
    name,
    signature,
    summary,
    refcount: GET_REFCOUNT,
    pincount: GET_PINCOUNT,
    use: GET_USE,
    section,
    ...more,
  };
}

function pin(
  name: string,
  signature: string,
  summary: string,
  since: string,
  more: Partial<HoverEntry> = {},
): HoverEntry {
  const section = SECTION.wrapper;
  return {
    name,
    signature,
    summary,
    refcount: PIN_REFCOUNT,
    pincount: PIN_PINCOUNT,
    use: PIN_USE,
    since,
    section,
    ...more,
  };
}

export const ACQUIRE_ENTRIES: readonly HoverEntry[] = [
  get(
    'get_user_pages',
    'long get_user_pages(unsigned long start, unsigned long nr_pages, unsigned int gup_flags, struct page **pages)',
    'Takes a reference on pages of the current process. The caller holds mmap_lock. Returns how many, which can be fewer than asked for, or -errno.',
    { refcount: `${GET_REFCOUNT}; none where pages is NULL` },
  ),
  get(
    'get_user_pages_fast',
    'int get_user_pages_fast(unsigned long start, int nr_pages, unsigned int gup_flags, struct page **pages)',
    'Takes a reference on pages of the current process without mmap_lock where it can. Returns how many, which can be fewer than asked for, or -errno.',
  ),
  get(
    'get_user_pages_fast_only',
    'int get_user_pages_fast_only(unsigned long start, int nr_pages, unsigned int gup_flags, struct page **pages)',
    'Like get_user_pages_fast(), but never sleeps: returns fewer pages instead.',
    { since: '5.8' },
  ),
  get(
    'get_user_page_fast_only',
    'bool get_user_page_fast_only(unsigned long addr, unsigned int gup_flags, struct page **pagep)',
    'get_user_pages_fast_only() for one page.',
    { since: '5.8' },
  ),
  get(
    'get_user_pages_remote',
    'long get_user_pages_remote(struct mm_struct *mm, unsigned long start, unsigned long nr_pages, unsigned int gup_flags, struct page **pages, int *locked)',
    'Takes a reference on pages of another process. The caller holds its mmap_lock; *locked says whether it still does.',
    { since: '4.6' },
  ),
  get(
    'get_user_page_vma_remote',
    'struct page *get_user_page_vma_remote(struct mm_struct *mm, unsigned long addr, int gup_flags, struct vm_area_struct **vmap)',
    'Takes a reference on one page of another process and returns it with its VMA.',
    { since: '6.5' },
  ),
  get(
    'get_user_pages_unlocked',
    'long get_user_pages_unlocked(unsigned long start, unsigned long nr_pages, struct page **pages, unsigned int gup_flags)',
    'Like get_user_pages(), but takes mmap_lock by itself.',
    { since: '4.0', refcount: `${GET_REFCOUNT}; none where pages is NULL` },
  ),
  pin(
    'pin_user_pages',
    'long pin_user_pages(unsigned long start, unsigned long nr_pages, unsigned int gup_flags, struct page **pages)',
    'Pins pages of the current process for access to their data. The caller holds mmap_lock. Returns how many, which can be fewer than asked for, or -errno; 0 on bad arguments since 6.3.',
    '5.6',
  ),
  pin(
    'pin_user_pages_fast',
    'int pin_user_pages_fast(unsigned long start, int nr_pages, unsigned int gup_flags, struct page **pages)',
    'Pins pages of the current process without mmap_lock where it can. Returns how many, which can be fewer than asked for, or -errno.',
    '5.6',
  ),
  pin(
    'pin_user_pages_remote',
    'long pin_user_pages_remote(struct mm_struct *mm, unsigned long start, unsigned long nr_pages, unsigned int gup_flags, struct page **pages, int *locked)',
    'Pins pages of another process. The caller holds its mmap_lock; *locked says whether it still does. Returns 0 on bad arguments since 6.3.',
    '5.6',
  ),
  pin(
    'pin_user_pages_unlocked',
    'long pin_user_pages_unlocked(unsigned long start, unsigned long nr_pages, struct page **pages, unsigned int gup_flags)',
    'Like pin_user_pages(), but takes mmap_lock by itself. Returns 0 on bad arguments since 6.3.',
    '5.8',
  ),
  pin(
    'memfd_pin_folios',
    'long memfd_pin_folios(struct file *memfd, loff_t start, loff_t end, struct folio **folios, unsigned int max_folios, pgoff_t *offset)',
    'Pins folios of a memfd for a long time. Returns the number of folios, or -errno.',
    '6.11',
    {
      use: 'CASE 2 without a mapping. Release with unpin_folios(), once for each entry.',
      section: SECTION.tracking,
    },
  ),
  {
    name: 'iov_iter_get_pages2',
    signature:
      'ssize_t iov_iter_get_pages2(struct iov_iter *i, struct page **pages, size_t maxsize, unsigned maxpages, size_t *start)',
    summary: 'Takes a reference on the pages behind an iterator and advances it. Returns bytes, or -errno.',
    refcount: GET_REFCOUNT,
    pincount: GET_PINCOUNT,
    use: 'CASE 4 only. For data: iov_iter_extract_pages().',
    since: '6.0',
  },
  {
    name: 'iov_iter_extract_pages',
    signature:
      'ssize_t iov_iter_extract_pages(struct iov_iter *i, struct page ***pages, size_t maxsize, unsigned int maxpages, iov_iter_extraction_t extraction_flags, size_t *offset0)',
    summary:
      'Pins the pages behind an iterator over user memory; leaves those of other iterators alone. Returns bytes, or -errno.',
    refcount: PIN_REFCOUNT,
    pincount: PIN_PINCOUNT,
    use: 'CASE 1 and CASE 5. Release with unpin_user_page*() only where iov_iter_extract_will_pin() says so.',
    since: '6.3',
  },
];
