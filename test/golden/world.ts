/** A machine set up as a recorded scenario says: its addresses, processes, files, and first pages. */
import {
  FRAME,
  FS,
  type FsName,
  MAPPING_ANON,
  MAPPING_FILE,
  MMF_HAS_PINNED,
  PG,
  PTE,
  VM,
  ZERO_FRAME,
} from '#engine/model/constants.ts';
import { handleFault, userAccess } from '#engine/model/fault.ts';
import { initFolio } from '#engine/model/folio.ts';
import { createMachine, type Machine } from '#engine/model/machine.ts';
import { munmap } from '#engine/model/mm.ts';
import { makePte, mapPage } from '#engine/model/rmap.ts';
import { flagBits, type Kind, kindOf, zoneOf, zoneOfBoot } from './recorded-memory.ts';
import { pageNumber, type RecordedPage, type RecordedPte, type Recording, type Step } from './recording.ts';

/** Pages of one page table: addresses are kept in blocks of this size, so that huge pages stay aligned. */
const BLOCK = 512;
/** Addresses above the user half are no memory at all. */
const USER_PAGES = 2 ** 35;

interface Slot {
  frames: number[];
  held: boolean[];
  readonly pins: boolean;
  readonly longterm?: boolean;
}

interface Pair {
  readonly pfn: number;
  readonly frame: number;
  readonly serial: number;
}

export class World {
  readonly recording: Recording;
  readonly machine: Machine;
  readonly kind: Kind;
  /** Blocks of the address space, by their number there. */
  private readonly blocks: number[];
  /** Pages that some step mentions: what the program had mapped. */
  private readonly mentioned = new Set<number>();
  private readonly pids: number[] = [];
  readonly slots = new Map<number, Slot>();
  /** Frame behind each watch, with the frame's serial at that time; `gone` once it was freed. */
  readonly watches = new Map<number, { frame: number; serial: number; pfn: number; gone: boolean }>();
  /** Known pairs of page frame numbers: the kernel's and the model's. */
  private readonly pairs = new Map<number, Pair>();
  private readonly pairOfFrame = new Map<number, Pair>();
  /** Last byte that the module wrote through kmap. */
  written = '';
  /** Frame of a page that the module allocated, or -1. */
  driverPage = -1;
  /** Whether the zero page's flags are known. */
  zeroKnown = false;
  /** A page of the scenario that no recorded address names, or -1. */
  anchor = -1;
  /** Content of the file and of pages, as the program wrote it: one byte each, byte 1 in the second. */
  base: { acquired: number; released: number } | undefined;
  /** Label of the sub-case that memory was last set up for. */
  caseLabel = '';
  /** NUMA nodes of the machine. */
  readonly nodes: number;
  /** Pages that a file of the scenario has. */
  readonly fileSize: number;

  constructor(recording: Recording) {
    this.recording = recording;
    this.kind = kindOf(recording.name, recording.desc);
    this.nodes = recording.boot.startsWith('C') ? 1 : 2;
    const blocks = new Set<number>();
    for (const step of recording.steps) {
      for (const page of touchedPages(step)) {
        blocks.add(Math.floor(page / BLOCK));
        this.mentioned.add(page);
      }
      if (!this.pids.includes(step.pid)) this.pids.push(step.pid);
    }
    this.blocks = [];
    for (const block of [...blocks].sort((a, b) => a - b)) {
      // A block that is never mapped keeps neighbours apart that are none.
      if (this.blocks.length > 0 && this.blocks.at(-1) !== block - 1) this.blocks.push(-1);
      this.blocks.push(block);
    }
    this.fileSize = 2048;
    const fs: FsName = this.kind in FS && this.kind !== 'none' ? (this.kind as FsName) : 'ext4';
    const spare = BLOCK;
    this.machine = createMachine({
      frames: 24 * BLOCK,
      processes: Math.max(2, this.pids.length),
      vpages: Math.max(1, this.blocks.length) * BLOCK + 3 * spare,
      vmas: 24,
      files: [
        { fs, size: this.fileSize },
        { fs: 'shmem', size: 8, pages: 64 },
        { fs: 'hugetlbfs', size: BLOCK },
        { fs: 'secretmem', size: 8 },
      ],
      swapSlots: 3 * BLOCK,
      debugVm: true,
    });
    this.machine.lowestFree = 1;
    this.machine.allocZone = zoneOfBoot(recording.boot);
    for (let i = 0; i < this.fileSize; i++) this.machine.setBacking(0, i, 0);
    this.mentionByLabel();
  }

