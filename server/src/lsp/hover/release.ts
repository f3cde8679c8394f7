/** Functions that give references or pins back, mark pages dirty, or ask about pins (mm/gup.c, mm/swap.c of Linux 6.12). */
import { type HoverEntry, SECTION } from './entry.ts';

const PUT_REFCOUNT = '-1 for each page';
const UNPIN_REFCOUNT =
  '-1024 (GUP_PIN_COUNTING_BIAS) for a folio of one page, -1 for each page of a large folio; unchanged for the zero page';
const UNPIN_PINCOUNT = '-1 for each page of a large folio';
const PUT_USE = 'Pages of get_user_pages*(). On pinned pages it leaves the pin behind.';
const UNPIN_USE =
  'Pages of pin_user_pages*(). On pages that were only got it takes away references that others own.';

function put(name: string, signature: string, summary: string, more: Partial<HoverEntry> = {}): HoverEntry {
  const section = SECTION.tracking;
  return {
    name,
    signature,
    summary,
    refcount: PUT_REFCOUNT,
    pincount: 'unchanged',
    use: PUT_USE,
    section,
    ...more,
  };
}

function unpin(
  name: string,
  signature: string,
  summary: string,
  since: string,
  more: Partial<HoverEntry> = {},
): HoverEntry {
  const section = SECTION.tracking;
  return {
    name,
    signature,
    summary,
    refcount: UNPIN_REFCOUNT,
    pincount: UNPIN_PINCOUNT,
    use: UNPIN_USE,
    since,
    section,
    ...more,
  };
}

export const RELEASE_ENTRIES: readonly HoverEntry[] = [
  put('put_page', 'void put_page(struct page *page)', 'Drops a reference.'),
  put('folio_put', 'void folio_put(struct folio *folio)', 'Drops a reference on a folio.', {
    since: '5.16',
    refcount: '-1',
  }),
  put(
    'release_pages',
    'void release_pages(release_pages_arg arg, int nr)',
    'Drops a reference on each page of an array.',
  ),
  unpin(
    'unpin_user_page',
    'void unpin_user_page(struct page *page)',
    'Releases the pin of one page. Does not mark it dirty.',
    '5.6',
  ),
  unpin(
    'unpin_user_pages',
    'void unpin_user_pages(struct page **pages, unsigned long npages)',
    'Releases the pins of an array of pages. Does not mark them dirty.',
    '5.6',
  ),
  unpin(
    'unpin_user_pages_dirty_lock',
    'void unpin_user_pages_dirty_lock(struct page **pages, unsigned long npages, bool make_dirty)',
    'Releases the pins of an array of pages; with make_dirty, marks each dirty before, under the page lock, and so may sleep.',
    '5.6',
    { use: `${UNPIN_USE} The end of CASE 5: what was written is marked dirty while it is still pinned.` },
  ),
  unpin(
    'unpin_user_page_range_dirty_lock',
    'void unpin_user_page_range_dirty_lock(struct page *page, unsigned long npages, bool make_dirty)',
    'The same for pages that follow each other in memory.',
    '5.13',
  ),
  unpin(
    'unpin_user_folio',
    'void unpin_user_folio(struct folio *folio, unsigned long npages)',
    'Releases pins of pages of one folio.',
    '6.12',
  ),
  unpin('unpin_folio', 'void unpin_folio(struct folio *folio)', 'Releases the pin of a folio.', '6.11', {
    use: 'Folios of memfd_pin_folios().',
    pincount: '-1 for a large folio',
    refcount: '-1024 (GUP_PIN_COUNTING_BIAS) for a folio of one page, -1 for a large one',
  }),
  unpin(
    'unpin_folios',
    'void unpin_folios(struct folio **folios, unsigned long nfolios)',
    'Releases the pins of an array of folios, one for each entry.',
    '6.11',
    {
      use: 'Folios of memfd_pin_folios().',
      pincount: '-1 for each entry that is a large folio',
      refcount: '-1024 (GUP_PIN_COUNTING_BIAS) for an entry of one page, -1 for a large one',
    },
  ),
  {
    name: 'set_page_dirty_lock',
    signature: 'int set_page_dirty_lock(struct page *page)',
    summary:
      'Marks a page dirty under the page lock, which may sleep. Without it a write to file-backed memory can be lost at writeback.',
    use: 'After the last write and before the release. unpin_user_pages_dirty_lock() does both.',
    section: SECTION.cases,
  },
  {
    name: 'folio_maybe_dma_pinned',
    signature: 'bool folio_maybe_dma_pinned(struct folio *folio)',
    summary:
      'Whether a folio may be pinned. Exact for large folios; a folio of one page with 1024 references looks pinned as well. Never wrong about a folio that is pinned.',
    use: 'The question behind FOLL_PIN: file systems and reclaim ask it.',
    since: '5.18',
    section: SECTION.maybe,
  },
  {
    name: 'page_maybe_dma_pinned',
    signature: 'bool page_maybe_dma_pinned(struct page *page)',
    summary: "folio_maybe_dma_pinned() for a page's folio.",
    use: 'Since 5.18 ask folio_maybe_dma_pinned().',
    since: '5.7',
    until: '6.11',
    section: SECTION.maybe,
  },
];
