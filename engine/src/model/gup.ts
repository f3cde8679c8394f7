/** get_user_pages() and pin_user_pages(): the walk. The exported wrappers are in gup-api.ts. Source: mm/gup.c. */
import { FAST_FLAGS, FOLL, INTERNAL_FLAGS } from '../protocol/flags.ts';
import { ERRNO, FRAME, FS, MAPPING_FILE, MMF_HAS_PINNED, PG, PROC_KILLED, PTE, VM } from './constants.ts';
import { handleFault, isCowMapping } from './fault.ts';
import { folioMarkDirty, needsDirtyTracking } from './file.ts';
import { folioIsLongtermPinnable, gupPutFolio, pageAnon, tryGrabFolio, tryGrabFolioFast } from './folio.ts';
import type { Machine } from './machine.ts';
import { checkAndMigrateMovable } from './migrate.ts';
import { exclusive, hugeStart, markAccessed, pteFrame, splitPmd } from './rmap.ts';

/** Where the pages go; any indexable store of numbers. */
export interface PageArray {
  [i: number]: number;
}

/** Pages of the whole address space, and of TASK_SIZE_MAX with five-level page tables (x86-64). */
const ADDRESS_PAGES = 2 ** 52;
const TASK_SIZE_PAGES = 2 ** 44 - 1;

/** A walk that makes no progress is a bug of the model: no page needs more faults than this. */
const MAX_FAULTS = 8;

/** Flags as the walk uses them, or -1 when is_valid_gup_args() refuses the call (and warns). */
export function validGupArgs(
  m: Machine,
  flags: number,
  hasPages: boolean,
  toSet: number,
  locked: number | null,
): number {
  if ((flags & INTERNAL_FLAGS) !== 0) {
    m.warn('internalFlag');
    return -1;
  }
  let all = flags | toSet;
  if (locked !== null) {
    if (locked !== 1) {
      m.warn('lockedNotSet');
      return -1;
    }
    all |= FOLL.UNLOCKABLE;
  }
  if ((all & FOLL.PIN) !== 0 && (all & FOLL.GET) !== 0) m.warn('getAndPin');
  else if ((all & FOLL.PIN) === 0 && (all & FOLL.LONGTERM) !== 0) m.warn('longtermWithoutPin');
  else if ((all & (FOLL.GET | FOLL.PIN)) !== 0 && !hasPages) m.warn('nullPages');
  else if ((all & FOLL.LONGTERM) !== 0 && (all & FOLL.PCI_P2PDMA) !== 0) m.warn('longtermP2pdma');
  else return all;
  return -1;
}

/** check_vma_flags(): 0, -EFAULT or -EOPNOTSUPP. */
function checkVmaFlags(m: Machine, vma: number, flags: number): number {
  const vmFlags = m.vmaFlags(vma);
  const file = m.vmaFile(vma);
  const fs = file >= 0 ? m.fs(file) : FS.none;
  if ((vmFlags & VM.PFNMAP) !== 0) return -ERRNO.EFAULT;
  if ((flags & FOLL.ANON) !== 0 && file >= 0) return -ERRNO.EFAULT;
  if ((flags & FOLL.LONGTERM) !== 0 && fs === FS.fsdax) return -ERRNO.EOPNOTSUPP;
  if ((flags & FOLL.SPLIT_PMD) !== 0 && (vmFlags & VM.HUGETLB) !== 0) return -ERRNO.EOPNOTSUPP;
  if (fs === FS.secretmem) return -ERRNO.EFAULT;
  if ((flags & FOLL.WRITE) !== 0) {
    const longterm = (flags & (FOLL.PIN | FOLL.LONGTERM)) === (FOLL.PIN | FOLL.LONGTERM);
    if (longterm && file >= 0 && vmaNeedsDirtyTracking(m, vmFlags, file)) return -ERRNO.EFAULT;
    if ((vmFlags & VM.WRITE) === 0) {
      if ((flags & FOLL.FORCE) === 0 || (vmFlags & VM.HUGETLB) !== 0 || !isCowMapping(vmFlags))
        return -ERRNO.EFAULT;
    }
  } else if ((vmFlags & VM.READ) === 0) {
    if ((flags & FOLL.FORCE) === 0 || (vmFlags & VM.MAYREAD) === 0) return -ERRNO.EFAULT;
  }
  return 0;
}

