/** The releasing functions under their kernel names. Source: mm/gup.c, include/linux/mm.h. */
import { FOLL } from '../protocol/flags.ts';
import { PG, ZERO_FRAME } from './constants.ts';
import { folioMarkDirty } from './file.ts';
import { gupPutFolio, pageAnon, putPage } from './folio.ts';
import type { PageArray } from './gup.ts';
import type { Machine } from './machine.ts';

/** IS_ERR_VALUE(): an unsigned count that is a negative error number. */
function isErrValue(n: number): boolean {
  return n < 0 && n >= -4095;
}

/** sanity_check_pinned_pages(), which CONFIG_DEBUG_VM compiles in. */
function sanityCheck(m: Machine, pages: PageArray, from: number, nr: number): void {
  if (!m.debugVm) return;
  for (let i = from; i < from + nr; i++) {
    const frame = pages[i]!;
    if (frame === ZERO_FRAME || !pageAnon(m, frame)) continue;
    const head = m.head(frame);
    const ofPage = (m.flags(frame) & PG.anonExclusive) !== 0;
    const ofHead = (m.flags(head) & PG.anonExclusive) !== 0;
    if (!ofPage && !ofHead) m.warn('notExclusive');
  }
}

/** unpin_user_page(). */
export function unpinUserPage(m: Machine, frame: number): void {
  sanityCheck(m, [frame], 0, 1);
  gupPutFolio(m, m.head(frame), 1, FOLL.PIN);
}

/** unpin_user_pages(): warns and does nothing when `nr` is an error number. */
export function unpinUserPages(m: Machine, pages: PageArray, from: number, nr: number): void {
  if (isErrValue(nr)) {
    m.warn('negativeCount');
    return;
  }
  sanityCheck(m, pages, from, nr);
  forEachRun(m, pages, from, nr, (head, count) => gupPutFolio(m, head, count, FOLL.PIN));
}

/**
 * unpin_user_pages_dirty_lock(). With `makeDirty` a negative count is not caught: the kernel's loop runs off the array
 * (an oops).
 */
export function unpinUserPagesDirtyLock(
  m: Machine,
  pages: PageArray,
  from: number,
  nr: number,
  makeDirty: boolean,
): void {
  if (!makeDirty) {
    unpinUserPages(m, pages, from, nr);
    return;
  }
  if (nr < 0) {
    m.warn('oops');
    return;
  }
  sanityCheck(m, pages, from, nr);
  forEachRun(m, pages, from, nr, (head, count) => {
    if ((m.flags(head) & PG.dirty) === 0) folioMarkDirty(m, head);
    gupPutFolio(m, head, count, FOLL.PIN);
  });
}

/** unpin_user_page_range_dirty_lock(): `nr` consecutive pages of memory, starting at `frame`. */
export function unpinUserPageRangeDirtyLock(m: Machine, frame: number, nr: number, makeDirty: boolean): void {
  if (nr < 0) {
    m.warn('oops');
    return;
  }
  for (let i = 0; i < nr; i++) {
    const head = m.head(frame + i);
    if (makeDirty && (m.flags(head) & PG.dirty) === 0) folioMarkDirty(m, head);
    gupPutFolio(m, head, 1, FOLL.PIN);
  }
}

/** unpin_user_folio(): `nr` pins of one folio. */
export function unpinUserFolio(m: Machine, frame: number, nr: number): void {
  gupPutFolio(m, m.head(frame), nr, FOLL.PIN);
}

/** unpin_folios(); unpin_folio() is the same with one entry. */
export function unpinFolios(m: Machine, folios: PageArray, from: number, nr: number): void {
  if (isErrValue(nr)) {
    m.warn('negativeCount');
    return;
  }
  for (let i = from; i < from + nr; i++) gupPutFolio(m, m.head(folios[i]!), 1, FOLL.PIN);
}

/** release_pages(): put_page() on each; a negative count is an empty loop. */
export function releasePages(m: Machine, pages: PageArray, from: number, nr: number): void {
  for (let i = from; i < from + nr; i++) putPage(m, pages[i]!);
}

/** set_page_dirty_lock(), and set_page_dirty(), which differs only in not holding the page lock. */
export function setPageDirty(m: Machine, frame: number): void {
  folioMarkDirty(m, m.head(frame));
}

/** Calls `visit` once for each run of equal folios, as gup_folio_next() groups them. */
function forEachRun(
  m: Machine,
  pages: PageArray,
  from: number,
  nr: number,
  visit: (head: number, count: number) => void,
): void {
  for (let i = 0; i < nr; ) {
    const head = m.head(pages[from + i]!);
    let count = 1;
    while (i + count < nr && m.head(pages[from + i + count]!) === head) count++;
    visit(head, count);
    i += count;
  }
}
