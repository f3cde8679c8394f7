/** Folios: allocation, reference and pin counts. Source: mm/page_alloc.c, mm/gup.c, include/linux/mm.h. */
import { FOLL } from '../protocol/flags.ts';
import {
  ERRNO,
  FRAME,
  GLOBAL,
  GUP_PIN_COUNTING_BIAS,
  MAPPING_ANON,
  MAPPING_FILE,
  PG,
  ZERO_FRAME,
  ZONE,
} from './constants.ts';
import type { Machine } from './machine.ts';

/** folio_nr_pages(). */
export function folioPages(m: Machine, head: number): number {
  return 1 << m.order(head);
}

/** Name of a folio in notes; traces replace it by a letter. */
export function nameOf(frame: number): string {
  return `folio#${frame}`;
}

/**
 * Allocates a folio of 2^order pages with one reference. The lowest free run of frames is taken, so allocation is
 * deterministic. Returns the head frame, or -1 when memory is exhausted.
 */
export function allocFolio(m: Machine, order: number, flags: number): number {
  const nr = 1 << order;
  const s = m.state;
  let run = 0;
  for (let f = Math.max(1, m.lowestFree); f < m.frames; f++) {
    const at = m.at(f);
    run = s[at + FRAME.REF] === 0 && s[at + FRAME.FLAGS] === 0 ? run + 1 : 0;
    if (run < nr) continue;
    const head = f - nr + 1;
    if (m.lowestFree > 0 && nr === 1) m.lowestFree = f + 1;
    const zone =
      m.pinScope > 0 && (m.allocZone === ZONE.cma || m.allocZone === ZONE.movable)
        ? ZONE.normal
        : m.allocZone;
    initFolio(m, head, order, zone, m.allocNode, flags);
    if (m.lruBatch !== null && (flags & PG.lru) !== 0) {
      m.clearFlag(head, PG.lru);
      m.addWord(head, FRAME.REF, 1);
      m.lruBatch.push(head);
    }
    return head;
  }
  return -1;
}

/** Makes frames `head…` a folio with one reference; whoever calls it knows that they are free. */
export function initFolio(
  m: Machine,
  head: number,
  order: number,
  zone: number,
  node: number,
  flags: number,
): void {
  const at = m.at(head);
  m.set(at + FRAME.REF, 1);
  m.set(at + FRAME.FLAGS, flags | PG.uptodate);
  m.set(at + FRAME.SHAPE, order | (zone << 8) | (node << 12));
  for (let i = 1; i < 1 << order; i++) {
    const tail = m.at(head + i);
    m.set(tail + FRAME.FLAGS, PG.tail);
    m.set(tail + FRAME.SHAPE, i);
  }
  m.serial[head]!++;
}

/** lru_add_drain(): folios that wait in this CPU's batch reach the LRU lists, and the batch drops its references. */
export function lruAddDrain(m: Machine): void {
  for (const head of m.lruBatch?.splice(0) ?? []) {
    m.setFlag(head, PG.lru);
    folioPutRefs(m, head, 1);
  }
}

/** Frees a folio whose reference count reached 0. A folio that is still in use becomes a bad page. */
function freeFolio(m: Machine, head: number): void {
  const at = m.at(head);
  const mapping = m.word(head, FRAME.MAPPING);
  const inCache =
    mapping >= MAPPING_FILE && m.cached(mapping - MAPPING_FILE, m.word(head, FRAME.INDEX)) === head;
  if (m.state[at + FRAME.MAPCOUNT] !== 0 || inCache || (m.flags(head) & PG.reserved) !== 0) {
    m.warn('badPage');
    m.setFlag(head, PG.bad);
    m.notes?.push(
      `the reference count of ${nameOf(head)} reached 0 while it is still mapped: the kernel frees a page in use`,
    );
    return;
  }
  if ((m.flags(head) & PG.bad) !== 0) return;
  m.notes?.push(`${nameOf(head)} is freed`);
  if (m.lowestFree > head) m.lowestFree = head;
  m.clear(at, at + FRAME.SIZE * folioPages(m, head));
}

/** folio_put_refs(): drops references and frees the folio when exactly none is left. */
export function folioPutRefs(m: Machine, head: number, refs: number): void {
  if (m.addWord(head, FRAME.REF, -refs) === 0) freeFolio(m, head);
}

/** put_page(), folio_put(). */
export function putPage(m: Machine, frame: number): void {
  folioPutRefs(m, m.head(frame), 1);
}

/**
 * __free_page(): as put_page() while others hold the page. The last reference gives it to the allocator as it is, and a
 * page that is still on an LRU list is then in two lists (free_page_is_bad(), PAGE_FLAGS_CHECK_AT_FREE).
 */
export function freePage(m: Machine, frame: number): void {
  const head = m.head(frame);
  if (m.ref(head) !== 1 || (m.flags(head) & PG.lru) === 0) {
    putPage(m, frame);
    return;
  }
  m.addWord(head, FRAME.REF, -1);
  m.warn('badPage');
  m.setFlag(head, PG.bad);
  m.notes?.push(`${nameOf(head)} goes back to the allocator while it is still on an LRU list`);
}

