/** Who sees which bytes: content bits as seen by a process, and as they would survive eviction. */
import { FRAME, FS, PG, PTE, VM } from '../model/constants.ts';
import { folioPages } from '../model/folio.ts';
import type { Machine } from '../model/machine.ts';
import { nextMapping, pteFrame } from '../model/rmap.ts';

/** Nothing to see: not mapped, or discarded by truncate, munmap or exit. */
export const DISCARDED = -1;

/** Frame that the process maps at a page, or -1. */
export function mappedFrame(m: Machine, proc: number, vpage: number): number {
  const pte = m.pte(proc, vpage);
  return (pte & PTE.PRESENT) === 0 ? -1 : pteFrame(pte);
}

/** Content that a load by the process would see now, or DISCARDED. */
export function seenContent(m: Machine, proc: number, vpage: number): number {
  const vma = m.vmaAt(proc, vpage);
  if (vma < 0) return DISCARDED;
  const pte = m.pte(proc, vpage);
  if ((pte & PTE.PRESENT) !== 0) return m.word(pteFrame(pte), FRAME.CONTENT);
  if ((pte & PTE.SWAP) !== 0) {
    const cached = m.swapCached(pteFrame(pte));
    return cached >= 0 ? m.word(cached, FRAME.CONTENT) : m.swapContent(pteFrame(pte));
  }
  const file = m.vmaFile(vma);
  if (file < 0) return 0;
  const index = m.fileIndex(vma, vpage);
  if (index >= m.fileSize(file)) return DISCARDED;
  const frame = m.cached(file, index);
  return frame >= 0 ? m.word(frame, FRAME.CONTENT) : m.backing(file, index);
}

/**
 * Content that survives whatever the kernel may do without being asked: a clean page may be dropped at any time, a
 * dirty one is written first. For shared files this is the file's content, mapped or not.
 */
export function durableContent(
  m: Machine,
  proc: number,
  vpage: number,
  shared: boolean,
  index: number,
): number {
  if (shared) return durableFile(m, index);
  const vma = m.vmaAt(proc, vpage);
  if (vma < 0) return DISCARDED;
  const pte = m.pte(proc, vpage);
  if ((pte & PTE.PRESENT) !== 0) {
    const frame = pteFrame(pte);
    const head = m.head(frame);
    const inSwapCache = (m.flags(head) & PG.swapcache) !== 0;
    if (inSwapCache && (m.flags(head) & PG.dirty) === 0 && (pte & PTE.DIRTY) === 0)
      return m.swapContent(m.word(head, FRAME.INDEX) - 1);
    if ((pte & PTE.SPECIAL) === 0 && !m.isAnon(head)) return durableFile(m, m.fileIndex(vma, vpage));
    return m.word(frame, FRAME.CONTENT);
  }
  if ((pte & PTE.SWAP) !== 0) {
    const slot = pteFrame(pte);
    const cached = m.swapCached(slot);
    return cached >= 0 && (m.flags(cached) & PG.dirty) !== 0
      ? m.word(cached, FRAME.CONTENT)
      : m.swapContent(slot);
  }
  return seenContent(m, proc, vpage);
}

function durableFile(m: Machine, index: number): number {
  if (m.fileCount === 0 || index >= m.fileSize(0)) return DISCARDED;
  const frame = m.cached(0, index);
  if (frame < 0) return m.backing(0, index);
  const fs = m.fs(0);
  const head = m.head(frame);
  if (fs === FS.shmem || fs === FS.hugetlbfs || fs === FS.fsdax) return m.word(frame, FRAME.CONTENT);
  // Under writeback the page stays until its bytes are stored.
  const dirty = (m.flags(head) & (PG.dirty | PG.writeback)) !== 0 || mappedDirty(m, head);
  return dirty ? m.word(frame, FRAME.CONTENT) : m.backing(0, index);
}

function mappedDirty(m: Machine, head: number): boolean {
  const nr = folioPages(m, head);
  for (let e = nextMapping(m, head, nr, 0); e >= 0; e = nextMapping(m, head, nr, e + 1))
    if ((m.entry(e) & PTE.DIRTY) !== 0) return true;
  return false;
}

/** Whether the process's mapping of the page is shared with others on purpose. */
export function isSharedMapping(m: Machine, proc: number, vpage: number): boolean {
  const vma = m.vmaAt(proc, vpage);
  return vma >= 0 && (m.vmaFlags(vma) & VM.SHARED) !== 0;
}
