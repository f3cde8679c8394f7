/**
 * Pages that are marked dirty without the page lock in a file that has no pages but those of user memory: whatever way they
 * take through its structures, the mark is on one of these. Part of GUP309, for what the runs have lost on the way.
 */
import { ACQUIRES, type AcquireModel, isOfIterator } from '../../flow/kernel/acquire.ts';
import type { Range } from '../../syntax/range.ts';
import type { SourceFile } from '../../syntax/source.ts';
import type { Finding } from '../finding.ts';
import { acquiredOnly, type CallSite, nearest } from './page-sources.ts';

const MARKS = /^(?:set_page_dirty|SetPageDirty|folio_mark_dirty|folio_set_dirty)$/;

/** What keeps a page from being truncated meanwhile, wherever in the file it stands. */
const LOCKS =
  /\b(?:(?:try)?_?_?lock_page\w*|folio_(?:try)?lock\w*|pte_offset_map_lock|vm_fault|PageLocked|folio_test_locked)\b/;

/** Findings of marks that no run has come across with a page, made by `findingOf`. `known` are all others. */
export function markedUnlocked(
  source: SourceFile,
  known: readonly Finding[],
  findingOf: (mark: Mark) => Finding,
): Finding[] {
  if (!/\b(?:set_page_dirty|SetPageDirty|folio_mark_dirty|folio_set_dirty)\s*\(/.test(source.code)) return [];
  if (LOCKS.test(source.code)) return [];
  const pages = acquiredOnly(source, isOfUser);
  if (pages === undefined) return [];
  const judged = new Set(known.map((f) => f.range.start));
  return pages.calls.flatMap((mark) => {
    if (!MARKS.test(mark.name) || judged.has(mark.range.start)) return [];
    const acquire = nearest(source, mark, pages.acquires);
    return acquire === undefined ? [] : [findingOf(markAt(source, mark, acquire, pages.allocates))];
  });
}

/** A call that marks a page dirty, and the call that has acquired it. */
export interface Mark {
  readonly name: string;
  readonly range: Range;
  readonly function: string;
  readonly acquire: { readonly name: string; readonly range: Range; readonly function: string };
  /** The file allocates pages as well, and has a function that frees such. */
  readonly allocates: boolean;
  readonly witness: NonNullable<Finding['witness']>;
}

function isOfUser(model: AcquireModel): boolean {
  return !isOfIterator(model);
}

function markAt(source: SourceFile, mark: CallSite, acquire: CallSite, allocates: boolean): Mark {
  const nameOf = ({ index }: CallSite): string => source.functions[index]!.name;
  const textOf = ({ range }: CallSite): string =>
    source.text.slice(range.start, range.end).replace(/\s+/g, ' ');
  const place = acquire.index === mark.index ? {} : { within: nameOf(acquire) };
  const { api } = ACQUIRES.get(acquire.name)!;
  return {
    name: mark.name,
    range: mark.range,
    function: nameOf(mark),
    acquire: { name: acquire.name, range: acquire.range, function: nameOf(acquire) },
    allocates,
    witness: {
      steps: [
        {
          step: { op: 'acquire', api, flags: 0, nr: 1, set: 0, expect: 1 },
          range: acquire.range,
          text: textOf(acquire),
          ...place,
        },
        {
          step: { op: 'dirty', locked: false, set: 0, from: 0, count: 1 },
          range: mark.range,
          text: textOf(mark),
        },
      ],
      assumed: [],
    },
  };
}
