/**
 * The machine: one Int32Array that holds everything, and the layout that says where.
 *
 * A state is copied with `slice()`, compared and hashed word by word. Operations (folio.ts, fault.ts, gup.ts …) change
 * it in place, through the machine's own methods, which note what is written; they do no I/O, read no clock and draw no
 * random number, so equal states evolve equally.
 */
import {
  FILE_HEADER,
  FRAME,
  FS,
  type FsName,
  GLOBAL,
  LOG_SIZE,
  MAPPING_ANON,
  PG,
  PROC,
  PROC_ALIVE,
  PTE,
  SWAP_SIZE,
  VM,
  VMA,
  WARN,
  type WarnName,
  ZERO_FRAME,
  ZONE,
  type ZoneName,
} from './constants.ts';

/** A file that processes may map. */
export interface FileSetup {
  readonly fs: FsName;
  /** Size in pages at the start (grows up to `pages`). */
  readonly size: number;
  /** Highest number of pages that the file can have in this run. */
  readonly pages?: number;
}

/** What a machine is sized for. All counts are fixed for its lifetime. */
export interface Setup {
  /** Page frames, the zero page not counted. */
  readonly frames: number;
  /** Processes; number 0 is alive from the start. */
  readonly processes?: number;
  /** Virtual pages of each process. */
  readonly vpages: number;
  /** VMAs of each process. */
  readonly vmas?: number;
  readonly files?: readonly FileSetup[];
  readonly swapSlots?: number;
  /** Pages of a PMD-sized folio; a power of two (512 on x86-64). */
  readonly pmdPages?: number;
  /** Zone that user pages come from unless an allocation is for a long-term pin. */
  readonly zone?: ZoneName;
  /** CONFIG_DEBUG_VM: sanity_check_pinned_pages() is compiled in. */
  readonly debugVm?: boolean;
  /** Further words at the end of the state, for whoever drives the machine. */
  readonly extra?: number;
}

/** All words of a machine, to read: whoever explores states relies on `Machine.set` to know of every write. */
export interface Words {
  readonly [at: number]: number;
  readonly length: number;
  slice(): Int32Array;
}

export class Machine {
  /** The whole state. */
  readonly state: Words;
  /** The same, for whoever puts the machine into a state that it was in before; everybody else writes with set(). */
  readonly words: Int32Array;
  /** Places that set() wrote to since `writes` was 0, in order; it wraps around, so more than LOG_SIZE are lost. */
  readonly log = new Int32Array(LOG_SIZE);
  writes = 0;
  readonly setup: Setup;
  readonly processes: number;
  readonly vpages: number;
  readonly vmas: number;
  readonly frames: number;
  readonly pmdPages: number;
  readonly pmdOrder: number;
  readonly debugVm: boolean;
  readonly fileCount: number;
  readonly swapSlots: number;
  /** First word of each region. */
  readonly procBase: number;
  readonly vmaBase: number;
  readonly pteBase: number;
  readonly fileBase: readonly number[];
  readonly swapBase: number;
  readonly frameBase: number;
  readonly extraBase: number;
  /** Zone and node for allocations; changed by whoever sets the scene. */
  allocZone: number;
  allocNode = 0;
  /**
   * Folios in the per-CPU LRU batch, which hold one reference each; null (the usual case) models a machine that
   * drains at once. Not part of the state: whoever turns it on keeps one run.
   */
  lruBatch: number[] | null = null;
  /**
   * Lowest frame that can be free, where one run uses the machine from its start; 0 where states are loaded from
   * outside, and every allocation looks at all frames.
   */
  lowestFree = 0;
  /** memalloc_pin_save(): allocations avoid MOVABLE and CMA while set. */
  pinScope = 0;
  /**
   * mmu_notifier_invalidate_range_start(): called before entries of [from, to) change, when somebody listens. What it
   * calls may drop references and dirty folios, and changes no page table.
   */
  onInvalidate: ((proc: number, from: number, to: number) => void) | null = null;
  /** The current operation has to wait for somebody else: what it has done so far never happened. */
  mustWait = false;
  /**
   * A long-term pin stops between its pin and its migration, so that others can run there, and sets `paused`; the caller
   * goes on with longtermMigrate().
   */
  pauseBeforeMigration = false;
  paused = false;
  /** mapping_stable_writes() of every file. */
  stableWrites = false;
  /**
   * Plain sentences about what happens, collected while a trace is made; null otherwise. Said as `m.notes?.push(…)`, so
   * that no text is made when nobody reads it.
   */
  notes: string[] | null = null;
  /** Warnings of the current operation, while a trace is made. */
  readonly warnings: string[] = [];
  /** Count of warnings ever printed by this machine (not part of the state). */
  warnCount = 0;
  /** How many times each frame was handed out (not part of the state; for names in traces). */
  readonly serial: Int32Array;

