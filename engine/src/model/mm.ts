/** What processes do to their memory: fork, munmap, exit, madvise. Source: mm/memory.c, kernel/fork.c, mm/mmap.c. */
import { ERRNO, FRAME, FS, MMF_HAS_PINNED, PG, PROC, PROC_ALIVE, PTE, VM, VMA } from './constants.ts';
import { allocAnon, allocHugetlb, isCowMapping } from './fault.ts';
import { fileOf, removeFromCache } from './file.ts';
import { extraReferences, folioMaybeDmaPinned, folioPages, nameOf } from './folio.ts';
import type { Machine } from './machine.ts';
import { exclusive, hasRmap, makePte, mapHuge, mapPage, pteFrame, splitPmd, unmapEntry } from './rmap.ts';
import { mappedFrames, reclaimFolio, swapPut } from './swap.ts';

/** Whether fork() of the process has to wait for a reader of its mmap_lock. */
export function forkMustWait(m: Machine, proc: number): boolean {
  return m.state[m.procBase + proc * PROC.SIZE + PROC.READERS]! > 0;
}

/** mmap_read_lock() and mmap_read_unlock(). */
export function mmapLock(m: Machine, proc: number, delta: 1 | -1): void {
  m.add(m.procBase + proc * PROC.SIZE + PROC.READERS, delta);
}

/**
 * fork(): the child becomes process `child`. Anonymous pages are shared write-protected, except those that may be
 * pinned in a process that has pinned before: the child gets a copy of these at once (folio_needs_cow_for_dma()).
 * Returns 0 or -ENOMEM.
 */
export function fork(m: Machine, parent: number, child: number): number {
  const s = m.state;
  m.set(m.procBase + child * PROC.SIZE + PROC.FLAGS, PROC_ALIVE);
  for (let i = 0; i < m.vmas; i++) {
    const from = m.vma(parent, i);
    if (s[from + VMA.START] === s[from + VMA.END] || (m.vmaFlags(from) & VM.DONTCOPY) !== 0) continue;
    const to = m.vma(child, i);
    for (let w = 0; w < VMA.SIZE; w++) m.set(to + w, s[from + w]!);
    // Entries of shared file mappings are not copied: the child faults them in by itself.
    if ((m.vmaFlags(from) & VM.SHARED) !== 0) continue;
    if (isCowMapping(m.vmaFlags(from))) m.invalidate(parent, s[from + VMA.START]!, s[from + VMA.END]!);
    const ret = copyRange(m, parent, child, s[from + VMA.START]!, s[from + VMA.END]!);
    if (ret < 0) return ret;
  }
  return 0;
}

function copyRange(m: Machine, parent: number, child: number, start: number, end: number): number {
  for (let v = start; v < end; ) {
    const pte = m.pte(parent, v);
    if ((pte & PTE.PMD) !== 0) {
      const nr = copyHuge(m, parent, child, v, pte);
      if (nr < 0) return nr;
      v += nr;
      continue;
    }
    const ret = copyEntry(m, parent, child, v, pte);
    if (ret < 0) return ret;
    v++;
  }
  return 0;
}

/** folio_needs_cow_for_dma(). */
function needsCowForDma(m: Machine, proc: number, head: number): boolean {
  return (m.procFlags(proc) & MMF_HAS_PINNED) !== 0 && folioMaybeDmaPinned(m, head);
}

function copyEntry(m: Machine, parent: number, child: number, v: number, pte: number): number {
  if (pte === 0) return 0;
  if ((pte & PTE.SWAP) !== 0) {
    m.addSwapUsers(pteFrame(pte), 1);
    m.setPte(parent, v, pte & ~PTE.SWAP_EXCLUSIVE);
    m.setPte(child, v, pte & ~PTE.SWAP_EXCLUSIVE);
    return 0;
  }
  const protect = pte & ~PTE.WRITE;
  if (!hasRmap(pte)) {
    m.setPte(parent, v, protect);
    m.setPte(child, v, protect & ~PTE.YOUNG);
    return 0;
  }
  const frame = pteFrame(pte);
  const head = m.head(frame);
  if (m.isAnon(head)) {
    if (exclusive(m, pte) && needsCowForDma(m, parent, head)) return copyPinned(m, child, v, pte);
    m.clearFlag(frame, PG.anonExclusive);
  }
  m.setPte(parent, v, protect);
  m.addWord(head, FRAME.REF, 1);
  mapPage(m, child, v, frame, protect & PTE.DIRTY);
  m.setPte(child, v, m.pte(child, v) & ~PTE.YOUNG);
  return 0;
}

