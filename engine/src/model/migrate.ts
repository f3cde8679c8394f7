/** Page migration, KSM and THP split as far as references decide about them. Source: mm/migrate.c, mm/ksm.c. */
import { ERRNO, FRAME, MAPPING_FILE, PG, PTE, ZONE } from './constants.ts';
import { fileOf } from './file.ts';
import {
  allocFolio,
  extraReferences,
  folioIsLongtermPinnable,
  folioMaybeDmaPinned,
  folioPages,
  folioPutRefs,
  nameOf,
} from './folio.ts';
import type { Machine } from './machine.ts';
import { exclusive, mapHuge, mapPage, nextMapping, pteFrame, unmapEntry } from './rmap.ts';
import { splitFolio } from './swap.ts';

/** Where migration may put the new folio. */
export interface MigrationTarget {
  readonly zone?: number;
  readonly node?: number;
}

/**
 * migrate_folio(): moves the bytes and the mappings to a new folio. Any reference beyond mm's own, got or pinned,
 * makes it fail. Returns 0, -EAGAIN (somebody holds the folio) or -ENOMEM.
 */
export function migrateFolio(m: Machine, head: number, target: MigrationTarget = {}): number {
  const flags = m.flags(head);
  if ((flags & (PG.reserved | PG.hugeZero)) !== 0) return -ERRNO.EAGAIN;
  // try_to_migrate() moves the dirty bits of the entries into the folio even when migration then fails.
  // A PMD entry of a pinned huge page is given up before that.
  const pinned = folioMaybeDmaPinned(m, head);
  const nr = folioPages(m, head);
  for (let e = nextMapping(m, head, nr, 0); e >= 0; e = nextMapping(m, head, nr, e + 1)) {
    const vpage = m.vpageOf(e);
    const pte = m.entry(e);
    m.invalidate(m.procOf(e), vpage, vpage + nr);
    const givenUp = (pte & PTE.PMD) !== 0 && pinned && exclusive(m, pte);
    if ((pte & PTE.DIRTY) !== 0 && !givenUp) m.setFlag(head, PG.dirty);
  }
  if (extraReferences(m, head) !== 0) {
    m.notes?.push(`somebody holds ${nameOf(head)}: it can't be migrated`);
    return -ERRNO.EAGAIN;
  }
  const savedZone = m.allocZone;
  const savedNode = m.allocNode;
  if (target.zone !== undefined) m.allocZone = target.zone;
  if (target.node !== undefined) m.allocNode = target.node;
  const copy = allocFolio(m, m.order(head), 0);
  m.allocZone = savedZone;
  m.allocNode = savedNode;
  if (copy < 0) return -ERRNO.ENOMEM;
  moveFolio(m, head, copy);
  m.notes?.push(`${nameOf(head)} is migrated to ${nameOf(copy)}`);
  folioPutRefs(m, copy, 1);
  return 0;
}

/** Hands everything that mm knows about a folio to another one of the same order. */
function moveFolio(m: Machine, from: number, to: number): void {
  const nr = folioPages(m, from);
  const entries: [number, number, number][] = [];
  for (let e = nextMapping(m, from, nr, 0); e >= 0; e = nextMapping(m, from, nr, e + 1))
    entries.push([m.procOf(e), m.vpageOf(e), m.entry(e)]);
  const carried =
    PG.dirty |
    PG.lru |
    PG.uptodate |
    PG.referenced |
    PG.active |
    PG.swapbacked |
    PG.hugetlb |
    PG.mlocked |
    PG.unevictable;
  m.setFlag(to, m.flags(from) & carried);
  m.setWord(to, FRAME.MAPPING, m.word(from, FRAME.MAPPING));
  m.setWord(to, FRAME.INDEX, m.word(from, FRAME.INDEX));
  for (let i = 0; i < nr; i++) m.setWord(to + i, FRAME.CONTENT, m.word(from + i, FRAME.CONTENT));
  for (const [proc, vpage, pte] of entries) {
    const bits = pte & (PTE.WRITE | PTE.DIRTY);
    const isExclusive = exclusive(m, pte);
    const target = to + (pteFrame(pte) - from);
    m.addWord(to, FRAME.REF, 1);
    unmapEntry(m, proc, vpage);
    if ((pte & PTE.PMD) !== 0) mapHuge(m, proc, vpage, to, bits);
    else mapPage(m, proc, vpage, target, bits);
    if (isExclusive) m.setFlag((pte & PTE.PMD) !== 0 ? to : target, PG.anonExclusive);
  }
  moveCaches(m, from, to, nr);
}

