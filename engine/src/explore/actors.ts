/** Kernel actors and the device, as transitions beside the driver's. */

import { ERRNO, FRAME, PG, PTE } from '../model/constants.ts';
import { userAccess } from '../model/fault.ts';
import { endWriteback, startWriteback, truncateFile, unmapFileRange, writebackFile } from '../model/file.ts';
import { extraReferences } from '../model/folio.ts';
import { ksmMerge, migrateFolio } from '../model/migrate.ts';
import { exitProcess, fork, forkMustWait, madvisePageout, munmap } from '../model/mm.ts';
import { pteFrame } from '../model/rmap.ts';
import { mappedFrames, reclaimFolio } from '../model/swap.ts';
import { isStale, userControlledHold, writeFrame } from './driver.ts';
import { SLOT, slotFrame, X } from './layout.ts';
import type { Program } from './program.ts';

/** Whether the actor can take its next step in the current state. */
export function actorEnabled(p: Program, actor: number): boolean {
  const kind = p.actors[actor]!;
  const done = p.actorStep(actor);
  if (done >= p.actorSteps[actor]!) return false;
  const m = p.machine;
  switch (kind) {
    case 'fork-parent-write':
      return m.alive(0) && (done > 0 || !forkMustWait(m, 0));
    case 'fork-child-write':
      return done > 0 || (m.alive(0) && !forkMustWait(m, 0));
    case 'munmap':
      return m.alive(0) && !forkMustWait(m, 0);
    case 'store':
    case 'reclaim':
    case 'migrate':
    case 'ksm':
      return m.alive(0);
    case 'truncate':
      return !truncateMustWait(p);
    case 'exit':
      // The task that runs the driver keeps its mm alive: only between two entry points can the process be gone.
      return m.alive(0) && p.betweenEntryPoints;
    case 'writeback':
      return true;
  }
}

/** Truncating a DAX file waits until nobody holds its pages (dax_layout_busy_page()). */
function truncateMustWait(p: Program): boolean {
  if (p.scenario.memory.kind !== 'fsdax' || p.machine.onInvalidate !== null) return false;
  return layoutBusy(p);
}

/** Whether somebody holds a page of the DAX file. */
function layoutBusy(p: Program): boolean {
  const m = p.machine;
  for (let i = 0; i < m.filePages(0); i++) {
    const frame = m.cached(0, i);
    if (frame >= 0 && extraReferences(m, frame) > 0) return true;
  }
  return false;
}

/** Takes the actor's next step. */
export function runActor(p: Program, actor: number): void {
  const m = p.machine;
  const kind = p.actors[actor]!;
  const first = p.actorStep(actor) === 0;
  p.advanceActor(actor);
  const { from, to } = p.memory;
  switch (kind) {
    case 'fork-parent-write':
      if (first) fork(m, 0, p.memory.children[actor]!);
      else store(p, 0, p.storeBits[actor]!);
      return;
    case 'fork-child-write':
      if (first) fork(m, 0, p.memory.children[actor]!);
      else store(p, p.memory.children[actor]!, p.storeBits[actor]!);
      return;
    case 'store':
      store(p, 0, p.storeBits[actor]!);
      return;
    case 'writeback':
      if (p.scenario.slowWriteback === true) slowWriteback(p, first);
      else writebackFile(m, 0);
      return;
    case 'reclaim':
      reclaimBuffer(p, from, to);
      return;
    case 'munmap':
      munmap(m, 0, from, to);
      return;
    case 'truncate':
      truncate(p);
      return;
    case 'migrate':
      migrateBuffer(p, from, to);
      return;
    case 'ksm':
      for (let v = from; v < to; v++) ksmMerge(m, 0, v);
      return;
    case 'exit':
      exitProcess(m, 0);
  }
}

/** Starts the I/O of every dirty page and remembers what the checksums cover, or ends it. */
function slowWriteback(p: Program, start: boolean): void {
  const m = p.machine;
  for (let i = 0; i < m.filePages(0); i++) {
    if (start) p.setChecksum(i, startWriteback(m, 0, i) + 1);
    else endWriteback(m, 0, i);
  }
}

/** Truncation waits for writeback, and on DAX for whoever still holds a page after the callback. */
function truncate(p: Program): void {
  const m = p.machine;
  for (let i = 0; i < m.filePages(0); i++) {
    const frame = m.cached(0, i);
    if (frame >= 0 && (m.flags(m.head(frame)) & PG.writeback) !== 0) m.mustWait = true;
  }
  if (p.scenario.memory.kind === 'fsdax' && m.onInvalidate !== null) {
    unmapFileRange(m, 0, 0, m.fileSize(0));
    if (layoutBusy(p)) m.mustWait = true;
  }
  truncateFile(m, 0, 0);
}

