/** Swap cache and reclaim. Source: mm/swap_state.c, mm/swapfile.c, mm/vmscan.c (shrink_folio_list). */
import { FRAME, FS, MAPPING_ANON, PG, PTE } from './constants.ts';
import { fileOf, removeFromCache } from './file.ts';
import {
  allocFolio,
  extraReferences,
  folioMaybeDmaPinned,
  folioPages,
  folioPutRefs,
  nameOf,
} from './folio.ts';
import type { Machine } from './machine.ts';
import { exclusive, hasRmap, nextMapping, pteFrame, splitPmd, unmapEntry } from './rmap.ts';

/** A free swap slot, or -1 when swap is full. */
function allocSlot(m: Machine): number {
  for (let i = 0; i < m.swapSlots; i++) if (m.swapUsers(i) === 0 && m.swapCached(i) < 0) return i;
  return -1;
}

/** Swap slot of a folio in the swap cache. */
function slotOf(m: Machine, head: number): number {
  return m.word(head, FRAME.INDEX) - 1;
}

function deleteFromSwapCache(m: Machine, head: number): void {
  m.setSwapCached(slotOf(m, head), -1);
  m.clearFlag(head, PG.swapcache);
  m.setWord(head, FRAME.INDEX, 0);
  folioPutRefs(m, head, 1);
}

/** folio_free_swap(): leaves the swap cache when no page table refers to the slot any more. */
export function folioFreeSwap(m: Machine, head: number): boolean {
  if ((m.flags(head) & PG.swapcache) === 0 || m.swapUsers(slotOf(m, head)) > 0) return false;
  m.setFlag(head, PG.dirty);
  deleteFromSwapCache(m, head);
  return true;
}

/**
 * The page for a swap slot, with one reference for the mapping to come: from the swap cache, or read anew. A slot
 * with one user on a fast device is read without entering the swap cache (do_swap_page(), SWP_SYNCHRONOUS_IO).
 * Returns the frame, or -1 when memory is exhausted.
 */
export function swapIn(m: Machine, slot: number): number {
  const cached = m.swapCached(slot);
  if (cached >= 0) {
    m.addWord(cached, FRAME.REF, 1);
    return cached;
  }
  const frame = allocFolio(m, 0, PG.lru | PG.swapbacked | PG.active);
  if (frame < 0) return -1;
  m.setWord(frame, FRAME.MAPPING, MAPPING_ANON);
  m.setWord(frame, FRAME.CONTENT, m.swapContent(slot));
  if (m.swapUsers(slot) > 1) addToSwapCache(m, frame, slot);
  m.notes?.push(`${nameOf(frame)} is read from swap`);
  return frame;
}

function addToSwapCache(m: Machine, frame: number, slot: number): void {
  m.setSwapCached(slot, frame);
  m.setFlag(frame, PG.swapcache);
  m.setWord(frame, FRAME.INDEX, slot + 1);
  m.addWord(frame, FRAME.REF, 1);
}

/** Drops one user of a swap slot (munmap or exit of a swapped-out page). */
export function swapPut(m: Machine, slot: number): void {
  m.addSwapUsers(slot, -1);
  const cached = m.swapCached(slot);
  if (m.swapUsers(slot) === 0 && cached >= 0 && (m.flags(cached) & PG.writeback) === 0)
    folioFreeSwap(m, cached);
}

/** try_to_unmap(): replaces every entry by a swap entry (anonymous) or nothing (file). */
function tryToUnmap(m: Machine, head: number): void {
  const anon = m.isAnon(head);
  const slot = anon ? slotOf(m, head) : -1;
  const nr = folioPages(m, head);
  // What reclaim looks at is mapped by entries that count in mapcount: with none of them left, the walk is over.
  for (let e = 0; m.word(head, FRAME.MAPCOUNT) > 0; e++) {
    e = nextMapping(m, head, nr, e);
    if (e < 0) return;
    const proc = m.procOf(e);
    const vpage = m.vpageOf(e);
    const pte = m.entry(e);
    m.invalidate(proc, vpage, vpage + 1);
    const isExclusive = exclusive(m, pte);
    if ((pte & PTE.DIRTY) !== 0) m.setFlag(head, PG.dirty);
    if (anon) m.addSwapUsers(slot, 1);
    unmapEntry(m, proc, vpage);
    if (!anon) continue;
    m.clearFlag(pteFrame(pte), PG.anonExclusive);
    m.setPte(proc, vpage, (slot << PTE.SHIFT) | PTE.SWAP | (isExclusive ? PTE.SWAP_EXCLUSIVE : 0));
  }
}

/**
 * Reclaims one folio, as MADV_PAGEOUT and direct reclaim do. A folio that may be pinned is left alone when anonymous;
 * one with further references is unmapped but stays. Returns whether the folio was freed.
 */
export function reclaimFolio(m: Machine, head: number): boolean {
  const flags = m.flags(head);
  if ((flags & (PG.unevictable | PG.hugetlb | PG.reserved | PG.hugeZero)) !== 0) return false;
  if (m.isAnon(head)) return reclaimAnon(m, head);
  const where = fileOf(m, head);
  if (where === null) return false;
  const fs = m.fs(where.file);
  if (fs === FS.hugetlbfs || fs === FS.secretmem || fs === FS.fsdax) return false;
  // shrink_folio_list() passes by a folio under writeback.
  if ((flags & PG.writeback) !== 0) return false;
  m.clearFlag(head, PG.referenced);
  tryToUnmap(m, head);
  if (folioMaybeDmaPinned(m, head)) {
    m.setFlag(head, PG.active);
    m.notes?.push(`${nameOf(head)} may be pinned: it is unmapped, but stays in the page cache`);
    return false;
  }
  if (fs === FS.shmem) return swapOutShmem(m, head, where.file, where.index);
  if ((m.flags(head) & PG.dirty) !== 0) {
    m.notes?.push(`${nameOf(head)} is dirty: it waits for writeback`);
    return false;
  }
  releaseBuffers(m, head);
  if (extraReferences(m, head) !== 0) {
    m.notes?.push(`somebody holds ${nameOf(head)}: it is unmapped, but stays in the page cache`);
    return false;
  }
  m.notes?.push(`${nameOf(head)} is clean and unused: it is dropped from memory`);
  removeFromCache(m, where.file, where.index);
  return true;
}