/** get_page(), folio_get(). */
export function getPage(m: Machine, frame: number, refs = 1): void {
  m.addWord(m.head(frame), FRAME.REF, refs);
}

/**
 * folio_maybe_dma_pinned(): exact for large folios; for order-0 folios true from 1024 references on, a negative
 * count being read as a large unsigned one (document section "folio_maybe_dma_pinned()").
 */
export function folioMaybeDmaPinned(m: Machine, head: number): boolean {
  if (m.order(head) > 0) return m.word(head, FRAME.PIN) > 0;
  return m.ref(head) >>> 0 >= GUP_PIN_COUNTING_BIAS;
}

/** References that the rest of mm holds: mappings, page cache, swap cache, buffer heads. */
export function mmReferences(m: Machine, head: number): number {
  const flags = m.flags(head);
  if ((flags & PG.reserved) !== 0) return 1;
  let refs = m.word(head, FRAME.MAPCOUNT);
  const mapping = m.word(head, FRAME.MAPPING);
  if (mapping >= MAPPING_FILE) refs += folioPages(m, head);
  if ((flags & PG.swapcache) !== 0) refs += folioPages(m, head);
  if ((flags & PG.private) !== 0) refs++;
  if ((flags & PG.hugeZero) !== 0) refs++;
  return refs;
}

/** References beyond the ones of mm itself: what blocks migration, reclaim, KSM and THP split. */
export function extraReferences(m: Machine, head: number): number {
  return m.ref(head) - mmReferences(m, head);
}

/** folio_is_longterm_pinnable(): not in ZONE_MOVABLE, not MIGRATE_CMA; the zero page always is. */
export function folioIsLongtermPinnable(m: Machine, head: number): boolean {
  if (head === ZERO_FRAME) return true;
  const zone = m.zone(head);
  return zone !== ZONE.movable && zone !== ZONE.cma;
}

/** try_grab_folio(): takes `refs` references or pins. Returns 0 or -ENOMEM. */
export function tryGrabFolio(m: Machine, head: number, refs: number, flags: number): number {
  if (m.ref(head) <= 0) {
    m.warn('refcountNotPositive');
    return -ERRNO.ENOMEM;
  }
  if ((flags & FOLL.GET) !== 0) m.addWord(head, FRAME.REF, refs);
  else if ((flags & FOLL.PIN) !== 0) {
    if (head === ZERO_FRAME) return 0;
    addPins(m, head, refs);
    m.add(GLOBAL.ACQUIRED, refs);
  }
  return 0;
}

function addPins(m: Machine, head: number, refs: number): void {
  if (m.order(head) > 0) {
    m.addWord(head, FRAME.REF, refs);
    m.addWord(head, FRAME.PIN, refs);
  } else m.addWord(head, FRAME.REF, refs * GUP_PIN_COUNTING_BIAS);
}

/**
 * try_grab_folio_fast(): as tryGrabFolio(), but a long-term pin of a folio that may not be pinned that long fails
 * without trace. Returns whether the folio was grabbed.
 */
export function tryGrabFolioFast(m: Machine, head: number, refs: number, flags: number): boolean {
  if ((flags & FOLL.GET) === 0 && head === ZERO_FRAME) return true;
  if (m.ref(head) < 0) {
    m.warn('refcountNotPositive');
    return false;
  }
  if (m.ref(head) === 0) return false;
  if ((flags & FOLL.GET) !== 0) {
    m.addWord(head, FRAME.REF, refs);
    return true;
  }
  if ((flags & FOLL.LONGTERM) !== 0 && !folioIsLongtermPinnable(m, head)) return false;
  addPins(m, head, refs);
  m.add(GLOBAL.ACQUIRED, refs);
  return true;
}

/** gup_put_folio(): the counterpart of a grab with the same flags. */
export function gupPutFolio(m: Machine, head: number, refs: number, flags: number): void {
  let drop = refs;
  if ((flags & FOLL.PIN) !== 0) {
    if (head === ZERO_FRAME) return;
    m.add(GLOBAL.RELEASED, refs);
    if (m.order(head) > 0) m.addWord(head, FRAME.PIN, -refs);
    else drop = refs * GUP_PIN_COUNTING_BIAS;
  }
  folioPutRefs(m, head, drop);
}

/** folio_add_pin(): one more pin, not counted in nr_foll_pin_acquired. Warns when the folio is not pinned yet. */
export function folioAddPin(m: Machine, frame: number): void {
  const head = m.head(frame);
  if (head === ZERO_FRAME) return;
  const pinned = m.order(head) > 0 ? m.word(head, FRAME.PIN) >= 1 : m.ref(head) >= GUP_PIN_COUNTING_BIAS;
  if (!pinned) m.warn('addPinUnpinned');
  addPins(m, head, 1);
}

/** PageAnon(). */
export function pageAnon(m: Machine, frame: number): boolean {
  return m.word(m.head(frame), FRAME.MAPPING) === MAPPING_ANON;
}
