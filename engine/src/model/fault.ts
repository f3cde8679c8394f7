/** handle_mm_fault(): anonymous memory, files, copy-on-write, unsharing, swap-in. Source: mm/memory.c, mm/hugetlb.c. */
import { ERRNO, FRAME, FS, MAPPING_ANON, PG, PTE, VM, VMA, ZERO_FRAME } from './constants.ts';
import { HOLE, needsDirtyTracking, pageMkwrite, readPage } from './file.ts';
import { allocFolio, folioPages, nameOf } from './folio.ts';
import type { Machine } from './machine.ts';
import { exclusive, hugeStart, makePte, mapHuge, mapPage, pteFrame, splitPmd, unmapEntry } from './rmap.ts';
import { folioFreeSwap, swapIn } from './swap.ts';

/** What a fault is for: a load, a store, or a read-only pin that must not share an anonymous page. */
export type FaultKind = 'read' | 'write' | 'unshare';

/** is_cow_mapping(). */
export function isCowMapping(vmFlags: number): boolean {
  return (vmFlags & (VM.SHARED | VM.MAYWRITE)) === VM.MAYWRITE;
}

/**
 * Resolves one fault at `vpage`. The caller has checked that the VMA allows the access.
 * Returns 0, -EFAULT (SIGBUS: beyond the end of the file) or -ENOMEM.
 */
export function handleFault(m: Machine, proc: number, vpage: number, kind: FaultKind): number {
  const vma = m.vmaAt(proc, vpage);
  if (vma < 0) return -ERRNO.EFAULT;
  const vmFlags = m.vmaFlags(vma);
  if ((vmFlags & VM.PFNMAP) !== 0) return -ERRNO.EFAULT;
  const pte = m.pte(proc, vpage);
  if ((vmFlags & VM.HUGETLB) !== 0) return hugetlbFault(m, proc, vpage, vma, pte, kind);
  if (pte === 0) {
    if (m.vmaFile(vma) >= 0) return fileFault(m, proc, vpage, vma, kind);
    if (canMapHuge(m, proc, vpage, vma)) return hugeAnonymousFault(m, proc, vpage, vma, kind);
    return anonymousFault(m, proc, vpage, vma, kind);
  }
  if ((pte & PTE.SWAP) !== 0) return swapFault(m, proc, vpage, vma, pte, kind);
  if (kind === 'read') {
    m.setPte(proc, vpage, pte | PTE.YOUNG);
    return 0;
  }
  if ((pte & PTE.WRITE) !== 0) {
    if (kind === 'write') m.setPte(proc, vpage, pte | PTE.DIRTY | PTE.YOUNG);
    return 0;
  }
  if ((pte & PTE.PMD) !== 0) return hugeWriteProtectFault(m, proc, vpage, vma, pte, kind);
  return writeProtectFault(m, proc, vpage, vma, pte, kind);
}

/** maybe_mkwrite(): write permission only where the VMA has it (FOLL_FORCE faults on others, too). */
function writeBit(vmFlags: number): number {
  return (vmFlags & VM.WRITE) !== 0 ? PTE.WRITE : 0;
}

/** A fresh exclusive anonymous page with the given bytes; -1 when memory is exhausted. */
export function allocAnon(m: Machine, content: number): number {
  const frame = allocFolio(m, 0, PG.lru | PG.swapbacked | PG.anonExclusive);
  if (frame < 0) return -1;
  m.setWord(frame, FRAME.MAPPING, MAPPING_ANON);
  m.setWord(frame, FRAME.CONTENT, content);
  return frame;
}

function anonymousFault(m: Machine, proc: number, vpage: number, vma: number, kind: FaultKind): number {
  if (kind !== 'write') {
    m.setPte(proc, vpage, makePte(ZERO_FRAME, PTE.SPECIAL));
    return 0;
  }
  const frame = allocAnon(m, 0);
  if (frame < 0) return -ERRNO.ENOMEM;
  mapPage(m, proc, vpage, frame, PTE.DIRTY | writeBit(m.vmaFlags(vma)));
  m.notes?.push(`a fresh page, ${nameOf(frame)}, is mapped`);
  return 0;
}

/** Whether a PMD entry fits: the VMA allows it and the whole aligned range is inside it and empty. */
function canMapHuge(m: Machine, proc: number, vpage: number, vma: number): boolean {
  if ((m.vmaFlags(vma) & VM.HUGEPAGE) === 0) return false;
  const start = vpage - (vpage % m.pmdPages);
  if (start < m.state[vma + VMA.START]! || start + m.pmdPages > m.state[vma + VMA.END]!) return false;
  for (let i = 0; i < m.pmdPages; i++) if (m.pte(proc, start + i) !== 0) return false;
  return true;
}