/** shmem_writepage(): the page of a tmpfs file goes to swap; the next access brings it back. */
function swapOutShmem(m: Machine, head: number, file: number, index: number): boolean {
  if (m.swapSlots === 0 || extraReferences(m, head) !== 0) {
    m.notes?.push(`${nameOf(head)} is unmapped, but stays in memory`);
    return false;
  }
  m.setBacking(file, index, m.word(head, FRAME.CONTENT));
  m.notes?.push(`${nameOf(head)} is swapped out`);
  removeFromCache(m, file, index);
  return true;
}

/** filemap_release_folio(): buffer heads of a clean folio go, and with them one reference. */
function releaseBuffers(m: Machine, head: number): void {
  if ((m.flags(head) & PG.private) === 0) return;
  m.clearFlag(head, PG.private);
  m.addWord(head, FRAME.REF, -1);
}

function reclaimAnon(m: Machine, head: number): boolean {
  m.clearFlag(head, PG.referenced);
  if ((m.flags(head) & PG.swapcache) === 0) {
    if (folioMaybeDmaPinned(m, head)) {
      m.notes?.push(`${nameOf(head)} may be pinned: reclaim leaves it mapped`);
      return false;
    }
    if (m.order(head) > 0) return reclaimLarge(m, head);
    const slot = allocSlot(m);
    if (slot < 0) return false;
    addToSwapCache(m, head, slot);
    m.setFlag(head, PG.dirty);
  }
  tryToUnmap(m, head);
  if (folioMaybeDmaPinned(m, head) || extraReferences(m, head) !== 0) {
    m.notes?.push(`somebody holds ${nameOf(head)}: it is unmapped, but stays in the swap cache`);
    return false;
  }
  const slot = slotOf(m, head);
  if ((m.flags(head) & PG.dirty) !== 0) {
    m.setSwapContent(slot, m.word(head, FRAME.CONTENT));
    m.clearFlag(head, PG.dirty);
  }
  m.notes?.push(`${nameOf(head)} is swapped out`);
  m.setSwapCached(slot, -1);
  m.clearFlag(head, PG.swapcache);
  m.setWord(head, FRAME.INDEX, 0);
  folioPutRefs(m, head, 1);
  return true;
}

/** A huge page is split first; one that can't be is moved to the active list. */
function reclaimLarge(m: Machine, head: number): boolean {
  const nr = folioPages(m, head);
  if (!splitFolio(m, head)) {
    m.setFlag(head, PG.active);
    return false;
  }
  let freed = true;
  for (let i = 0; i < nr; i++) if (m.ref(head + i) > 0 && !reclaimAnon(m, head + i)) freed = false;
  return freed;
}

/**
 * split_folio(): a large anonymous folio becomes order-0 folios. Any reference beyond the mappings', get or pin, stops
 * it (can_split_folio()). Returns whether it was split; `head` is then the first of the new folios.
 */
export function splitFolio(m: Machine, head: number): boolean {
  if (extraReferences(m, head) !== 0) {
    m.notes?.push(`somebody holds ${nameOf(head)}: it can't be split`);
    return false;
  }
  const nr = folioPages(m, head);
  for (let e = nextMapping(m, head, nr, 0); e >= 0; e = nextMapping(m, head, nr, e + 1))
    if ((m.entry(e) & PTE.PMD) !== 0) splitPmd(m, m.procOf(e), m.vpageOf(e));
  const s = m.state;
  const at = m.at(head);
  const shape = s[at + FRAME.SHAPE]! & ~0xff;
  const flags = s[at + FRAME.FLAGS]! & ~(PG.anonExclusive | PG.partiallyMapped);
  const mapping = s[at + FRAME.MAPPING]!;
  for (let i = 0; i < nr; i++) {
    const page = m.at(head + i);
    const own = s[page + FRAME.FLAGS]! & PG.anonExclusive;
    const mapcount = s[page + FRAME.PAGEMAP]!;
    m.set(page + FRAME.FLAGS, flags | own);
    m.serial[head + i] = m.serial[head]!;
    m.set(page + FRAME.SHAPE, shape);
    m.set(page + FRAME.MAPPING, mapping);
    m.set(page + FRAME.MAPCOUNT, mapcount);
    m.set(page + FRAME.PAGEMAP, 0);
    m.set(page + FRAME.ENTIRE, 0);
    m.set(page + FRAME.REF, mapcount);
    if (mapcount === 0) m.clear(page, page + FRAME.SIZE);
  }
  m.notes?.push(`${nameOf(head)} is split into single pages`);
  return true;
}

/** Whether any entry of the process maps the frame (used to find what to reclaim). */
export function mappedFrames(m: Machine, proc: number, from: number, to: number): number[] {
  const heads: number[] = [];
  for (let v = from; v < to; v++) {
    const pte = m.pte(proc, v);
    if (!hasRmap(pte)) continue;
    const head = m.head(pteFrame(pte));
    if (!heads.includes(head)) heads.push(head);
  }
  return heads;
}
