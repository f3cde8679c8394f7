/**
 * The exported acquiring functions under their kernel names. `proc` and `start` stand for the mm and the address in
 * pages; `pages` receives frame numbers. All return pages taken, or -errno, exactly as the kernel's do: the pin
 * variants without `_fast` return 0, not -EINVAL, when they refuse their arguments.
 * Source: mm/gup.c; document section "Which flags are set by each wrapper".
 */
import { FOLL } from '../protocol/flags.ts';
import { ERRNO, FS } from './constants.ts';
import { readPage } from './file.ts';
import { gupPutFolio, tryGrabFolio } from './folio.ts';
import {
  getUserPagesLocked,
  gupFastFallback,
  gupLongtermLocked,
  type PageArray,
  validGupArgs,
} from './gup.ts';
import type { Machine } from './machine.ts';
import { checkAndMigrateMovable } from './migrate.ts';

type Pages = PageArray | null;

export function getUserPages(
  m: Machine,
  proc: number,
  start: number,
  nr: number,
  flags: number,
  pages: Pages,
): number {
  const all = validGupArgs(m, flags, pages !== null, FOLL.TOUCH, null);
  if (all < 0) return -ERRNO.EINVAL;
  return getUserPagesLocked(m, proc, start, nr, all, pages, 0, true);
}

/** `locked` is the value behind the pointer, or null for no pointer. */
export function getUserPagesRemote(
  m: Machine,
  proc: number,
  start: number,
  nr: number,
  flags: number,
  pages: Pages,
  locked: number | null = null,
): number {
  const all = validGupArgs(m, flags, pages !== null, FOLL.TOUCH | FOLL.REMOTE, locked);
  if (all < 0) return -ERRNO.EINVAL;
  return getUserPagesLocked(m, proc, start, nr, all, pages, 0, true);
}

export function getUserPagesUnlocked(
  m: Machine,
  proc: number,
  start: number,
  nr: number,
  flags: number,
  pages: Pages,
): number {
  const all = validGupArgs(m, flags, pages !== null, FOLL.TOUCH | FOLL.UNLOCKABLE, null);
  if (all < 0) return -ERRNO.EINVAL;
  return getUserPagesLocked(m, proc, start, nr, all, pages, 0, false);
}

export function getUserPagesFast(
  m: Machine,
  proc: number,
  start: number,
  nr: number,
  flags: number,
  pages: Pages,
): number {
  const all = validGupArgs(m, flags, pages !== null, FOLL.GET, null);
  if (all < 0) return -ERRNO.EINVAL;
  return gupFastFallback(m, proc, start, nr, all, pages!);
}

export function getUserPagesFastOnly(
  m: Machine,
  proc: number,
  start: number,
  nr: number,
  flags: number,
  pages: Pages,
): number {
  const all = validGupArgs(m, flags, pages !== null, FOLL.GET | FOLL.FAST_ONLY, null);
  if (all < 0) return -ERRNO.EINVAL;
  return gupFastFallback(m, proc, start, nr, all, pages!);
}

export function pinUserPages(
  m: Machine,
  proc: number,
  start: number,
  nr: number,
  flags: number,
  pages: Pages,
): number {
  const all = validGupArgs(m, flags, pages !== null, FOLL.PIN, null);
  if (all < 0) return 0;
  return gupLongtermLocked(m, proc, start, nr, all, pages!, 0, true);
}

export function pinUserPagesRemote(
  m: Machine,
  proc: number,
  start: number,
  nr: number,
  flags: number,
  pages: Pages,
  locked: number | null = null,
): number {
  const all = validGupArgs(m, flags, pages !== null, FOLL.PIN | FOLL.TOUCH | FOLL.REMOTE, locked);
  if (all < 0) return 0;
  return gupLongtermLocked(m, proc, start, nr, all, pages!, 0, true);
}

export function pinUserPagesUnlocked(
  m: Machine,
  proc: number,
  start: number,
  nr: number,
  flags: number,
  pages: Pages,
): number {
  const all = validGupArgs(m, flags, pages !== null, FOLL.PIN | FOLL.TOUCH | FOLL.UNLOCKABLE, null);
  if (all < 0) return 0;
  return gupLongtermLocked(m, proc, start, nr, all, pages!, 0, false);
}

export function pinUserPagesFast(
  m: Machine,
  proc: number,
  start: number,
  nr: number,
  flags: number,
  pages: Pages,
): number {
  const all = validGupArgs(m, flags, pages !== null, FOLL.PIN, null);
  if (all < 0) return -ERRNO.EINVAL;
  return gupFastFallback(m, proc, start, nr, all, pages!);
}

/**
 * memfd_pin_folios(): pins the folios behind pages `start..end` (inclusive) of a memfd, one entry for each folio.
 * Returns the number of folios, or -EINVAL for another kind of file or a range past its end.
 */
export function memfdPinFolios(
  m: Machine,
  file: number,
  start: number,
  end: number,
  folios: PageArray,
  max: number,
): number {
  if (start < 0 || start > end || max <= 0 || file < 0) return -ERRNO.EINVAL;
  const fs = m.fs(file);
  if ((fs !== FS.shmem && fs !== FS.hugetlbfs) || end >= m.fileSize(file)) return -ERRNO.EINVAL;
  m.pinScope++;
  let ret = 0;
  for (;;) {
    ret = pinRange(m, file, start, end, folios, max);
    if (ret <= 0) break;
    const moved = checkAndMigrateMovable(m, folios, ret, (head) => gupPutFolio(m, head, 1, FOLL.PIN));
    if (moved === -ERRNO.EAGAIN) continue;
    if (moved !== 0) ret = moved;
    break;
  }
  m.pinScope--;
  return ret;
}

function pinRange(
  m: Machine,
  file: number,
  start: number,
  end: number,
  folios: PageArray,
  max: number,
): number {
  let nr = 0;
  let last = -1;
  for (let index = start; index <= end && nr < max; index++) {
    const frame = readPage(m, file, index);
    if (frame < 0) return -ERRNO.ENOMEM;
    const head = m.head(frame);
    if (head === last) continue;
    if (tryGrabFolio(m, head, 1, FOLL.PIN) !== 0) return nr > 0 ? nr : -ERRNO.EINVAL;
    folios[nr++] = head;
    last = head;
  }
  return nr;
}

/**
 * iov_iter_get_pages2() on a user-backed iterator: get_user_pages_fast(). `destination` says that the iterator is
 * written to (ITER_DEST), which adds FOLL_WRITE. Returns pages, not bytes.
 */
export function iovIterGetPages2(
  m: Machine,
  proc: number,
  start: number,
  nr: number,
  destination: boolean,
  pages: PageArray,
): number {
  return getUserPagesFast(m, proc, start, nr, destination ? FOLL.WRITE : 0, pages);
}

/** iov_iter_extract_pages() on a user-backed iterator: pin_user_pages_fast(). Returns pages, not bytes. */
export function iovIterExtractPages(
  m: Machine,
  proc: number,
  start: number,
  nr: number,
  destination: boolean,
  pages: PageArray,
): number {
  return pinUserPagesFast(m, proc, start, nr, destination ? FOLL.WRITE : 0, pages);
}
