/**
 * What a running kernel did with calls that the rules without a run are about. Each figure is a recording of Linux
 * 6.12.117 in test/golden/data; a test holds the table against it.
 */
import type { AcquireApi } from '#engine/protocol/steps.ts';
import type { Finding } from '../rules/finding.ts';
import { resultText } from './words.ts';

/** Results by function; `others` for all that were recorded and are not named. */
interface Recorded {
  /** Label of the recorded steps; `<api>` stands for the function. */
  readonly step: string;
  readonly others: number;
  readonly results: Readonly<Partial<Record<AcquireApi, number>>>;
  /** Functions that warned. */
  readonly warned: 'none' | 'fast' | 'pin' | 'all';
}

const PIN_SLOW_ZERO = { pin_user_pages: 0, pin_user_pages_remote: 0, pin_user_pages_unlocked: 0 } as const;

/** Recorded calls. All functions but those of memfds and iterators were called. */
export const RECORDED = {
  /** Memory of a device, which has no struct page: as where nothing is mapped. */
  unmapped: {
    step: 'VM_PFNMAP|VM_IO (remap_pfn_range): <api>',
    others: -14,
    results: { get_user_pages_fast_only: 0 },
    warned: 'none',
  },
  /** A flag of gup's own. */
  internalFlag: {
    step: '<api>(FOLL_UNLOCKABLE)',
    others: -22,
    results: PIN_SLOW_ZERO,
    warned: 'all',
  },
  /** FOLL_GET by its number, 4 in old code and 2 today. */
  get: {
    step: '<api>(FOLL_GET)',
    others: 1,
    results: { ...PIN_SLOW_ZERO, pin_user_pages_fast: -22 },
    warned: 'pin',
  },
  nowait: {
    step: '<api>(FOLL_NOWAIT)',
    others: 1,
    results: { get_user_pages_fast: -22, get_user_pages_fast_only: -22, pin_user_pages_fast: -22 },
    warned: 'fast',
  },
  /** FOLL_WRITE where a private mapping is read-only, and the same with FOLL_FORCE. */
  readonlyWrite: {
    step: 'RO private anon: <api> FOLL_WRITE',
    others: -14,
    results: { get_user_pages_fast_only: 0 },
    warned: 'none',
  },
  readonlyForce: {
    step: 'RO private anon: <api> FOLL_WRITE|FOLL_FORCE',
    others: 1,
    results: { get_user_pages_fast_only: 0 },
    warned: 'none',
  },
} as const satisfies Record<string, Recorded>;

/** Recorded result of a function; undefined for functions that were not called. */
export function recordedResult(what: keyof typeof RECORDED, api: string): number | undefined {
  if (!/^(get|pin)_user_pages(_fast|_fast_only|_remote|_unlocked)?$/.test(api)) return undefined;
  const { others, results }: Recorded = RECORDED[what];
  return results[api as AcquireApi] ?? others;
}

/** `get_user_pages() returned -EFAULT` */
function returned(what: keyof typeof RECORDED, api: string): string | undefined {
  const result = recordedResult(what, api);
  return result === undefined ? undefined : `${api}() returned ${resultText(result)}`;
}

function sentence(text: string | undefined, rest: string): string[] {
  return text === undefined ? [] : [`Recorded on Linux 6.12: ${text}${rest}`];
}

const UNSIGNED = 2 ** 32;

const SHORT_COUNT =
  'In the source of Linux 6.12: the call stops at the first page that it cannot take and returns how many it took before; the other entries of the array are left as they were.';