/** The huge zero folio, allocated at its first use. -1 when memory is exhausted. */
function hugeZeroFolio(m: Machine): number {
  for (let f = 1; f < m.frames; f++) if ((m.flags(f) & PG.hugeZero) !== 0) return f;
  const zero = allocFolio(m, m.pmdOrder, PG.hugeZero);
  if (zero >= 0) m.clearFlag(zero, PG.uptodate);
  return zero;
}

function hugeAnonymousFault(m: Machine, proc: number, vpage: number, vma: number, kind: FaultKind): number {
  const start = vpage - (vpage % m.pmdPages);
  if (kind !== 'write') {
    const zero = hugeZeroFolio(m);
    if (zero < 0) return -ERRNO.ENOMEM;
    for (let i = 0; i < m.pmdPages; i++) m.setPte(proc, start + i, makePte(zero + i, PTE.PMD | PTE.SPECIAL));
    return 0;
  }
  const head = allocFolio(m, m.pmdOrder, PG.lru | PG.swapbacked | PG.anonExclusive);
  if (head < 0) return anonymousFault(m, proc, vpage, vma, kind);
  m.setWord(head, FRAME.MAPPING, MAPPING_ANON);
  mapHuge(m, proc, start, head, PTE.DIRTY | writeBit(m.vmaFlags(vma)));
  m.notes?.push(`a fresh huge page, ${nameOf(head)}, is mapped`);
  return 0;
}

/** do_fault(): read, private write (copy), shared write (page_mkwrite). */
function fileFault(m: Machine, proc: number, vpage: number, vma: number, kind: FaultKind): number {
  const file = m.vmaFile(vma);
  const index = m.fileIndex(vma, vpage);
  if (index >= m.fileSize(file)) return -ERRNO.EFAULT;
  const vmFlags = m.vmaFlags(vma);
  // A hole of a DAX file has no page yet: loads see the zero page (dax_load_hole()).
  if (
    kind === 'read' &&
    m.fs(file) === FS.fsdax &&
    m.cached(file, index) < 0 &&
    m.backing(file, index) === HOLE
  ) {
    m.setPte(proc, vpage, makePte(ZERO_FRAME, PTE.SPECIAL));
    return 0;
  }
  const frame = readPage(m, file, index);
  if (frame < 0) return -ERRNO.ENOMEM;
  const head = m.head(frame);
  const shared = (vmFlags & VM.SHARED) !== 0;
  if (kind !== 'read' && !shared) {
    const copy = allocAnon(m, m.word(frame, FRAME.CONTENT));
    if (copy < 0) return -ERRNO.ENOMEM;
    mapPage(m, proc, vpage, copy, PTE.DIRTY | writeBit(vmFlags));
    m.notes?.push(`${nameOf(copy)} is a private copy of the file's page`);
    return 0;
  }
  let bits = 0;
  if (kind === 'write') {
    pageMkwrite(m, file, head);
    bits = PTE.DIRTY | PTE.WRITE;
  } else if (shared && !needsDirtyTracking(m, file)) bits = writeBit(vmFlags);
  if (m.fs(file) === FS.fsdax) {
    m.setPte(proc, vpage, makePte(frame, bits | PTE.SPECIAL | PTE.DEVMAP));
    return 0;
  }
  m.addWord(head, FRAME.REF, 1);
  mapPage(m, proc, vpage, frame, bits);
  return 0;
}

/** do_swap_page(). */
function swapFault(
  m: Machine,
  proc: number,
  vpage: number,
  vma: number,
  pte: number,
  kind: FaultKind,
): number {
  const slot = pteFrame(pte);
  const frame = swapIn(m, slot);
  if (frame < 0) return -ERRNO.ENOMEM;
  m.addSwapUsers(slot, -1);
  const inCache = (m.flags(frame) & PG.swapcache) !== 0;
  if (inCache && kind === 'write' && m.ref(frame) === 2) folioFreeSwap(m, frame);
  const isExclusive = (pte & PTE.SWAP_EXCLUSIVE) !== 0 || m.ref(frame) === 1;
  let bits = 0;
  if (isExclusive) {
    m.setFlag(frame, PG.anonExclusive);
    bits = writeBit(m.vmaFlags(vma));
    if (bits !== 0 && kind === 'write') bits |= PTE.DIRTY;
  }
  mapPage(m, proc, vpage, frame, bits);
  m.notes?.push(`${nameOf(frame)} is mapped again`);
  const now = m.pte(proc, vpage);
  if (kind === 'write' && (now & PTE.WRITE) === 0) return writeProtectFault(m, proc, vpage, vma, now, kind);
  return 0;
}