/** vma_needs_dirty_tracking(): shared, writable, and of a file system that tracks. */
function vmaNeedsDirtyTracking(m: Machine, vmFlags: number, file: number): boolean {
  return (vmFlags & (VM.SHARED | VM.WRITE)) === (VM.SHARED | VM.WRITE) && needsDirtyTracking(m, file);
}

/** gup_must_unshare(): a read-only pin must not share an anonymous page that somebody else may copy away. */
function mustUnshare(m: Machine, vma: number, flags: number, pte: number): boolean {
  if ((flags & (FOLL.WRITE | FOLL.PIN)) !== FOLL.PIN) return false;
  if (!pageAnon(m, pteFrame(pte))) {
    if ((flags & FOLL.LONGTERM) === 0) return false;
    return vma < 0 || isCowMapping(m.vmaFlags(vma));
  }
  return !exclusive(m, pte);
}

/** can_follow_write_pte(): FOLL_FORCE may write to an exclusive page of a private read-only mapping. */
function canFollowWrite(m: Machine, vma: number, flags: number, pte: number): boolean {
  if ((pte & PTE.WRITE) !== 0) return true;
  if ((flags & FOLL.FORCE) === 0) return false;
  const vmFlags = m.vmaFlags(vma);
  if ((vmFlags & VM.SHARED) !== 0 || (vmFlags & VM.MAYWRITE) === 0 || (vmFlags & VM.WRITE) !== 0)
    return false;
  return pageAnon(m, pteFrame(pte)) && exclusive(m, pte);
}

/** What follow_page_mask() found: a frame, or one of these. */
const NO_PAGE = -1;
const UNSHARE = -2;

/**
 * follow_page_mask(): the page at `vpage` with one reference or pin taken. Returns the frame, NO_PAGE or UNSHARE (fault
 * first), or -errno - 100.
 */
function followPage(m: Machine, proc: number, vma: number, vpage: number, flags: number): number {
  let pte = m.pte(proc, vpage);
  if ((pte & PTE.PRESENT) === 0) {
    if ((flags & FOLL.DUMP) !== 0 && pte === 0 && m.vmaFile(vma) < 0) return -ERRNO.EFAULT - 100;
    return NO_PAGE;
  }
  if ((flags & FOLL.SPLIT_PMD) !== 0 && (pte & PTE.PMD) !== 0) {
    splitPmd(m, proc, vpage);
    pte = m.pte(proc, vpage);
  }
  if ((flags & FOLL.WRITE) !== 0 && !canFollowWrite(m, vma, flags, pte)) return NO_PAGE;
  const frame = pteFrame(pte);
  const head = m.head(frame);
  if ((flags & FOLL.DUMP) !== 0 && (pte & PTE.DEVMAP) === 0 && (pte & PTE.SPECIAL) !== 0)
    return -ERRNO.EFAULT - 100;
  if ((pte & PTE.WRITE) === 0 && mustUnshare(m, vma, flags, pte)) return UNSHARE;
  const ret = tryGrabFolio(m, head, 1, flags);
  if (ret !== 0) return ret - 100;
  if ((flags & FOLL.TOUCH) !== 0) touch(m, head, pte, flags);
  return frame;
}

/** FOLL_TOUCH: mark accessed; dirty a page that is written through an entry that is not dirty. */
function touch(m: Machine, head: number, pte: number, flags: number): void {
  if ((pte & PTE.PMD) !== 0) return;
  if ((flags & FOLL.WRITE) !== 0 && (pte & PTE.DIRTY) === 0 && (m.flags(head) & PG.dirty) === 0)
    folioMarkDirty(m, head);
  markAccessed(m, head);
}