/** By rule code, for rules that have nothing to run. */
const FACTS: Readonly<Record<string, (api: string) => readonly string[]>> = {
  GUP105: () => [
    'Nothing can be recorded: the target kernel does not compile such a call, or not as it is meant.',
  ],
  GUP107: () => [
    'Not recorded: without mmap_lock find_vma() walks a tree that others change; with lock debugging the kernel warns (mmap_assert_locked()).',
    'The _fast functions take mmap_lock themselves when the page tables do not hold the page: with the lock held that is a deadlock as soon as a writer waits.',
  ],
  GUP108: () => [
    'Not recorded: a call that faults in a page, or takes the page lock, sleeps; in atomic context the kernel prints "BUG: scheduling while atomic" when it does.',
  ],
  GUP109: (api) => [
    ...sentence(returned('get', api), ' for flags 2, which is FOLL_GET; 1 is FOLL_WRITE, as `true` is.'),
  ],
  GUP110: (api) =>
    sentence(
      returned('nowait', api),
      ' for a flag that the fast functions refuse, with a WARNING; no page is taken.',
    ),
  GUP111: (api) => [
    ...sentence(
      returned('readonlyWrite', api),
      ' where the process has a read-only private mapping and FOLL_WRITE is asked for.',
    ),
    ...sentence(
      returned('readonlyForce', api),
      ' with FOLL_FORCE as well: the page is copied and written although the process may not write it.',
    ),
  ],
  GUP112: () => [
    'Not recorded: current->mm is NULL in a kthread, and whoever was interrupted lends his mm to an interrupt or a work item.',
  ],
  GUP205: () => [
    'Nothing is run for a notifier in C: how the callback and a pin meet is in the litmus tests of CASE 3 (examples/litmus/case3-*.litmus).',
  ],
  GUP206: () => [
    'Recorded on Linux 6.12: a pin adds 1024 to the count of an order-0 folio, a get adds 1. For struct page alone either will do (examples/litmus/case4-struct-page-only.litmus).',
  ],
  GUP309: () => [
    'In the source of Linux 6.12: set_page_dirty_lock() is set_page_dirty() under the page lock, which keeps truncation from taking the page out of its file in between. Flags and counts are the same afterwards.',
  ],
  GUP310: () => [
    'In the source of Linux 6.12: unpin_user_pages_dirty_lock(pages, n, true) locks, marks dirty and unpins folio by folio; flags, counts and counters are those of the loop.',
  ],
  GUP312: () => [
    'In the source of Linux 6.12: without FOLL_WRITE a write-protected mapping stays as it is, so the file system has not made room for a write; dirtied, the page is written back once more, unchanged.',
  ],
  GUP313: () => [
    'In the source of Linux 6.12: mm/gup.c counts pins in nr_foll_pin_acquired and nowhere else; RLIMIT_MEMLOCK, locked_vm and pinned_vm are left to the caller.',
  ],
  GUP314: () => [
    'In the source of Linux 6.12: flush_dcache_page() is empty on x86. Where caches alias, the process may read what its own cache lines held before the write.',
  ],
  GUP401: (api) => [
    ...sentence(
      returned('unmapped', api),
      ' where a device’s memory is mapped, as where nothing is; the array is left as it was.',
    ),
    SHORT_COUNT,
    ...sentence(
      recordedResult('internalFlag', api) === 0 ? returned('internalFlag', api) : undefined,
      ' for refused flags, with a WARNING.',
    ),
  ],
  GUP402: (api) => {
    const result = recordedResult('unmapped', api);
    if (result === undefined || result >= 0) return [];
    return sentence(
      returned('unmapped', api),
      ` where a device’s memory is mapped, as where nothing is; that is ${UNSIGNED + result} as an unsigned int.`,
    );
  },
  GUP403: () => [SHORT_COUNT, 'A caller that tests for < 0 takes such a count for success.'],
  GUP501: () => [
    'Recorded on Linux 6.12: an order-0 folio that is mapped once counts as pinned from 1023 further references on (the bias is 1024); a huge page has a pincount of its own, and 100,000 references do not make it pinned.',
  ],
  GUP601: () => [
    'Recorded on Linux 6.12: process_vm_readv(), O_DIRECT and registered io_uring buffers pin their pages; vmsplice() takes a reference.',
  ],
  GUP602: () => [
    'In the source of Linux 6.12: iov_iter_extract_pages() pins the pages of user memory and takes nothing of kernel memory, where an unpin drops 1024 references that others hold (examples/litmus/unpin-of-extracted-kernel-pages.litmus).',
  ],
};

/** Rules for which there is something to say. */
export const FACT_CODES: readonly string[] = Object.keys(FACTS);

/** What the kernel does with the finding's call, one sentence each; empty where nothing was recorded. */
export function whatTheKernelDoes({ code, api }: Finding): readonly string[] {
  return FACTS[code]?.(api) ?? [];
}