/** The process stores to every page of the buffer. */
function store(p: Program, proc: number, bit: number): void {
  const m = p.machine;
  for (let i = 0; i < p.scenario.memory.mapped; i++) {
    const frame = userAccess(m, proc, p.memory.origin + i, true);
    if (frame >= 0) m.setWord(frame, FRAME.CONTENT, m.word(frame, FRAME.CONTENT) | bit);
  }
}

/** Reclaims what the page tables map and what only the caches still hold. */
function reclaimBuffer(p: Program, from: number, to: number): void {
  const m = p.machine;
  for (let proc = 0; proc < m.processes; proc++) madvisePageout(m, proc, from, to);
  for (let slot = 0; slot < m.swapSlots; slot++)
    if (m.swapCached(slot) >= 0) reclaimFolio(m, m.swapCached(slot));
  if (m.fileCount > 0)
    for (let i = 0; i < m.filePages(0); i++) if (m.cached(0, i) >= 0) reclaimFolio(m, m.head(m.cached(0, i)));
}

/** Migrates the buffer; a hold of the driver across `later` that stops it is remembered. */
function migrateBuffer(p: Program, from: number, to: number): void {
  const m = p.machine;
  const between = p.betweenEntryPoints;
  for (const head of mappedFrames(m, 0, from, to)) {
    if (m.ref(head) <= 0) continue;
    if ((m.flags(head) & PG.writeback) !== 0) m.mustWait = true;
    const ret = migrateFolio(m, head);
    if (ret === -ERRNO.EAGAIN && between) p.events.blocked = userControlledHold(p);
  }
}

/** DMA mapping number `k` (from 0) is active on some slot. */
function deviceSlots(p: Program, k: number): number[] {
  const words: number[] = [];
  for (let i = 0; i < p.slotCount; i++) {
    const word = p.x(X.SLOTS + i);
    if ((word & SLOT.DMA) >> SLOT.DMA_SHIFT === k + 1) words.push(i);
  }
  return words;
}

/** Whether the device can write (`half` 0) or read something wrong (`half` 1) through DMA mapping `k` now. */
export function deviceEnabled(p: Program, k: number, half: 0 | 1): boolean {
  const step = p.steps[p.dmaSteps[k]!]!;
  if (step.op !== 'dma-map' || (!p.extended && p.pc <= p.dmaSteps[k]!)) return false;
  if (step.direction === (half === 0 ? 'to-device' : 'from-device')) return false;
  if ((p.x(X.DEVICE) & (1 << (k + 16 * half))) !== 0) return false;
  const slots = deviceSlots(p, k);
  if (slots.length === 0) return false;
  return half === 0 || slots.some((i) => readsWrong(p, i));
}

/** A device read changes nothing: it matters only where it sees something stale, or a page that was released. */
function readsWrong(p: Program, i: number): boolean {
  const word = p.x(X.SLOTS + i);
  return (word & SLOT.RELEASED) !== 0 || isGone(p, i, word) || isStale(p, slotFrame(word), slotVpage(p, i));
}

/** A user's page that the driver does not hold is its to use only while the process maps it: it may be freed by now. */
function isGone(p: Program, i: number, word: number): boolean {
  if ((word & SLOT.HELD) !== 0 || p.kernelBuffer >= 0) return false;
  const pte = p.machine.pte(0, slotVpage(p, i));
  return (pte & PTE.PRESENT) === 0 || pteFrame(pte) !== slotFrame(word);
}

function slotVpage(p: Program, i: number): number {
  const set = p.sets.findIndex((s) => i >= s.first && i < s.first + s.size);
  return p.slotVpage(set, i - p.sets[set]!.first);
}

/** The device writes or reads every page of DMA mapping `k` at once. */
export function runDevice(p: Program, k: number, half: 0 | 1): void {
  p.setX(X.DEVICE, p.x(X.DEVICE) | (1 << (k + 16 * half)));
  for (const i of deviceSlots(p, k)) {
    const word = p.x(X.SLOTS + i);
    if ((word & SLOT.RELEASED) !== 0 || isGone(p, i, word)) p.events.released = i;
    if (half === 0) writeFrame(p, slotFrame(word), p.writes.get(p.dmaSteps[k]!)!.bit);
    else if (isStale(p, slotFrame(word), slotVpage(p, i)))
      p.events.staleRead = slotVpage(p, i) - p.memory.origin;
  }
}