function moveCaches(m: Machine, from: number, to: number, nr: number): void {
  const where = fileOf(m, from);
  let refs = 0;
  if (where !== null) {
    for (let i = 0; i < nr && where.index + i < m.filePages(where.file); i++)
      m.setCached(where.file, where.index + i, to + i);
    refs += nr;
  }
  if ((m.flags(from) & PG.swapcache) !== 0) {
    m.setSwapCached(m.word(from, FRAME.INDEX) - 1, to);
    m.setFlag(to, PG.swapcache);
    m.clearFlag(from, PG.swapcache);
    refs += nr;
  }
  if ((m.flags(from) & PG.private) !== 0) {
    m.setFlag(to, PG.private);
    m.clearFlag(from, PG.private);
    refs += 1;
  }
  m.addWord(to, FRAME.REF, refs);
  m.setWord(from, FRAME.MAPPING, 0);
  m.setWord(from, FRAME.INDEX, 0);
  m.clearFlag(from, PG.dirty);
  // The isolation reference, dropped last, frees the old folio.
  if (refs > 0) folioPutRefs(m, from, refs);
}

/**
 * Moves the folios that a long-term pin may not hold out of ZONE_MOVABLE and CMA. Each entry of `pages` is unpinned
 * first. Source: check_and_migrate_movable_pages(). Returns 0 (nothing to do, all stay pinned), -EAGAIN (moved: pin
 * again) or -ENOMEM (somebody else holds one; nothing stays pinned).
 */
export function checkAndMigrateMovable(
  m: Machine,
  pages: { [i: number]: number },
  nr: number,
  unpin: (head: number) => void,
): number {
  const unpinnable: number[] = [];
  for (let i = 0; i < nr; i++) {
    const head = m.head(pages[i]!);
    if (!folioIsLongtermPinnable(m, head) && !unpinnable.includes(head)) unpinnable.push(head);
  }
  if (unpinnable.length === 0) return 0;
  for (let i = 0; i < nr; i++) unpin(m.head(pages[i]!));
  let failed = false;
  for (const head of unpinnable) {
    if (m.ref(head) <= 0) continue;
    if (migrateFolio(m, head, { zone: ZONE.normal }) !== 0 && !migrateAfterSplit(m, head)) failed = true;
  }
  return failed ? -ERRNO.ENOMEM : -ERRNO.EAGAIN;
}

/** migrate_pages() splits a huge page for which it finds no contiguous memory. */
function migrateAfterSplit(m: Machine, head: number): boolean {
  const nr = folioPages(m, head);
  if (
    nr === 1 ||
    extraReferences(m, head) !== 0 ||
    (m.flags(head) & PG.hugetlb) !== 0 ||
    !splitFolio(m, head)
  )
    return false;
  let moved = true;
  for (let i = 0; i < nr; i++)
    if (m.ref(head + i) > 0 && migrateFolio(m, head + i, { zone: ZONE.normal }) !== 0) moved = false;
  return moved;
}

/**
 * KSM merges an anonymous page into a write-protected shared one (write_protect_page()): only when nobody but page
 * tables and the swap cache refers to it. Returns whether it was merged.
 */
export function ksmMerge(m: Machine, proc: number, vpage: number): boolean {
  const pte = m.pte(proc, vpage);
  if ((pte & (PTE.PRESENT | PTE.SPECIAL | PTE.PMD)) !== PTE.PRESENT) return false;
  const head = m.head(pteFrame(pte));
  if (!m.isAnon(head) || m.order(head) > 0 || m.word(head, FRAME.MAPPING) >= MAPPING_FILE) return false;
  m.invalidate(proc, vpage, vpage + 1);
  if (extraReferences(m, head) !== 0) {
    m.notes?.push(`somebody holds ${nameOf(head)}: KSM leaves it alone`);
    return false;
  }
  const shared = allocFolio(m, 0, PG.lru | PG.swapbacked | PG.ksm);
  if (shared < 0) return false;
  m.setWord(shared, FRAME.MAPPING, m.word(head, FRAME.MAPPING));
  m.setWord(shared, FRAME.CONTENT, m.word(head, FRAME.CONTENT));
  unmapEntry(m, proc, vpage);
  mapPage(m, proc, vpage, shared, 0);
  m.notes?.push(`KSM merges the page into ${nameOf(shared)}`);
  return true;
}