  /** Virtual page of an address: compacted, or beyond every mapping. */
  vpage(page: number): number {
    const at = page < USER_PAGES ? this.blocks.indexOf(Math.floor(page / BLOCK)) : -1;
    return at < 0 ? page + this.machine.vpages : at * BLOCK + (page % BLOCK);
  }
  /** First page of a region that no recorded address uses; `n` counts regions from 0. */
  spare(n: number): number {
    return (Math.max(1, this.blocks.length) + n) * BLOCK;
  }
  vpageOf(addr: string): number {
    return this.vpage(pageNumber(addr));
  }
  /** Process number of a pid. The first one seen is process 0. */
  proc(pid: number): number {
    return this.pids.indexOf(pid);
  }
  /** The process that `fork` by this step creates: the next pid that appears. */
  childOf(step: Step): number {
    const later = this.recording.steps.filter((s) => s.seq > step.seq && s.pid !== step.pid);
    const known = new Set(this.recording.steps.filter((s) => s.seq <= step.seq).map((s) => s.pid));
    const child = later.find((s) => !known.has(s.pid));
    return child === undefined ? this.machine.processes - 1 : this.proc(child.pid);
  }

  /** Some labels say how far a mapping reaches: pages beyond it are not the program's. */
  private mentionByLabel(): void {
    for (const step of this.recording.steps) {
      const pages = mappedByLabel(step);
      if (pages === null || step.addr === '0x0') continue;
      const first = pageNumber(step.addr);
      for (let i = pages; i < (step.nr ?? 0); i++) this.mentioned.delete(first + i);
      for (let i = 0; i < pages; i++) this.mentioned.add(first + i);
    }
  }

  /** Bounds of the mapping around a page: the pages mentioned next to it, or whole huge pages. */
  range(page: number, kind: Kind): [number, number] {
    if (kind === 'thp' || kind === 'hugetlb' || kind === 'hugezero') {
      let first = page - (page % BLOCK);
      let end = first + BLOCK;
      while (this.blocks.includes(first / BLOCK - 1)) first -= BLOCK;
      while (this.blocks.includes(end / BLOCK)) end += BLOCK;
      return [this.vpage(first), this.vpage(first) + (end - first)];
    }
    let first = page;
    let last = page;
    while (this.mentioned.has(first - 1)) first--;
    while (this.mentioned.has(last + 1)) last++;
    return [this.vpage(first), this.vpage(last) + 1];
  }

  /** vm_flags and file of a mapping of the given kind. */
  mapping(kind: Kind, label: string): { flags: number; file: number } {
    const may = VM.READ | VM.MAYREAD | VM.MAYWRITE;
    const all = /RO private/.test(this.recording.desc) ? may : may | VM.WRITE;
    const text = `${this.recording.name} ${label}`;
    const isPrivate = /PRIVATE/.test(label);
    switch (kind) {
      case 'anon':
      case 'zero':
        return { flags: all, file: -1 };
      case 'thp':
      case 'hugezero':
        return { flags: all | VM.HUGEPAGE, file: -1 };
      case 'hugetlb':
        return /shared/i.test(text)
          ? { flags: all | VM.HUGETLB | VM.SHARED, file: 2 }
          : { flags: all | VM.HUGETLB, file: -1 };
      case 'secretmem':
        return { flags: all | VM.SHARED, file: 3 };
      default:
        return { flags: isPrivate ? all : all | VM.SHARED, file: 0 };
    }
  }

  /** Maps what is around a page, unless it is mapped already. */
  ensureVma(proc: number, page: number, kind: Kind, label: string): void {
    const m = this.machine;
    if (m.vmaAt(proc, this.vpage(page)) >= 0 || this.vpage(page) >= m.vpages) return;
    const [start, end] = this.range(page, kind);
    const { flags, file } = this.mapping(kind, label);
    m.addVma(proc, start, end, flags, file, 0);
  }