/** __get_user_pages(): pages done, or -errno when none was. */
function walk(
  m: Machine,
  proc: number,
  start: number,
  nr: number,
  flags: number,
  pages: PageArray | null,
  base: number,
): number {
  let done = 0;
  let vma = -1;
  let err = 0;
  while (done < nr) {
    const vpage = start + done;
    const at = m.vmaAt(proc, vpage);
    if (at < 0) {
      err = -ERRNO.EFAULT;
      break;
    }
    if (at !== vma) {
      vma = at;
      err = checkVmaFlags(m, vma, flags);
      if (err !== 0) break;
    }
    if ((m.procFlags(proc) & PROC_KILLED) !== 0) {
      err = -ERRNO.EINTR;
      break;
    }
    const frame = followOrFault(m, proc, vma, vpage, flags);
    if (frame < 0) {
      err = frame;
      break;
    }
    const count = pages === null ? 1 : grabRest(m, proc, vpage, frame, nr - done, flags);
    if (pages !== null) for (let i = 0; i < count; i++) pages[base + done + i] = frame + i;
    done += count;
  }
  return done > 0 ? done : err;
}

/** Follows, faulting in as needed. Returns the frame or -errno. */
function followOrFault(m: Machine, proc: number, vma: number, vpage: number, flags: number): number {
  for (let faults = 0; ; faults++) {
    const frame = followPage(m, proc, vma, vpage, flags);
    if (frame >= 0) return frame;
    if (frame !== NO_PAGE && frame !== UNSHARE) return frame + 100;
    if ((flags & FOLL.NOFAULT) !== 0) return -ERRNO.EFAULT;
    if (faults === MAX_FAULTS) throw new Error(`gup makes no progress at page ${vpage}`);
    const kind = frame === UNSHARE ? 'unshare' : (flags & FOLL.WRITE) !== 0 ? 'write' : 'read';
    const ret = handleFault(m, proc, vpage, kind);
    if (ret < 0) return ret;
  }
}

/** The remaining subpages of a huge leaf are taken with the first one. Returns how many pages that makes. */
function grabRest(
  m: Machine,
  proc: number,
  vpage: number,
  frame: number,
  wanted: number,
  flags: number,
): number {
  const pte = m.pte(proc, vpage);
  if ((pte & PTE.PMD) === 0) return 1;
  const end = hugeStart(m, pte, vpage) + (1 << m.order(m.head(frame)));
  const count = Math.min(end - vpage, wanted);
  if (count > 1) tryGrabFolio(m, m.head(frame), count - 1, flags);
  return count;
}

/** __get_user_pages_locked(). `locked` false: takes mmap_lock itself, which fails in a killed process. */
export function getUserPagesLocked(
  m: Machine,
  proc: number,
  start: number,
  nr: number,
  flags: number,
  pages: PageArray | null,
  base: number,
  locked: boolean,
): number {
  if (nr === 0) return 0;
  if (!locked && (m.procFlags(proc) & PROC_KILLED) !== 0) return -ERRNO.EAGAIN;
  if ((flags & FOLL.PIN) !== 0) m.setProcFlag(proc, MMF_HAS_PINNED);
  const all = pages !== null && (flags & FOLL.PIN) === 0 ? flags | FOLL.GET : flags;
  const ret = walk(m, proc, start, nr, all, pages, base);
  if (ret === 0 && (flags & FOLL.NOWAIT) === 0) {
    m.warn('nothingPinned');
    return -ERRNO.EFAULT;
  }
  return ret;
}

/** Whether some of the pages may not be pinned for long where they are. */
function mustMigrate(m: Machine, pages: PageArray, nr: number): boolean {
  for (let i = 0; i < nr; i++) if (!folioIsLongtermPinnable(m, m.head(pages[i]!))) return true;
  return false;
}

/** The second half of a round: 0, -EAGAIN (unpinned and moved: pin again) or -ENOMEM (unpinned, somebody holds one). */
export function longtermMigrate(m: Machine, pages: PageArray, base: number, nr: number): number {
  const slice: PageArray = {};
  for (let i = 0; i < nr; i++) slice[i] = pages[base + i]!;
  return checkAndMigrateMovable(m, slice, nr, (head) => gupPutFolio(m, head, 1, FOLL.PIN));
}

