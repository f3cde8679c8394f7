/** The page cache and what file systems do to it: faults in, page_mkwrite, writeback, truncate. */
import { FRAME, FS, MAPPING_FILE, PG, PTE, VMA, ZONE } from './constants.ts';
import { allocFolio, folioPages, folioPutRefs, initFolio, nameOf } from './folio.ts';
import type { Machine } from './machine.ts';
import { nextMapping, unmapEntry } from './rmap.ts';

/** Backing content of a page that the file has no block for: it reads as zeroes. */
export const HOLE = -1;

/** vma_needs_dirty_tracking(): a file system that wants to hear of the first write to a clean page. */
export function needsDirtyTracking(m: Machine, file: number): boolean {
  const fs = m.fs(file);
  return fs === FS.ext4 || fs === FS.ext2 || fs === FS.fsdax;
}

/** File and index of a page cache folio, or null. */
export function fileOf(m: Machine, head: number): { file: number; index: number } | null {
  const mapping = m.word(head, FRAME.MAPPING);
  return mapping < MAPPING_FILE ? null : { file: mapping - MAPPING_FILE, index: m.word(head, FRAME.INDEX) };
}

/**
 * The page cache folio at `index`, read from the backing store when absent. DAX has no page cache: the storage
 * itself is the page. Returns the frame of the page, or -1 when memory is exhausted.
 */
export function readPage(m: Machine, file: number, index: number): number {
  const cached = m.cached(file, index);
  if (cached >= 0) return cached;
  const fs = m.fs(file);
  if (fs === FS.hugetlbfs) return readHugePage(m, file, index);
  const head = allocFolio(m, 0, fs === FS.shmem ? PG.lru | PG.swapbacked : PG.lru);
  if (head < 0) return -1;
  // A DAX page's first reference is the storage's own; a page cache folio's is the cache's.
  if (fs === FS.fsdax) {
    initFolio(m, head, 0, ZONE.device, 0, PG.reserved);
    m.clearFlag(head, PG.uptodate);
  }
  m.setWord(head, FRAME.MAPPING, MAPPING_FILE + file);
  m.setWord(head, FRAME.INDEX, index);
  m.setWord(head, FRAME.CONTENT, Math.max(m.backing(file, index), 0));
  m.setCached(file, index, head);
  m.notes?.push(`page ${index} of the file is read into ${nameOf(head)}`);
  return head;
}

function readHugePage(m: Machine, file: number, index: number): number {
  const start = index - (index % m.pmdPages);
  const head = allocFolio(m, m.pmdOrder, PG.hugetlb);
  if (head < 0) return -1;
  m.setWord(head, FRAME.MAPPING, MAPPING_FILE + file);
  m.setWord(head, FRAME.INDEX, start);
  m.setWord(head, FRAME.REF, m.pmdPages);
  m.setFlag(head, PG.dirty);
  for (let i = 0; i < m.pmdPages && start + i < m.filePages(file); i++) {
    m.setWord(head + i, FRAME.CONTENT, Math.max(m.backing(file, start + i), 0));
    m.setCached(file, start + i, head + i);
  }
  return head + (index - start);
}

/** folio_mark_dirty(). On ext2 and ext4 it attaches buffer heads, which hold one reference. */
export function folioMarkDirty(m: Machine, head: number): void {
  const where = fileOf(m, head);
  m.setFlag(head, PG.dirty);
  if (where !== null) attachBuffers(m, where.file, head);
}

function attachBuffers(m: Machine, file: number, head: number): void {
  const fs = m.fs(file);
  if ((fs !== FS.ext4 && fs !== FS.ext2) || (m.flags(head) & PG.private) !== 0) return;
  m.setFlag(head, PG.private);
  m.addWord(head, FRAME.REF, 1);
}

/** page_mkwrite() of the file system, then fault_dirty_shared_page(): the first store after cleaning. */
export function pageMkwrite(m: Machine, file: number, head: number): void {
  if (m.fs(file) === FS.fsdax) return;
  // folio_wait_stable(): where a checksum covers the block, a store waits until the block is written.
  if (m.stableWrites && (m.flags(head) & PG.writeback) !== 0) m.mustWait = true;
  folioMarkDirty(m, head);
}

/** folio_mkclean(): clears dirty and write permission in every page table. Returns whether any entry was dirty. */
export function folioMkclean(m: Machine, head: number): boolean {
  let dirty = false;
  const nr = folioPages(m, head);
  for (let e = nextMapping(m, head, nr, 0); e >= 0; e = nextMapping(m, head, nr, e + 1)) {
    const proc = m.procOf(e);
    const vpage = m.vpageOf(e);
    const pte = m.entry(e);
    m.invalidate(proc, vpage, vpage + 1);
    if ((pte & PTE.DIRTY) !== 0) dirty = true;
    m.setPte(proc, vpage, pte & ~(PTE.DIRTY | PTE.WRITE));
  }
  return dirty;
}

/**
 * Writeback of one page cache page: clear_page_dirty_for_io() with folio_mkclean(), then the bytes go to the backing
 * store. Pins do not stop it (document section "folio_maybe_dma_pinned()": what to do there is left open).
 * Returns whether anything was written.
 */