  /** Maps and touches a page as the program did before the first step that mentions it. */
  populate(proc: number, page: number, kind: Kind, label: string): void {
    const m = this.machine;
    this.ensureVma(proc, page, kind, label);
    const v = this.vpage(page);
    if (m.vmaAt(proc, v) < 0 || m.pte(proc, v) !== 0) return;
    if (kind === 'anon' || kind === 'thp' || kind === 'hugetlb' || kind === 'shmem')
      userAccess(m, proc, v, true);
    else handleFault(m, proc, v, 'read');
  }

  /** Touches one page of an existing mapping, as populate() does. */
  populateAt(proc: number, v: number): void {
    const m = this.machine;
    if (['anon', 'thp', 'hugetlb', 'shmem'].includes(this.kind)) userAccess(m, proc, v, true);
    else handleFault(m, proc, v, 'read');
  }

  /** Ties watch `n` to a frame. */
  watch(
    n: number,
    frame: number,
    pfn: number,
  ): { frame: number; serial: number; pfn: number; gone: boolean } {
    const entry = { frame, serial: this.machine.serial[this.machine.head(frame)]!, pfn, gone: false };
    this.watches.set(n, entry);
    return entry;
  }

  /** A page that only its watch's name tells: a system call's huge page, or one of several fresh pages. */
  named(name: string): number | undefined {
    const fresh = /^q(\d+)$/.exec(name);
    if (name !== 'thp' && fresh === null) return undefined;
    const pte = this.machine.pte(0, name === 'thp' ? this.spare(1) : this.spare(2) + Number(fresh![1]));
    return (pte & PTE.PRESENT) !== 0 ? pte >> PTE.SHIFT : undefined;
  }

  /** Forgets a mapping, for a sub-case that maps the range anew. */
  unmap(proc: number, page: number): void {
    const m = this.machine;
    const vma = m.vmaAt(proc, this.vpage(page));
    if (vma >= 0) munmap(m, proc, m.state[vma]!, m.state[vma + 1]!);
  }

  /** The model's frame for a kernel page, as long as it has not been freed since they were paired. */
  known(pfn: number): number | undefined {
    const pair = this.pairs.get(pfn);
    return pair !== undefined && this.alive(pair) ? pair.frame : undefined;
  }

  private alive(pair: Pair): boolean {
    const head = this.machine.head(pair.frame);
    return this.machine.ref(head) !== 0 && this.machine.serial[head] === pair.serial;
  }

  /** Remembers that the kernel's and the model's frame are the same page. Returns whether that fits what is known. */
  pair(pfn: number, frame: number): boolean {
    const known = this.known(pfn);
    if (known !== undefined) return known === frame;
    const other = this.pairOfFrame.get(frame);
    if (other !== undefined && this.alive(other) && other.pfn !== pfn) return false;
    const pair = { pfn, frame, serial: this.machine.serial[this.machine.head(frame)]! };
    this.pairs.set(pfn, pair);
    this.pairOfFrame.set(frame, pair);
    return true;
  }

  /** Takes over a snapshot: pages, entries, counters. Used for what the program had set up before the recording. */
  adopt(step: Step, label: string): void {
    const proc = this.proc(step.pid);
    for (const pte of step.kernel.pte) {
      const page = pageNumber(pte.addr);
      const watch = step.kernel.pages.find((p) => p.pfn === pte.pfn && p.page !== null);
      this.ensureVma(proc, page, this.kind, label);
      this.adoptEntry(proc, page, pte, watch);
    }
    for (const page of step.kernel.pages) if (page.page !== null) this.adoptWatch(proc, page, label);
    const first = step.kernel.pages.find(
      (p) => p.page !== null && p.refcount > 0 && !p.zeroPage && p.zone !== 'Device',
    );
    if (first !== undefined) {
      this.machine.allocZone = zoneOf(first);
      this.machine.allocNode = first.nid;
    }
    if (step.kernel.mmHasPinned !== 0) this.machine.setProcFlag(proc, MMF_HAS_PINNED);
  }

