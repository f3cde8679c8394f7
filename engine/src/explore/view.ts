/** States as people read them: folios with names, page tables, counters. */

import { FRAME, FS, PG, PTE, ZERO_FRAME } from '../model/constants.ts';
import { folioMaybeDmaPinned, folioPages } from '../model/folio.ts';
import { pteFrame } from '../model/rmap.ts';
import type { FolioView, Snapshot } from '../protocol/trace.ts';
import { SLOT, slotFrame, X } from './layout.ts';
import type { Program } from './program.ts';

/** Names of folios in one trace: A, B … in order of first appearance, a reused frame getting a new one. */
export class FolioNames {
  private readonly names = new Map<string, string>();
  private readonly program: Program;

  constructor(program: Program) {
    this.program = program;
  }

  of(frame: number): string {
    const m = this.program.machine;
    const head = m.head(frame);
    if (head === ZERO_FRAME) return 'zero';
    const key = `${head}/${m.serial[head]}`;
    let name = this.names.get(key);
    if (name === undefined) {
      name = letters(this.names.size);
      this.names.set(key, name);
    }
    return name;
  }

  /** Replaces the model's `folio#7` by `folio C`. */
  inText(text: string): string {
    return text.replace(/folio#(\d+)/g, (_all, frame: string) =>
      Number(frame) === ZERO_FRAME ? 'the zero page' : `folio ${this.of(Number(frame))}`,
    );
  }
}

function letters(n: number): string {
  const letter = String.fromCharCode(65 + (n % 26));
  return n < 26 ? letter : letters(Math.floor(n / 26) - 1) + letter;
}

/** Content bits in words: `old`, `old + driver#1`, or `zeroes`. */
export function contentText(p: Program, content: number): string {
  const parts = p.contentNames.filter((_name, bit) => (content & (1 << bit)) !== 0);
  return parts.length === 0 ? 'zeroes' : parts.join(' + ');
}

export function processLabel(proc: number): string {
  if (proc === 0) return 'process';
  return proc === 1 ? 'child' : `child${proc}`;
}

const SHOWN_FLAGS = [
  'dirty',
  'writeback',
  'locked',
  'lru',
  'uptodate',
  'swapcache',
  'hugetlb',
  'ksm',
  'private',
  'bad',
] as const;

/** The whole state between two steps. */
export function snapshot(p: Program, names: FolioNames): Snapshot {
  const m = p.machine;
  const shown: FolioView[] = [];
  for (const head of interesting(p)) shown.push(folioView(p, head, names));
  shown.sort((a, b) =>
    a.name.length - b.name.length !== 0 ? a.name.length - b.name.length : a.name < b.name ? -1 : 1,
  );
  const backing: string[] = [];
  if (m.fileCount > 0 && m.fs(0) !== FS.shmem)
    for (let i = 0; i < m.filePages(0); i++)
      backing.push(i < m.fileSize(0) ? contentText(p, storedContent(p, i)) : 'truncated');
  return {
    folios: shown,
    vmstat: { acquired: m.acquired, released: m.released },
    ...(backing.length === 0 ? {} : { backing }),
  };
}

/** What storage holds; for DAX the mapped page is the storage. */
function storedContent(p: Program, index: number): number {
  const m = p.machine;
  const frame = m.fs(0) === FS.fsdax ? m.cached(0, index) : -1;
  return frame >= 0 ? m.word(frame, FRAME.CONTENT) : m.backing(0, index);
}

/** Folios in use, in order of the pages of the buffer that they back, then by frame. */
function interesting(p: Program): number[] {
  const m = p.machine;
  const heads: number[] = [];
  const add = (frame: number): void => {
    const head = m.head(frame);
    if (!heads.includes(head)) heads.push(head);
  };
  for (let proc = 0; proc < m.processes; proc++)
    for (let v = 0; v < m.vpages; v++)
      if ((m.pte(proc, v) & PTE.PRESENT) !== 0) add(pteFrame(m.pte(proc, v)));
  for (let i = 0; i < p.slotCount; i++) {
    const frame = slotFrame(p.x(X.SLOTS + i));
    if (frame >= 0) add(frame);
  }
  for (let f = 1; f < m.frames; f++) if (m.ref(f) !== 0 && (m.flags(f) & PG.tail) === 0) add(f);
  return heads;
}

function folioView(p: Program, head: number, names: FolioNames): FolioView {
  const m = p.machine;
  const order = m.order(head);
  const nr = folioPages(m, head);
  const flags: string[] = SHOWN_FLAGS.filter((name) => (m.flags(head) & PG[name]) !== 0);
  if (m.ref(head) === 0) flags.push('freed');
  const contents: string[] = [];
  for (let i = 0; i < nr; i++) {
    const text = contentText(p, m.word(head + i, FRAME.CONTENT));
    if (!contents.includes(text)) contents.push(text);
    if ((m.flags(head + i) & PG.anonExclusive) !== 0 && !flags.includes('anon-exclusive'))
      flags.push('anon-exclusive');
  }
  return {
    name: names.of(head),
    order,
    refcount: m.ref(head),
    mapcount: m.word(head, FRAME.MAPCOUNT),
    pincount: order > 0 ? m.word(head, FRAME.PIN) : null,
    maybeDmaPinned: folioMaybeDmaPinned(m, head),
    flags,
    content: contents.join(' | '),
    mappedBy: mappings(p, head, nr),
    held: heldBy(p, head),
  };
}

function mappings(p: Program, head: number, nr: number): string[] {
  const m = p.machine;
  const mappedBy: string[] = [];
  // A huge page may reach beyond the buffer: only the buffer's pages are named.
  const { origin } = p.memory;
  for (let proc = 0; proc < m.processes; proc++)
    for (let v = origin; v < origin + p.scenario.memory.pages; v++) {
      const pte = m.pte(proc, v);
      if ((pte & PTE.PRESENT) === 0 || pteFrame(pte) < head || pteFrame(pte) >= head + nr) continue;
      mappedBy.push(`${processLabel(proc)}:${v - origin}`);
    }
  return mappedBy;
}

function heldBy(p: Program, head: number): number {
  let held = 0;
  for (let i = 0; i < p.slotCount; i++) {
    const word = p.x(X.SLOTS + i);
    if ((word & SLOT.HELD) !== 0 && p.machine.head(slotFrame(word)) === head) held++;
  }
  return held;
}
