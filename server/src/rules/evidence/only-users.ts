/**
 * Pages that are marked dirty without the page lock in a file that has no pages but those of user memory: whatever way they
 * take through its structures, the mark is on one of these. Part of GUP309, for what the runs have lost on the way.
 */
import { isOfIterator } from '../../flow/kernel/acquire.ts';
import type { KernelVersion } from '../../syntax/preprocess/version.ts';
import type { SourceFile } from '../../syntax/source.ts';
import type { Finding } from '../finding.ts';
import { called, hasNoPins } from './apis.ts';
import { acquiredOnly, nearest, surmise } from './page-sources.ts';

const MENTIONS = /\b(?:set_page_dirty|SetPageDirty|folio_mark_dirty|folio_set_dirty)\s*\(/;
const MARKS = /^(?:set_page_dirty|SetPageDirty|folio_mark_dirty|folio_set_dirty)$/;

/** What keeps a page from being truncated meanwhile, wherever in the file it stands. */
const LOCKS =
  /\b(?:(?:try)?_?_?lock_page\w*|folio_(?:try)?lock\w*|pte_offset_map_lock|vm_fault|PageLocked|folio_test_locked)\b/;

/** Findings of marks that no run has come across with a page. `known` are all others. */
export function markedUnlocked(source: SourceFile, known: readonly Finding[]): Finding[] {
  if (!MENTIONS.test(source.code) || LOCKS.test(source.code)) return [];
  const pages = acquiredOnly(source, (model) => !isOfIterator(model));
  if (pages === undefined) return [];
  const { acquires, calls, allocates } = pages;
  const judged = new Set(known.map((f) => f.range.start));
  const other = allocates ? ', which it does not allocate and free itself,' : '';
  return calls.flatMap((call) => {
    if (!MARKS.test(call.name) || judged.has(call.range.start)) return [];
    const acquire = nearest(source, call, acquires);
    if (acquire === undefined) return [];
    const message = `${called(call.name)} is called without the page lock, and the pages that this file acquires${other} are user memory (${called(acquire.name)}): ${TRUNCATED}. Call set_page_dirty_lock()${orUnpin(source.kernel)}.`;
    return [
      surmise(source, call, acquire, {
        code: 'GUP309',
        certainty: allocates ? 'likely' : 'certain',
        message,
        step: { op: 'dirty', locked: false, set: 0, from: 0, count: 1 },
        acquired: 'acquired here',
      }),
    ];
  });
}

/** What may become of a page that is marked dirty without its lock. */
export const TRUNCATED =
  'the page may be truncated from its file at the same time, and the file system then finds a dirty page that it does not own';

/** Another way to mark pages dirty under their locks, where the kernel has it. */
export function orUnpin(kernel: KernelVersion): string {
  return hasNoPins(kernel) ? '' : ', or release with unpin_user_pages_dirty_lock()';
}
