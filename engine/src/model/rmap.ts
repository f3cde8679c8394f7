/** Page table entries and reverse map. Source: mm/rmap.c, mm/huge_memory.c, mm/memory.c. */
import { FRAME, PG, PTE, ZERO_FRAME } from './constants.ts';
import { folioPages, folioPutRefs } from './folio.ts';
import type { Machine } from './machine.ts';

/** Frame of a present entry, or slot of a swap entry. */
export function pteFrame(pte: number): number {
  return pte >> PTE.SHIFT;
}

export function makePte(frame: number, bits: number): number {
  return (frame << PTE.SHIFT) | PTE.PRESENT | PTE.YOUNG | bits;
}

/** Whether a present entry counts in mapcount and holds a reference: not the zero page, not a device page. */
export function hasRmap(pte: number): boolean {
  return (pte & (PTE.PRESENT | PTE.SPECIAL | PTE.DEVMAP)) === PTE.PRESENT;
}

/** Installs an entry for one page; the caller passes on one reference. */
export function mapPage(m: Machine, proc: number, vpage: number, frame: number, bits: number): void {
  m.setPte(proc, vpage, makePte(frame, bits));
  countMapping(m, frame, m.head(frame), 1);
}

function countMapping(m: Machine, frame: number, head: number, delta: 1 | -1): void {
  m.addWord(head, FRAME.MAPCOUNT, delta);
  if (m.order(head) > 0) m.addWord(frame, FRAME.PAGEMAP, delta);
}

/** _mapcount + 1 of a page. */
export function pageMapcount(m: Machine, frame: number): number {
  return m.word(frame, m.order(m.head(frame)) > 0 ? FRAME.PAGEMAP : FRAME.MAPCOUNT);
}

/** Maps a whole large folio by one PMD (or hugetlb) entry; the caller passes on one reference. */
export function mapHuge(m: Machine, proc: number, vstart: number, head: number, bits: number): void {
  for (let i = 0; i < folioPages(m, head); i++) m.setPte(proc, vstart + i, makePte(head + i, bits | PTE.PMD));
  m.addWord(head, FRAME.ENTIRE, 1);
  m.addWord(head, FRAME.MAPCOUNT, 1);
}

/** First virtual page of the huge leaf that `vpage` lies in. */
export function hugeStart(m: Machine, pte: number, vpage: number): number {
  const frame = pteFrame(pte);
  return vpage - (frame - m.head(frame));
}

/** PageAnonExclusive() of what an entry maps: kept on the head while mapped by a PMD. */
export function exclusive(m: Machine, pte: number): boolean {
  const frame = pteFrame(pte);
  return (m.flags((pte & PTE.PMD) !== 0 ? m.head(frame) : frame) & PG.anonExclusive) !== 0;
}

/**
 * Clears one present entry and drops the mapping's reference. With `zap` (munmap, truncate, exit) the entry's dirty and
 * accessed bits go to the folio of a file page first. Source: zap_present_ptes(), zap_huge_pmd().
 */
export function unmapEntry(m: Machine, proc: number, vpage: number, zap = false): void {
  const pte = m.pte(proc, vpage);
  if ((pte & PTE.PMD) !== 0) {
    const start = hugeStart(m, pte, vpage);
    const head = m.head(pteFrame(pte));
    for (let i = 0; i < folioPages(m, head); i++) m.setPte(proc, start + i, 0);
    if (!hasRmap(pte)) return;
    m.addWord(head, FRAME.ENTIRE, -1);
    m.addWord(head, FRAME.MAPCOUNT, -1);
    if (zap) transferBits(m, head, pte);
    folioPutRefs(m, head, 1);
    return;
  }
  m.setPte(proc, vpage, 0);
  if (!hasRmap(pte)) return;
  const frame = pteFrame(pte);
  const head = m.head(frame);
  countMapping(m, frame, head, -1);
  if (zap) transferBits(m, head, pte);
  if (m.order(head) > 0 && m.word(head, FRAME.MAPCOUNT) > 0) m.setFlag(head, PG.partiallyMapped);
  folioPutRefs(m, head, 1);
}

function transferBits(m: Machine, head: number, pte: number): void {
  if (m.isAnon(head)) return;
  if ((pte & PTE.DIRTY) !== 0) m.setFlag(head, PG.dirty);
  if ((pte & PTE.YOUNG) !== 0) markAccessed(m, head);
}

/** folio_mark_accessed(): inactive → referenced → active. A folio outside the LRU lists only loses `referenced` again. */
export function markAccessed(m: Machine, head: number): void {
  const flags = m.flags(head);
  if ((flags & PG.referenced) === 0) m.setFlag(head, PG.referenced);
  else if ((flags & (PG.unevictable | PG.active)) === 0) {
    if ((flags & PG.lru) !== 0) m.setFlag(head, PG.active);
    m.clearFlag(head, PG.referenced);
  }
}

/**
 * __split_huge_pmd(): the same large folio, from now on mapped page by page. The huge zero folio becomes 4 KiB zero
 * page entries.
 */
export function splitPmd(m: Machine, proc: number, vpage: number): void {
  const pte = m.pte(proc, vpage);
  if ((pte & PTE.PMD) === 0) return;
  const start = hugeStart(m, pte, vpage);
  const head = m.head(pteFrame(pte));
  const nr = folioPages(m, head);
  m.invalidate(proc, start, start + nr);
  if (!hasRmap(pte)) {
    for (let i = 0; i < nr; i++) m.setPte(proc, start + i, makePte(ZERO_FRAME, PTE.SPECIAL));
    return;
  }
  const isExclusive = exclusive(m, pte);
  const bits = pte & (PTE.WRITE | PTE.DIRTY);
  if ((pte & PTE.DIRTY) !== 0) m.setFlag(head, PG.dirty);
  m.addWord(head, FRAME.ENTIRE, -1);
  m.addWord(head, FRAME.MAPCOUNT, nr - 1);
  m.addWord(head, FRAME.REF, nr - 1);
  for (let i = 0; i < nr; i++) {
    m.setPte(proc, start + i, makePte(head + i, bits));
    m.addWord(head + i, FRAME.PAGEMAP, 1);
    if (isExclusive) m.setFlag(head + i, PG.anonExclusive);
  }
}

/**
 * Walks the present entries that map one of the pages [head, head + nr), huge leaves once: the first one from entry
 * `from` on, or -1. Entries are numbered process by process; `m.entry(e)` is its value.
 */
export function nextMapping(m: Machine, head: number, nr: number, from: number): number {
  const s = m.state;
  const base = m.pteBase;
  const end = m.processes * m.vpages;
  for (let e = from; e < end; e++) {
    const pte = s[base + e]!;
    if ((pte & PTE.PRESENT) === 0) continue;
    const frame = pteFrame(pte);
    if (frame < head || frame >= head + nr) continue;
    if ((pte & PTE.PMD) === 0 || frame === head) return e;
  }
  return -1;
}