  constructor(setup: Setup) {
    const files = setup.files ?? [];
    this.setup = setup;
    this.processes = setup.processes ?? 1;
    this.vpages = setup.vpages;
    this.vmas = setup.vmas ?? 2;
    this.frames = setup.frames + 1;
    this.pmdPages = setup.pmdPages ?? 512;
    this.pmdOrder = Math.round(Math.log2(this.pmdPages));
    this.debugVm = setup.debugVm ?? false;
    this.fileCount = files.length;
    this.swapSlots = setup.swapSlots ?? 0;
    this.allocZone = ZONE[setup.zone ?? 'normal'];
    this.procBase = GLOBAL.SIZE;
    this.vmaBase = this.procBase + this.processes * PROC.SIZE;
    this.pteBase = this.vmaBase + this.processes * this.vmas * VMA.SIZE;
    let at = this.pteBase + this.processes * this.vpages;
    const fileBase: number[] = [];
    for (const file of files) {
      fileBase.push(at);
      at += FILE_HEADER + 2 * (file.pages ?? file.size);
    }
    this.fileBase = fileBase;
    this.swapBase = at;
    this.frameBase = at + this.swapSlots * SWAP_SIZE;
    this.extraBase = this.frameBase + this.frames * FRAME.SIZE;
    this.words = new Int32Array(this.extraBase + (setup.extra ?? 0));
    this.state = this.words;
    this.serial = new Int32Array(this.frames);
    for (const [i, file] of files.entries()) {
      this.set(fileBase[i]!, FS[file.fs]);
      this.set(fileBase[i]! + 1, file.size);
    }
    this.set(this.procBase + PROC.FLAGS, PROC_ALIVE);
    const zero = this.frameBase + ZERO_FRAME * FRAME.SIZE;
    this.set(zero + FRAME.REF, 1);
    this.set(zero + FRAME.FLAGS, PG.zero | PG.reserved);
  }

  /** Writes one word. All writes end here, so that the log has them. */
  set(at: number, value: number): void {
    const { log } = this;
    log[this.writes & (log.length - 1)] = at;
    this.writes = (this.writes + 1) | 0;
    this.words[at] = value;
  }
  /** Adds to one word; returns what it is then. */
  add(at: number, delta: number): number {
    this.set(at, this.words[at]! + delta);
    return this.words[at]!;
  }
  /** Clears words [from, to). */
  clear(from: number, to: number): void {
    for (let at = from; at < to; at++) if (this.words[at] !== 0) this.set(at, 0);
  }