/** copy_present_page(): the child's copy of a page that may be pinned; the parent keeps its page, still writable. */
function copyPinned(m: Machine, child: number, v: number, pte: number): number {
  const frame = pteFrame(pte);
  const copy = allocAnon(m, m.word(frame, FRAME.CONTENT));
  if (copy < 0) return -ERRNO.ENOMEM;
  mapPage(m, child, v, copy, pte & (PTE.WRITE | PTE.DIRTY));
  m.notes?.push(`${nameOf(m.head(frame))} may be pinned: the child gets a copy at once, ${nameOf(copy)}`);
  return 0;
}

/** copy_huge_pmd(), copy_hugetlb_page_range(). Returns pages covered, or -ENOMEM. */
function copyHuge(m: Machine, parent: number, child: number, v: number, pte: number): number {
  const head = m.head(pteFrame(pte));
  const nr = folioPages(m, head);
  if (!hasRmap(pte)) {
    for (let i = 0; i < nr; i++) m.setPte(child, v + i, m.pte(parent, v + i));
    return nr;
  }
  if (m.isAnon(head) && exclusive(m, pte) && needsCowForDma(m, parent, head)) {
    if ((m.flags(head) & PG.hugetlb) !== 0) return copyPinnedHugetlb(m, child, v, head, pte);
    // A THP is split in the parent's page table and copied page by page.
    splitPmd(m, parent, v);
    for (let i = 0; i < nr; i++) {
      const ret = copyEntry(m, parent, child, v + i, m.pte(parent, v + i));
      if (ret < 0) return ret;
    }
    return nr;
  }
  m.clearFlag(head, PG.anonExclusive);
  const bits = pte & PTE.DIRTY;
  for (let i = 0; i < nr; i++) m.setPte(parent, v + i, makePte(head + i, PTE.PMD | bits));
  m.addWord(head, FRAME.REF, 1);
  mapHuge(m, child, v, head, bits);
  return nr;
}

function copyPinnedHugetlb(m: Machine, child: number, v: number, head: number, pte: number): number {
  const copy = allocHugetlb(m);
  if (copy < 0) return -ERRNO.ENOMEM;
  const nr = folioPages(m, head);
  for (let i = 0; i < nr; i++) m.setWord(copy + i, FRAME.CONTENT, m.word(head + i, FRAME.CONTENT));
  mapHuge(m, child, v, copy, pte & (PTE.WRITE | PTE.DIRTY));
  m.notes?.push(`the huge page may be pinned: the child gets a copy at once, ${nameOf(copy)}`);
  return nr;
}

/** Removes all entries of [start, end), splitting a huge leaf that the range cuts. */
export function zapRange(m: Machine, proc: number, start: number, end: number): void {
  for (let v = start; v < end; v++) {
    const pte = m.pte(proc, v);
    if (pte === 0) continue;
    if ((pte & PTE.SWAP) !== 0) {
      m.setPte(proc, v, 0);
      swapPut(m, pteFrame(pte));
      continue;
    }
    if ((pte & PTE.PMD) !== 0) {
      const head = m.head(pteFrame(pte));
      const first = v - (pteFrame(pte) - head);
      const cut = first < start || first + folioPages(m, head) > end;
      if (cut && (m.flags(head) & PG.hugetlb) === 0) splitPmd(m, proc, v);
    }
    unmapEntry(m, proc, v, true);
  }
}

/** munmap() of [start, end): data of anonymous pages is discarded, file pages stay in the page cache. */
export function munmap(m: Machine, proc: number, start: number, end: number): void {
  m.invalidate(proc, start, end);
  zapRange(m, proc, start, end);
  const s = m.state;
  for (let i = 0; i < m.vmas; i++) {
    const vma = m.vma(proc, i);
    const from = s[vma + VMA.START]!;
    const to = s[vma + VMA.END]!;
    if (from === to || to <= start || from >= end) continue;
    if (from < start && to > end) {
      const tail = m.addVma(
        proc,
        end,
        to,
        m.vmaFlags(vma),
        m.vmaFile(vma),
        s[vma + VMA.PGOFF]! + (end - from),
      );
      m.set(tail + VMA.START, end);
      m.set(vma + VMA.END, start);
    } else if (from < start) m.set(vma + VMA.END, start);
    else if (to > end) {
      m.add(vma + VMA.PGOFF, end - from);
      m.set(vma + VMA.START, end);
    } else m.clear(vma, vma + VMA.SIZE);
  }
}