export function writebackPage(m: Machine, file: number, index: number): boolean {
  const frame = m.cached(file, index);
  const fs = m.fs(file);
  if (frame < 0 || fs === FS.shmem || fs === FS.hugetlbfs || fs === FS.secretmem) return false;
  const head = m.head(frame);
  if (fs === FS.fsdax) {
    const dirty = folioMkclean(m, head);
    m.setBacking(file, index, m.word(frame, FRAME.CONTENT));
    return dirty;
  }
  if ((m.flags(head) & PG.dirty) === 0) return false;
  folioMkclean(m, head);
  m.clearFlag(head, PG.dirty);
  m.setBacking(file, index, m.word(frame, FRAME.CONTENT));
  m.notes?.push(
    `${nameOf(head)} is written to the backing store, is clean again, and is write-protected in every page table`,
  );
  return true;
}

/**
 * The start of a page's writeback: clean and write-protected, and under writeback until endWriteback(). Returns the
 * content that a checksum is computed over, or -1 when there is nothing to write.
 */
export function startWriteback(m: Machine, file: number, index: number): number {
  const frame = m.cached(file, index);
  if (frame < 0 || (m.fs(file) !== FS.ext4 && m.fs(file) !== FS.ext2)) return -1;
  const head = m.head(frame);
  if ((m.flags(head) & PG.dirty) === 0) return -1;
  folioMkclean(m, head);
  m.clearFlag(head, PG.dirty);
  m.setFlag(head, PG.writeback);
  m.notes?.push(`${nameOf(head)} is clean, write-protected and under writeback`);
  return m.word(frame, FRAME.CONTENT);
}

/** folio_end_writeback(): what the page held up to now is in the backing store. Returns that content, or -1. */
export function endWriteback(m: Machine, file: number, index: number): number {
  const frame = m.cached(file, index);
  if (frame < 0 || (m.flags(m.head(frame)) & PG.writeback) === 0) return -1;
  m.clearFlag(m.head(frame), PG.writeback);
  m.setBacking(file, index, m.word(frame, FRAME.CONTENT));
  m.notes?.push(`${nameOf(m.head(frame))} is in the backing store`);
  return m.word(frame, FRAME.CONTENT);
}

/** fsync(), sync(): writes every dirty page of the file. Returns the number of pages written. */
export function writebackFile(m: Machine, file: number): number {
  let written = 0;
  for (let i = 0; i < m.filePages(file); i++) if (writebackPage(m, file, i)) written++;
  return written;
}

/** Takes a page out of the page cache; the folio lives on while somebody holds it. Source: __filemap_remove_folio(). */
export function removeFromCache(m: Machine, file: number, index: number): void {
  const frame = m.cached(file, index);
  if (frame < 0) return;
  const head = m.head(frame);
  const first = m.word(head, FRAME.INDEX);
  for (let i = 0; i < folioPages(m, head); i++)
    if (first + i < m.filePages(file)) m.setCached(file, first + i, -1);
  // A DAX page goes back to the storage: its first reference was never the mapping's.
  if (m.fs(file) === FS.fsdax) {
    m.setWord(head, FRAME.MAPPING, 0);
    m.clearFlag(head, PG.dirty);
    return;
  }
  if ((m.flags(head) & PG.private) !== 0) {
    m.clearFlag(head, PG.private);
    m.addWord(head, FRAME.REF, -1);
  }
  m.clearFlag(head, PG.dirty);
  m.setWord(head, FRAME.MAPPING, 0);
  m.setWord(head, FRAME.INDEX, 0);
  folioPutRefs(m, head, folioPages(m, head));
}

/** unmap_mapping_range(): removes every shared entry of pages [from, to) from every page table. */
export function unmapFileRange(m: Machine, file: number, from: number, to: number): void {
  for (let proc = 0; proc < m.processes; proc++)
    for (let i = 0; i < m.vmas; i++) {
      const vma = m.vma(proc, i);
      if (m.vmaFile(vma) !== file) continue;
      const pgoff = m.state[vma + VMA.START]! - m.state[vma + VMA.PGOFF]!;
      m.invalidate(
        proc,
        Math.max(m.state[vma + VMA.START]!, pgoff + from),
        Math.min(m.state[vma + VMA.END]!, pgoff + to),
      );
      for (let v = m.state[vma + VMA.START]!; v < m.state[vma + VMA.END]!; v++) {
        const index = m.fileIndex(vma, v);
        if (index < from || index >= to || (m.pte(proc, v) & PTE.PRESENT) === 0) continue;
        unmapEntry(m, proc, v, true);
      }
    }
}

/**
 * truncate to `size` pages: pages beyond leave page tables and page cache, also while somebody holds them, and their
 * data is discarded.
 */
export function truncateFile(m: Machine, file: number, size: number): void {
  const old = m.fileSize(file);
  m.setFileSize(file, size);
  punchHole(m, file, size, old);
}

/** fallocate(PUNCH_HOLE): as truncate, within the file; the range reads as zeroes afterwards. */
export function punchHole(m: Machine, file: number, from: number, to: number): void {
  unmapFileRange(m, file, from, to);
  for (let i = from; i < to; i++) {
    const frame = m.cached(file, i);
    if (frame >= 0) m.notes?.push(`${nameOf(m.head(frame))} leaves the page cache: its data is discarded`);
    removeFromCache(m, file, i);
    m.setBacking(file, i, HOLE);
  }
}