  /** A watched page that the snapshot shows no entry for: mapped where a later step finds it, or somewhere. */
  private adoptWatch(proc: number, page: RecordedPage, label: string): void {
    const m = this.machine;
    if (this.known(page.pfn) !== undefined || page.refcount === 0) return;
    const mapped = page.mapcount > 0 && page.zeroPage !== true && page.hugeZero !== true;
    if (!mapped) {
      this.adoptPage(proc, page);
      return;
    }
    const bits = page.anon || this.kind === 'shmem' ? { write: 1, dirty: 1 } : { write: 0, dirty: 0 };
    const pte = {
      addr: '0x0',
      present: 1,
      level: page.entireMapcount === 1 || page.hugetlb === true ? 'pmd' : 'pte',
      special: 0,
      ...bits,
    };
    const address = this.addressOf(page.pfn);
    if (address !== undefined) {
      this.ensureVma(proc, address, this.kind, label);
      this.adoptAt(proc, this.vpage(address), address, pte, page);
      return;
    }
    const v = this.spare(0) + page.idxInFolio;
    if (this.anchor >= 0) return;
    this.anchor = v;
    const { flags, file } = this.mapping(this.kind, label);
    m.addVma(proc, this.spare(0), this.spare(0) + Math.max(4, 1 << page.order), flags, file);
    this.adoptAt(proc, v, undefined, pte, page);
  }

  /** Page of the address space at which a step finds the kernel's page. */
  private addressOf(pfn: number): number | undefined {
    for (const step of this.recording.steps) {
      for (const pte of step.kernel.pte) if (pte.pfn === pfn) return pageNumber(pte.addr);
      const at = step.kernel.gotPfns?.indexOf(pfn) ?? -1;
      if (at >= 0 && step.addr !== '0x0' && step.op !== 'memfd_pin_folios') return pageNumber(step.addr) + at;
    }
    // A page that no call took: the one that the calls asked for.
    return this.recording.steps
      .filter((step) => step.addr !== '0x0' && step.kernel.pages.length === 1)
      .map((step) => pageNumber(step.addr))[0];
  }

  private adoptEntry(proc: number, page: number, pte: RecordedPte, watch: RecordedPage | undefined): void {
    const m = this.machine;
    const v = this.vpage(page);
    if (pte.present !== 1 || m.pte(proc, v) !== 0) return;
    if (watch === undefined) {
      this.populate(proc, page, this.kind, '');
      return;
    }
    this.adoptAt(proc, v, page, pte, watch);
  }

  private adoptAt(
    proc: number,
    v: number,
    page: number | undefined,
    pte: RecordedPte,
    watch: RecordedPage,
  ): void {
    const m = this.machine;
    const cached = this.known(watch.pfn);
    if (cached !== undefined && cached !== ZERO_FRAME && pte.special !== 1 && !m.isAnon(m.head(cached))) {
      m.addWord(m.head(cached), FRAME.REF, 1);
      mapPage(m, proc, v, cached, (pte.write === 1 ? PTE.WRITE : 0) | (pte.dirty === 1 ? PTE.DIRTY : 0));
      return;
    }
    const frame = this.adoptPage(proc, watch, page);
    const bits = (pte.write === 1 ? PTE.WRITE : 0) | (pte.dirty === 1 ? PTE.DIRTY : 0);
    const zone = watch.zone === 'Device' ? PTE.DEVMAP : 0;
    if (pte.level === 'pmd') {
      const head = m.head(frame);
      const first = v - (frame - head);
      const special = watch.hugeZero === true ? PTE.SPECIAL : 0;
      for (let i = 0; i < 1 << watch.order; i++)
        m.setPte(proc, first + i, makePte(head + i, bits | PTE.PMD | special));
      return;
    }
    const whole = watch.order > 0 && watch.mapcount === 1 << watch.order;
    const head = m.head(frame);
    const from = whole ? v - (frame - head) : v;
    for (let i = 0; i < (whole ? 1 << watch.order : 1); i++) {
      const at = whole ? head + i : frame;
      m.setPte(proc, from + i, makePte(at, bits | zone | (pte.special === 1 ? PTE.SPECIAL : 0)));
      if (pte.special !== 1 && watch.order > 0) m.setWord(at, FRAME.PAGEMAP, 1);
      if (watch.anonExclusive === 1) m.setFlag(at, PG.anonExclusive);
    }
  }