/** exit_mmap(): everything is unmapped. */
export function exitProcess(m: Machine, proc: number): void {
  for (let i = 0; i < m.vmas; i++) {
    const vma = m.vma(proc, i);
    m.invalidate(proc, m.state[vma + VMA.START]!, m.state[vma + VMA.END]!);
    zapRange(m, proc, m.state[vma + VMA.START]!, m.state[vma + VMA.END]!);
    m.clear(vma, vma + VMA.SIZE);
  }
  m.clearProcFlag(proc, PROC_ALIVE | MMF_HAS_PINNED);
}

/** MADV_PAGEOUT on [start, end): reclaims what the entries map. Returns the number of folios freed. */
export function madvisePageout(m: Machine, proc: number, start: number, end: number): number {
  let freed = 0;
  for (const head of mappedFrames(m, proc, start, end))
    if (m.ref(head) !== 0 && reclaimFolio(m, head)) freed++;
  return freed;
}

/** invalidate_mapping_pages() on one folio: one that can't be dropped is moved to the inactive list. */
function dropFolio(m: Machine, head: number): boolean {
  if (m.word(head, FRAME.MAPCOUNT) > 0) return false;
  const busy = (m.flags(head) & (PG.dirty | PG.writeback)) !== 0 || extraReferences(m, head) !== 0;
  const where = fileOf(m, head);
  if (busy || where === null || m.fs(where.file) === FS.shmem) {
    m.clearFlag(head, PG.active | PG.referenced);
    return false;
  }
  removeFromCache(m, where.file, where.index);
  return true;
}

/** drop_caches: drops clean page cache pages that nobody maps or holds. Returns the number dropped. */
export function dropCaches(m: Machine): number {
  let dropped = 0;
  for (let file = 0; file < m.fileCount; file++) {
    if (m.fs(file) === FS.hugetlbfs || m.fs(file) === FS.fsdax) continue;
    for (let i = 0; i < m.filePages(file); i++) {
      const frame = m.cached(file, i);
      if (frame >= 0 && dropFolio(m, m.head(frame))) dropped++;
    }
  }
  return dropped;
}

/** Splits the VMA that holds `at` in two, if `at` is inside it. Source: split_vma(). */
export function splitVma(m: Machine, proc: number, at: number): void {
  const vma = m.vmaAt(proc, at);
  const s = m.state;
  if (vma < 0 || s[vma + VMA.START] === at) return;
  const start = s[vma + VMA.START]!;
  const end = s[vma + VMA.END]!;
  m.set(vma + VMA.END, at);
  m.addVma(proc, at, end, m.vmaFlags(vma), m.vmaFile(vma), s[vma + VMA.PGOFF]! + (at - start));
}

/** mprotect(): [start, end) gets other vm_flags; entries lose what the new ones forbid. A huge leaf that is cut splits. */
export function mprotect(m: Machine, proc: number, start: number, end: number, access: number): void {
  splitVma(m, proc, start);
  splitVma(m, proc, end);
  const s = m.state;
  const vma = m.vmaAt(proc, start);
  if (vma < 0) return;
  m.invalidate(proc, start, end);
  m.set(vma + VMA.FLAGS, (s[vma + VMA.FLAGS]! & ~(VM.READ | VM.WRITE)) | access);
  for (let v = start; v < end; v++) {
    const pte = m.pte(proc, v);
    if ((pte & PTE.PRESENT) === 0) continue;
    const head = m.head(pteFrame(pte));
    const first = v - (pteFrame(pte) - head);
    if ((pte & PTE.PMD) !== 0 && (first < start || first + folioPages(m, head) > end)) splitPmd(m, proc, v);
    let now = m.pte(proc, v);
    if ((access & VM.WRITE) === 0) now &= ~PTE.WRITE;
    now = (access & VM.READ) === 0 ? now | PTE.PROTNONE : now & ~PTE.PROTNONE;
    m.setPte(proc, v, now);
  }
}

/** mlock() and munlock() of pages that are mapped: their folios become unevictable, or evictable again. */
export function mlock(m: Machine, proc: number, start: number, end: number, on: boolean): void {
  for (let v = start; v < end; v++) {
    const vma = m.vmaAt(proc, v);
    if (vma >= 0) m.set(vma + VMA.FLAGS, (m.vmaFlags(vma) & ~VM.LOCKED) | (on ? VM.LOCKED : 0));
    const pte = m.pte(proc, v);
    if (!hasRmap(pte)) continue;
    const head = m.head(pteFrame(pte));
    if (on) m.setFlag(head, PG.mlocked | PG.unevictable);
    else m.clearFlag(head, PG.mlocked | PG.unevictable);
  }
}

/** MADV_DONTNEED. */
export function madviseDontneed(m: Machine, proc: number, start: number, end: number): void {
  m.invalidate(proc, start, end);
  zapRange(m, proc, start, end);
}