/** wp_can_reuse_anon_folio(): only an order-0 folio to which the mapping holds the only reference. */
function canReuse(m: Machine, head: number): boolean {
  const flags = m.flags(head);
  if (m.order(head) > 0 || (flags & PG.ksm) !== 0) return false;
  const inCache = (flags & PG.swapcache) !== 0;
  if (m.ref(head) > 1 + (inCache ? 1 : 0)) return false;
  if (inCache) folioFreeSwap(m, head);
  return m.ref(head) === 1;
}

/** do_wp_page(): a store to, or a read-only pin of, a page that is mapped without write permission. */
function writeProtectFault(
  m: Machine,
  proc: number,
  vpage: number,
  vma: number,
  pte: number,
  kind: FaultKind,
): number {
  const frame = pteFrame(pte);
  const vmFlags = m.vmaFlags(vma);
  const head = m.head(frame);
  if ((vmFlags & VM.SHARED) !== 0) {
    if (frame === ZERO_FRAME) {
      m.setPte(proc, vpage, 0);
      return fileFault(m, proc, vpage, vma, kind);
    }
    pageMkwrite(m, m.vmaFile(vma), head);
    m.setPte(proc, vpage, m.pte(proc, vpage) | PTE.WRITE | PTE.DIRTY | PTE.YOUNG);
    return 0;
  }
  if ((pte & PTE.SPECIAL) === 0 && m.isAnon(head) && (exclusive(m, pte) || canReuse(m, head))) {
    m.setFlag(frame, PG.anonExclusive);
    if (kind === 'write') m.setPte(proc, vpage, pte | PTE.DIRTY | PTE.YOUNG | writeBit(vmFlags));
    return 0;
  }
  const copy = allocAnon(m, m.word(frame, FRAME.CONTENT));
  if (copy < 0) return -ERRNO.ENOMEM;
  m.invalidate(proc, vpage, vpage + 1);
  unmapEntry(m, proc, vpage);
  mapPage(m, proc, vpage, copy, kind === 'write' ? PTE.DIRTY | writeBit(vmFlags) : 0);
  m.notes?.push(
    frame === ZERO_FRAME
      ? `${nameOf(copy)} replaces the zero page`
      : m.isAnon(head)
        ? `${nameOf(head)} has other users, so ${processName(proc)} gets a copy, ${nameOf(copy)}`
        : `${processName(proc)} gets a private copy of the file's page, ${nameOf(copy)}`,
  );
  return 0;
}

/** do_huge_pmd_wp_page(): reuse, or split the PMD and copy one page. */
function hugeWriteProtectFault(
  m: Machine,
  proc: number,
  vpage: number,
  vma: number,
  pte: number,
  kind: FaultKind,
): number {
  const head = m.head(pteFrame(pte));
  if ((m.flags(head) & PG.hugeZero) !== 0) {
    return replaceHugeZero(m, proc, vpage, vma, pte, kind);
  }
  const mayReuse = exclusive(m, pte) || m.ref(head) === 1;
  if (mayReuse) {
    m.setFlag(head, PG.anonExclusive);
    if (kind === 'write') setHugeBits(m, proc, vpage, pte, PTE.DIRTY | PTE.YOUNG | writeBit(m.vmaFlags(vma)));
    return 0;
  }
  splitPmd(m, proc, vpage);
  return writeProtectFault(m, proc, vpage, vma, m.pte(proc, vpage), kind);
}

/** A store replaces the huge zero folio by a fresh huge page; unsharing splits it and copies one page. */
function replaceHugeZero(
  m: Machine,
  proc: number,
  vpage: number,
  vma: number,
  pte: number,
  kind: FaultKind,
): number {
  if (kind === 'unshare') {
    splitPmd(m, proc, vpage);
    return writeProtectFault(m, proc, vpage, vma, m.pte(proc, vpage), kind);
  }
  const start = hugeStart(m, pte, vpage);
  for (let i = 0; i < m.pmdPages; i++) m.setPte(proc, start + i, 0);
  return hugeAnonymousFault(m, proc, vpage, vma, 'write');
}

