/** FOLL_* flags (include/linux/mm_types.h, mm/internal.h of Linux 6.12). */
import { type HoverEntry, SECTION } from './entry.ts';

/** What *_fast() does with a flag that it does not know: gup_fast_fallback(). */
const NOT_FAST = ' The *_fast() functions refuse it with a WARN and -EINVAL.';

function flag(name: string, summary: string, use: string, more: Partial<HoverEntry> = {}): HoverEntry {
  return { name, signature: name, summary, use, ...more };
}

function internal(name: string, summary: string, more: Partial<HoverEntry> = {}): HoverEntry {
  return flag(
    name,
    summary,
    'Internal to gup: at a call site is_valid_gup_args() warns and refuses the call. In mm/internal.h since 6.3.',
    { section: SECTION.basic, ...more },
  );
}

export const FLAG_ENTRIES: readonly HoverEntry[] = [
  flag(
    'FOLL_WRITE',
    'The pages will be written: faults them in writable, which breaks copy-on-write before the reference is taken.',
    'CASE 5, and CASE 1 or 2 when the device writes to memory.',
  ),
  flag(
    'FOLL_GET',
    'Take a reference. get_user_pages*() sets it wherever pages is given.',
    'CASE 4. Excludes FOLL_PIN: pin_user_pages*() refuses it.',
    {
      refcount: '+1 for each page',
      pincount: 'unchanged',
      section: SECTION.wrapper,
    },
  ),
  flag(
    'FOLL_LONGTERM',
    'The pages are held for as long as userspace likes: they are migrated out of CMA and ZONE_MOVABLE first, and fsdax and dirty-tracked shared file pages are refused.',
    'CASE 2 (RDMA), with pin_user_pages*() only: it needs FOLL_PIN.',
    {
      since: '5.2',
      section: SECTION.cases,
    },
  ),
  flag(
    'FOLL_FORCE',
    'Access without permission: writes to read-only private mappings as a debugger does.',
    'ptrace-like access only.',
  ),
  flag(
    'FOLL_DUMP',
    'Fail at a hole in the mapping instead of taking the zero page.',
    `Core dumps.${NOT_FAST}`,
  ),
  flag('FOLL_NOWAIT', 'Return instead of waiting for disk.', `KVM's asynchronous page faults.${NOT_FAST}`),
  flag(
    'FOLL_NOFAULT',
    'Take only pages that are present: no faults.',
    'Callers that must not sleep in a fault.',
    { since: '5.16' },
  ),
  flag('FOLL_HWPOISON', 'Answer -EHWPOISON for a poisoned page.', `KVM.${NOT_FAST}`),
  flag('FOLL_ANON', 'Refuse file mappings.', `Access to another process's stack and arguments.${NOT_FAST}`, {
    since: '4.17',
  }),
  flag('FOLL_SPLIT_PMD', 'Split a huge PMD before the page is taken.', `uprobes.${NOT_FAST}`, {
    since: '5.4',
  }),
  flag(
    'FOLL_PCI_P2PDMA',
    'Also take pages of PCI peer-to-peer memory.',
    'CASE 1. Not together with FOLL_LONGTERM.',
    { since: '6.2' },
  ),
  flag('FOLL_INTERRUPTIBLE', 'Let signals that do not kill interrupt a fault.', `KVM.${NOT_FAST}`, {
    since: '6.2',
  }),
  flag('FOLL_HONOR_NUMA_FAULT', 'Do not take a page that waits for a NUMA hinting fault.', 'KVM.', {
    since: '6.6',
  }),
  internal('FOLL_PIN', 'Take a pin instead of a reference. pin_user_pages*() sets it.', {
    refcount: '+1024 (GUP_PIN_COUNTING_BIAS) for a folio of one page, +1 for each page of a large folio',
    pincount: '+1 for each page of a large folio',
    since: '5.6',
  }),
  internal('FOLL_TOUCH', 'Mark the page accessed.'),
  internal('FOLL_TRIED', 'The fault was tried before.'),
  internal('FOLL_REMOTE', 'The memory belongs to another process.', { since: '4.6' }),
  internal('FOLL_FAST_ONLY', 'Never fall back to the slow path. get_user_pages_fast_only() sets it.', {
    since: '5.8',
  }),
  internal('FOLL_UNLOCKABLE', 'mmap_lock may be dropped meanwhile.', { since: '6.3' }),
  internal('FOLL_MADV_POPULATE', 'The call serves madvise(MADV_POPULATE_*).', { since: '6.9' }),
];