/** __gup_longterm_locked(): pins, migrates what may not be pinned for long, and pins again. */
export function gupLongtermLocked(
  m: Machine,
  proc: number,
  start: number,
  nr: number,
  flags: number,
  pages: PageArray,
  base: number,
  locked: boolean,
): number {
  if ((flags & FOLL.LONGTERM) === 0)
    return getUserPagesLocked(m, proc, start, nr, flags, pages, base, locked);
  m.pinScope++;
  let ret: number;
  for (;;) {
    ret = getUserPagesLocked(m, proc, start, nr, flags, pages, base, locked);
    if (ret <= 0) break;
    if (m.pauseBeforeMigration && base === 0 && mustMigrate(m, pages, ret)) {
      m.paused = true;
      break;
    }
    const moved = longtermMigrate(m, pages, base, ret);
    if (moved === -ERRNO.EAGAIN) continue;
    if (moved !== 0) ret = moved;
    break;
  }
  m.pinScope--;
  return ret;
}

/** gup_fast_folio_allowed(): what the fast path can't judge without the VMA goes the slow way. */
function fastFolioAllowed(m: Machine, head: number, flags: number): boolean {
  const longtermWrite = FOLL.PIN | FOLL.LONGTERM | FOLL.WRITE;
  const rejectFile = (flags & longtermWrite) === longtermWrite;
  const checkSecretmem = m.order(head) === 0;
  if (!rejectFile && !checkSecretmem) return true;
  if ((m.flags(head) & PG.hugetlb) !== 0) return true;
  const mapping = m.word(head, FRAME.MAPPING);
  if (mapping === 0) return false;
  if (mapping < MAPPING_FILE) return true;
  const fs = m.fs(mapping - MAPPING_FILE);
  if (fs === FS.secretmem) return false;
  return !rejectFile || fs === FS.shmem;
}

/** gup_fast(): lockless, no fault. Returns the number of pages taken. */
export function gupFast(
  m: Machine,
  proc: number,
  start: number,
  nr: number,
  flags: number,
  pages: PageArray,
): number {
  let done = 0;
  // With nr == 0 the kernel's do-while runs to the first entry that fails (recorded; kernel-doc says 0).
  while (start + done < m.vpages && (done < nr || nr === 0)) {
    const vpage = start + done;
    const pte = m.pte(proc, vpage);
    if ((pte & (PTE.PRESENT | PTE.PROTNONE)) !== PTE.PRESENT) break;
    if ((flags & FOLL.WRITE) !== 0 && (pte & PTE.WRITE) === 0) break;
    if (
      (pte & PTE.DEVMAP) !== 0
        ? (flags & FOLL.LONGTERM) !== 0
        : (pte & (PTE.SPECIAL | PTE.PMD)) === PTE.SPECIAL
    )
      break;
    const frame = pteFrame(pte);
    const head = m.head(frame);
    if ((pte & PTE.PMD) !== 0 && nr === 0) break;
    const count =
      (pte & PTE.PMD) !== 0
        ? Math.min(hugeStart(m, pte, vpage) + (1 << m.order(head)) - vpage, nr - done)
        : 1;
    if (!tryGrabFolioFast(m, head, count, flags)) break;
    if (!fastFolioAllowed(m, head, flags) || ((pte & PTE.WRITE) === 0 && mustUnshare(m, -1, flags, pte))) {
      gupPutFolio(m, head, count, flags);
      break;
    }
    m.setFlag(head, PG.referenced);
    for (let i = 0; i < count; i++) pages[done + i] = frame + i;
    done += count;
  }
  return done;
}

/** gup_fast_fallback(): the fast path, then the slow one for the rest. */
export function gupFastFallback(
  m: Machine,
  proc: number,
  start: number,
  nr: number,
  flags: number,
  pages: PageArray,
): number {
  if ((flags & ~FAST_FLAGS) !== 0) {
    m.warn('fastFlag');
    return -ERRNO.EINVAL;
  }
  if ((flags & FOLL.PIN) !== 0) m.setProcFlag(proc, MMF_HAS_PINNED);
  if (start + nr >= ADDRESS_PAGES) return -ERRNO.EOVERFLOW;
  if (start + nr > TASK_SIZE_PAGES) return -ERRNO.EFAULT;
  const fast = gupFast(m, proc, start, nr, flags, pages);
  if (fast === nr || nr === 0 || (flags & FOLL.FAST_ONLY) !== 0) return fast;
  const slow = FOLL.TOUCH | FOLL.UNLOCKABLE;
  const ret = gupLongtermLocked(m, proc, start + fast, nr - fast, flags | slow, pages, fast, false);
  if (ret < 0) return fast > 0 ? fast : ret;
  return ret + fast;
}