  /** First word of a frame. */
  at(frame: number): number {
    return this.frameBase + frame * FRAME.SIZE;
  }
  /** page_folio(): the frame number of the head. */
  head(frame: number): number {
    const at = this.frameBase + frame * FRAME.SIZE;
    return (this.words[at + FRAME.FLAGS]! & PG.tail) === 0 ? frame : frame - this.words[at + FRAME.SHAPE]!;
  }
  order(head: number): number {
    return this.words[this.frameBase + head * FRAME.SIZE + FRAME.SHAPE]! & 0xff;
  }
  zone(head: number): number {
    return (this.words[this.frameBase + head * FRAME.SIZE + FRAME.SHAPE]! >> 8) & 0xf;
  }
  node(head: number): number {
    return (this.words[this.frameBase + head * FRAME.SIZE + FRAME.SHAPE]! >> 12) & 0xf;
  }
  ref(head: number): number {
    return this.words[this.frameBase + head * FRAME.SIZE + FRAME.REF]!;
  }
  flags(frame: number): number {
    return this.words[this.frameBase + frame * FRAME.SIZE + FRAME.FLAGS]!;
  }
  setFlag(frame: number, bits: number): void {
    const at = this.frameBase + frame * FRAME.SIZE + FRAME.FLAGS;
    this.set(at, this.words[at]! | bits);
  }
  clearFlag(frame: number, bits: number): void {
    const at = this.frameBase + frame * FRAME.SIZE + FRAME.FLAGS;
    this.set(at, this.words[at]! & ~bits);
  }
  word(frame: number, field: number): number {
    return this.words[this.frameBase + frame * FRAME.SIZE + field]!;
  }
  setWord(frame: number, field: number, value: number): void {
    this.set(this.frameBase + frame * FRAME.SIZE + field, value);
  }
  addWord(frame: number, field: number, delta: number): number {
    return this.add(this.frameBase + frame * FRAME.SIZE + field, delta);
  }
  isAnon(head: number): boolean {
    return this.word(head, FRAME.MAPPING) === MAPPING_ANON;
  }

  pte(proc: number, vpage: number): number {
    return this.words[this.pteBase + proc * this.vpages + vpage]!;
  }
  setPte(proc: number, vpage: number, value: number): void {
    this.set(this.pteBase + proc * this.vpages + vpage, value);
  }

  /** Page table entry number proc * vpages + vpage, and its two parts. */
  entry(e: number): number {
    return this.words[this.pteBase + e]!;
  }
  procOf(e: number): number {
    let proc = 0;
    for (let rest = e; rest >= this.vpages; rest -= this.vpages) proc++;
    return proc;
  }
  vpageOf(e: number): number {
    return e - this.procOf(e) * this.vpages;
  }

  procFlags(proc: number): number {
    return this.words[this.procBase + proc * PROC.SIZE]!;
  }
  setProcFlag(proc: number, bits: number): void {
    const at = this.procBase + proc * PROC.SIZE;
    this.set(at, this.words[at]! | bits);
  }
  clearProcFlag(proc: number, bits: number): void {
    const at = this.procBase + proc * PROC.SIZE;
    this.set(at, this.words[at]! & ~bits);
  }
  alive(proc: number): boolean {
    return (this.procFlags(proc) & PROC_ALIVE) !== 0;
  }

  /** First word of the VMA that holds `vpage`, or -1. Source: vma_lookup(). */
  vmaAt(proc: number, vpage: number): number {
    let at = this.vmaBase + proc * this.vmas * VMA.SIZE;
    const s = this.words;
    for (let i = 0; i < this.vmas; i++, at += VMA.SIZE)
      if (s[at + VMA.START]! <= vpage && vpage < s[at + VMA.END]!) return at;
    return -1;
  }
  vma(proc: number, i: number): number {
    return this.vmaBase + (proc * this.vmas + i) * VMA.SIZE;
  }
  /** Adds a VMA; `file` is a file number or -1. Throws when the setup has too few VMA slots. */
  addVma(proc: number, start: number, end: number, flags: number, file = -1, pgoff = 0): number {
    for (let i = 0; i < this.vmas; i++) {
      const at = this.vma(proc, i);
      if (this.words[at + VMA.START] !== this.words[at + VMA.END]) continue;
      this.set(at + VMA.START, start);
      this.set(at + VMA.END, end);
      this.set(at + VMA.FLAGS, flags);
      this.set(at + VMA.FILE, file + 1);
      this.set(at + VMA.PGOFF, pgoff);
      return at;
    }
    throw new RangeError(`process ${proc} needs more than ${this.vmas} VMAs`);
  }
  /** File number behind a VMA, or -1. */
  vmaFile(vma: number): number {
    return this.words[vma + VMA.FILE]! - 1;
  }
  vmaFlags(vma: number): number {
    return this.words[vma + VMA.FLAGS]!;
  }
  /** Index in the file of a page of the VMA. */
  fileIndex(vma: number, vpage: number): number {
    return vpage - this.words[vma + VMA.START]! + this.words[vma + VMA.PGOFF]!;
  }