  /** A folio exactly as recorded. Returns the frame of the watched page. */
  private adoptPage(_proc: number, page: RecordedPage, address?: number): number {
    const m = this.machine;
    const known = this.known(page.pfn);
    if (known !== undefined) return known;
    if (page.zeroPage === true) return this.adoptZeroPage(page);
    if (page.refcount === 0) return -1;
    const head = this.freeRun(1 << page.order);
    initFolio(m, head, page.order, zoneOf(page), page.nid, 0);
    m.set(m.at(head) + FRAME.FLAGS, flagBits(page));
    m.setWord(head, FRAME.REF, page.refcount);
    m.setWord(head, FRAME.MAPCOUNT, page.mapcount);
    m.setWord(head, FRAME.ENTIRE, page.entireMapcount ?? (page.hugetlb === true ? page.mapcount : 0));
    m.setWord(head, FRAME.PIN, page.pincount ?? 0);
    if (page.headAnonExclusive === 1) m.setFlag(head, PG.anonExclusive);
    const frame = head + page.idxInFolio;
    if (page.anonExclusive === 1) m.setFlag(frame, PG.anonExclusive);
    if (page.hugetlb !== true && page.order > 0) m.setWord(frame, FRAME.PAGEMAP, page.pageMapcountField);
    for (let i = 0; i < 1 << page.order; i++) this.pair(page.headPfn + i, head + i);
    if (page.anon === 1 || page.anon === true) m.setWord(head, FRAME.MAPPING, MAPPING_ANON);
    else if (page.mappingNull !== true && page.hugeZero !== true) this.adoptFilePage(head, page, address);
    return frame;
  }

  /** The zero page is everybody's: its flags are what the scenarios before left. */
  adoptZeroPage(page: RecordedPage): number {
    const m = this.machine;
    this.pair(page.pfn, ZERO_FRAME);
    if (this.zeroKnown) return ZERO_FRAME;
    this.zeroKnown = true;
    m.clearFlag(ZERO_FRAME, PG.dirty | PG.referenced);
    m.setFlag(ZERO_FRAME, flagBits(page) & (PG.dirty | PG.referenced));
    return ZERO_FRAME;
  }

  private adoptFilePage(head: number, page: RecordedPage, address: number | undefined): void {
    const m = this.machine;
    const file = page.hugetlb === true ? 2 : 0;
    const proc = 0;
    const vma = address === undefined ? -1 : m.vmaAt(proc, this.vpage(address));
    const index = vma < 0 ? page.index % this.fileSize : m.fileIndex(vma, this.vpage(address!));
    const first = index - page.idxInFolio;
    m.setWord(head, FRAME.MAPPING, MAPPING_FILE + file);
    m.setWord(head, FRAME.INDEX, first);
    for (let i = 0; i < 1 << page.order && first + i < m.filePages(file); i++)
      m.setCached(file, first + i, head + i);
  }

  private freeRun(nr: number): number {
    const m = this.machine;
    let run = 0;
    for (let f = 1; f < m.frames; f++) {
      run = m.ref(f) === 0 && m.flags(f) === 0 ? run + 1 : 0;
      if (run === nr) return f - nr + 1;
    }
    throw new Error('the replay machine is too small');
  }
}

/** Pages that a step shows or asks for. */
function touchedPages(step: Step): number[] {
  const pages: number[] = [];
  for (const pte of step.kernel.pte) pages.push(pageNumber(pte.addr));
  if (step.addr !== '0x0' && step.op !== 'memfd_pin_folios') {
    const first = pageNumber(step.addr);
    for (let i = 0; i < Math.max(1, Math.min(step.nr ?? 1, 4096)); i++) pages.push(first + i);
  }
  return pages.filter((page) => page > 16 && page < USER_PAGES - 1);
}

/** How many pages the program had mapped, where the step's label says so. */
export function mappedByLabel(step: Step): number | null {
  const text = step.step;
  if (/GROWSDOWN/.test(text)) return 0;
  const vma = /over a (\d+)-page VMA/.exec(text) ?? /\((\d+) pages mapped, then a hole\)/.exec(text);
  return vma === null ? null : Number(vma[1]);
}