function setHugeBits(m: Machine, proc: number, vpage: number, pte: number, bits: number): void {
  const start = hugeStart(m, pte, vpage);
  const nr = folioPages(m, m.head(pteFrame(pte)));
  for (let i = 0; i < nr; i++) m.setPte(proc, start + i, m.pte(proc, start + i) | bits);
}

/** hugetlb_fault(), hugetlb_wp(): here the map count, not the reference count, decides about reuse. */
function hugetlbFault(
  m: Machine,
  proc: number,
  vpage: number,
  vma: number,
  pte: number,
  kind: FaultKind,
): number {
  const vmFlags = m.vmaFlags(vma);
  const start = vpage - (vpage % m.pmdPages);
  if (pte === 0) {
    if ((vmFlags & VM.SHARED) !== 0) {
      const file = m.vmaFile(vma);
      const frame = readPage(m, file, m.fileIndex(vma, start));
      if (frame < 0) return -ERRNO.ENOMEM;
      m.addWord(frame, FRAME.REF, 1);
      mapHuge(m, proc, start, frame, writeBit(vmFlags) | PTE.DIRTY);
      return 0;
    }
    const head = allocHugetlb(m);
    if (head < 0) return -ERRNO.ENOMEM;
    mapHuge(m, proc, start, head, PTE.DIRTY | writeBit(vmFlags));
    return 0;
  }
  if (kind === 'read' || (pte & PTE.WRITE) !== 0) {
    if (kind === 'write') setHugeBits(m, proc, vpage, pte, PTE.DIRTY);
    return 0;
  }
  const head = m.head(pteFrame(pte));
  if ((vmFlags & VM.SHARED) !== 0) {
    setHugeBits(m, proc, vpage, pte, PTE.DIRTY | PTE.WRITE);
    return 0;
  }
  if (m.isAnon(head) && (exclusive(m, pte) || m.word(head, FRAME.MAPCOUNT) === 1)) {
    m.setFlag(head, PG.anonExclusive);
    if (kind === 'write') setHugeBits(m, proc, vpage, pte, PTE.DIRTY | writeBit(vmFlags));
    return 0;
  }
  const copy = allocHugetlb(m);
  if (copy < 0) return -ERRNO.ENOMEM;
  for (let i = 0; i < m.pmdPages; i++) m.setWord(copy + i, FRAME.CONTENT, m.word(head + i, FRAME.CONTENT));
  m.invalidate(proc, start, start + m.pmdPages);
  unmapEntry(m, proc, vpage);
  mapHuge(m, proc, start, copy, kind === 'write' ? PTE.DIRTY | writeBit(vmFlags) : 0);
  m.notes?.push(`${processName(proc)} gets a copy of the huge page, ${nameOf(copy)}`);
  return 0;
}

/** A fresh exclusive hugetlb folio; -1 when none is left. */
export function allocHugetlb(m: Machine): number {
  const head = allocFolio(m, m.pmdOrder, PG.hugetlb | PG.anonExclusive);
  if (head >= 0) m.setWord(head, FRAME.MAPPING, MAPPING_ANON);
  return head;
}

/** `the process` for number 0, `the child` for the others. */
export function processName(proc: number): string {
  return proc === 0 ? 'the process' : 'the child';
}

/** A load or store by the process itself: faults as needed. Returns the frame, or -EFAULT as SIGSEGV or SIGBUS. */
export function userAccess(m: Machine, proc: number, vpage: number, write: boolean): number {
  const vma = m.vmaAt(proc, vpage);
  if (vma < 0) return -ERRNO.EFAULT;
  if ((m.vmaFlags(vma) & (write ? VM.WRITE : VM.READ)) === 0) return -ERRNO.EFAULT;
  const pte = m.pte(proc, vpage);
  if ((pte & PTE.PRESENT) === 0 || (write && (pte & PTE.WRITE) === 0)) {
    const ret = handleFault(m, proc, vpage, write ? 'write' : 'read');
    if (ret < 0) return ret;
  }
  // The CPU sets accessed and dirty in the entry itself.
  const now = m.pte(proc, vpage);
  const bits = PTE.YOUNG | (write ? PTE.DIRTY : 0);
  if ((now & PTE.PMD) !== 0) setHugeBits(m, proc, vpage, now, bits);
  else m.setPte(proc, vpage, now | bits);
  return pteFrame(now);
}