  fs(file: number): number {
    return this.words[this.fileBase[file]!]!;
  }
  fileSize(file: number): number {
    return this.words[this.fileBase[file]! + 1]!;
  }
  setFileSize(file: number, pages: number): void {
    this.set(this.fileBase[file]! + 1, pages);
  }
  /** Number of pages that the layout has room for in this file. */
  filePages(file: number): number {
    const spec = this.setup.files![file]!;
    return spec.pages ?? spec.size;
  }
  /** Frame in the page cache, or -1. */
  cached(file: number, index: number): number {
    return this.words[this.fileBase[file]! + FILE_HEADER + 2 * index]! - 1;
  }
  setCached(file: number, index: number, frame: number): void {
    this.set(this.fileBase[file]! + FILE_HEADER + 2 * index, frame + 1);
  }
  backing(file: number, index: number): number {
    return this.words[this.fileBase[file]! + FILE_HEADER + 2 * index + 1]!;
  }
  setBacking(file: number, index: number, content: number): void {
    this.set(this.fileBase[file]! + FILE_HEADER + 2 * index + 1, content);
  }

  swapContent(slot: number): number {
    return this.words[this.swapBase + slot * SWAP_SIZE]!;
  }
  setSwapContent(slot: number, content: number): void {
    this.set(this.swapBase + slot * SWAP_SIZE, content);
  }
  /** Page table entries that refer to a swap slot. */
  swapUsers(slot: number): number {
    return this.words[this.swapBase + slot * SWAP_SIZE + 1]!;
  }
  addSwapUsers(slot: number, delta: number): void {
    this.add(this.swapBase + slot * SWAP_SIZE + 1, delta);
  }
  /** Frame in the swap cache for a slot, or -1. */
  swapCached(slot: number): number {
    return this.words[this.swapBase + slot * SWAP_SIZE + 2]! - 1;
  }
  setSwapCached(slot: number, frame: number): void {
    this.set(this.swapBase + slot * SWAP_SIZE + 2, frame + 1);
  }

  get acquired(): number {
    return this.words[GLOBAL.ACQUIRED]!;
  }
  get released(): number {
    return this.words[GLOBAL.RELEASED]!;
  }

  /** mmu_notifier_invalidate_range_start() for virtual pages [from, to) of a process. */
  invalidate(proc: number, from: number, to: number): void {
    this.onInvalidate?.(proc, from, to);
  }

  /** WARN_ON(): remembers the place and, in a trace, the text. */
  warn(name: WarnName): void {
    this.set(GLOBAL.WARNED, this.words[GLOBAL.WARNED]! | WARN[name].bit);
    this.warnCount++;
    if (this.notes !== null) this.warnings.push(WARN[name].text);
  }
}

/** A machine with nothing mapped. Process 0 is alive. */
export function createMachine(setup: Setup): Machine {
  return new Machine(setup);
}

/** vm_flags of an ordinary mapping. */
export function protection(writable: boolean, shared: boolean): number {
  return VM.READ | VM.MAYREAD | VM.MAYWRITE | (writable ? VM.WRITE : 0) | (shared ? VM.SHARED : 0);
}

/** Whether a present page table entry maps the zero page. */
export function isZeroPte(pte: number): boolean {
  return (pte & PTE.PRESENT) !== 0 && pte >> PTE.SHIFT === ZERO_FRAME;
}
