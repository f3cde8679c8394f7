/** The driver's steps, executed: calls with whatever arguments the driver passes, right or wrong. */

import { ERRNO, FRAME, FS, PG, PTE, ZONE } from '../model/constants.ts';
import { userAccess } from '../model/fault.ts';
import { fileOf } from '../model/file.ts';
import { folioMaybeDmaPinned, folioPages, freePage, getPage, gupPutFolio, putPage } from '../model/folio.ts';
import { longtermMigrate } from '../model/gup.ts';
import {
  getUserPages,
  getUserPagesFast,
  getUserPagesFastOnly,
  getUserPagesRemote,
  getUserPagesUnlocked,
  iovIterExtractPages,
  iovIterGetPages2,
  memfdPinFolios,
  pinUserPages,
  pinUserPagesFast,
  pinUserPagesRemote,
  pinUserPagesUnlocked,
} from '../model/gup-api.ts';
import { mmapLock } from '../model/mm.ts';
import { nextMapping } from '../model/rmap.ts';
import {
  setPageDirty,
  unpinUserPage,
  unpinUserPageRangeDirtyLock,
  unpinUserPages,
  unpinUserPagesDirtyLock,
} from '../model/unpin.ts';
import { FOLL } from '../protocol/flags.ts';
import type {
  AcquireStep,
  BioReleaseStep,
  DirtyStep,
  DriverStep,
  HmmFaultStep,
  IfStep,
  ReleaseStep,
  Slots,
} from '../protocol/steps.ts';
import { DISCARDED, seenContent } from './content.ts';
import { EXTRA, SLOT, slotFrame, X } from './layout.ts';
import { isKernelBuffer } from './memory.ts';
import { lockHolder, setCollided, tick } from './notifier.ts';
import { isLongterm, isPinApi, type Program, type RegisterSite, type StepRange } from './program.ts';

/**
 * Executes the next step of a thread of the driver. Returns false when an acquire's result is not the one that the
 * witness assumes.
 */
export function runDriver(p: Program, thread = 0): boolean {
  const index = p.pcOf(thread);
  const step = p.steps[index]!;
  const probes = p.registers.length > 0;
  if (probes && index === p.threads[thread]!.first) probe(p, thread, -1);
  p.lastStep = index;
  p.running = thread;
  p.next = index + 1;
  p.setPc(thread, index + 1);
  const matched = execute(p, step, index);
  if (p.extended) {
    p.setPc(thread, p.next);
    tick(p);
  }
  if (probes) probe(p, thread, index - p.threads[thread]!.first);
  return matched;
}

/** Runs one step of the invalidate callback. */
export function runCallbackStep(p: Program, index: number): void {
  execute(p, p.steps[index]!, index);
}

/** Sets the registers that are read right after step `index` of a thread. */
function probe(p: Program, thread: number, index: number): void {
  for (const [i, site] of p.registers.entries())
    if (site.after === index && (site.second === true) === (thread === 1))
      p.setRegister(i, probeValue(p, site));
}

function probeValue(p: Program, site: RegisterSite): number {
  const m = p.machine;
  if (site.probe === 'return') return p.ret ?? 0;
  if (site.probe === 'iov_iter_extract_will_pin') return isKernelBuffer(p.scenario.memory) ? 0 : 1;
  if (site.probe === 'nr_foll_pin_acquired') return m.acquired;
  if (site.probe === 'nr_foll_pin_released') return m.released;
  const frame = slotFrame(p.slot(site.set, site.slot));
  if (frame < 0) return 0;
  const head = m.head(frame);
  switch (site.probe) {
    case 'page_ref_count':
      return m.ref(head);
    case 'folio_mapcount':
      return m.word(head, FRAME.MAPCOUNT);
    case 'folio_pincount':
      return m.word(head, FRAME.PIN);
    case 'folio_maybe_dma_pinned':
      return folioMaybeDmaPinned(m, head) ? 1 : 0;
  }
}

function execute(p: Program, step: DriverStep, index: number): boolean {
  switch (step.op) {
    case 'acquire':
      return acquire(p, step);
    case 'access':
      access(p, step, index);
      return true;
    case 'dma-map':
      dmaMap(p, step, p.dmaSteps.indexOf(index) + 1);
      return true;
    case 'dma-unmap':
      dmaMap(p, step, 0);
      return true;
    case 'dirty':
      dirty(p, step);
      return true;
    case 'release':
      release(p, step);
      return true;
    case 'mmap-lock':
      mmapLock(p.machine, 0, 1);
      return true;
    case 'mmap-unlock':
      mmapLock(p.machine, 0, -1);
      return true;
    case 'later':
      // A callback gives the pages back when somebody wants to move them.
      if (!p.actors.includes('migrate') && p.machine.onInvalidate === null)
        p.events.blocked = userControlledHold(p);
      return true;
    case 'return':
      return true;
    case 'notifier-insert':
    case 'notifier-remove':
      p.setExtra(EXTRA.NOTIFIER, step.op === 'notifier-insert');
      return true;
    case 'read-begin':
    case 'set-seq':
      setCollided(p, step.op === 'set-seq');
      return true;
    case 'driver-lock':
    case 'driver-unlock':
      driverLock(p, step.op === 'driver-lock');
      return true;
    case 'hmm-fault':
      hmmFault(p, step);
      return true;
    case 'if':
      if (conditionHolds(p, step) === (step.negated === true)) p.next += step.body;
      return true;
    case 'goto':
      p.next = listOf(p, index).first + step.to;
      return true;
    case 'bio-release':
      bioRelease(p, step);
      return true;
    default:
      return unreachable(step);
  }
}

function unreachable(step: never): never {
  throw new Error(`unknown step ${JSON.stringify(step)}`);
}

/** The list of steps that a step belongs to: jumps count from its start. */
function listOf(p: Program, index: number): StepRange {
  return p.threads.find((range) => index >= range.first && index < range.end) ?? p.callback;
}

/** In the callback the lock is free: listen() has seen to that, and nobody runs beside it. */
function driverLock(p: Program, take: boolean): void {
  if (p.inCallback) return;
  if (take && lockHolder(p) >= 0) {
    if (lockHolder(p) === p.running) p.machine.warn('recursiveLock');
    else p.machine.mustWait = true;
    return;
  }
  p.setExtra(EXTRA.LOCKED << p.running, take);
}

function conditionHolds(p: Program, step: IfStep): boolean {
  switch (step.condition) {
    case 'read-retry':
      return p.hasExtra(EXTRA.COLLIDED);
    case 'will-pin':
      return !isKernelBuffer(p.scenario.memory);
    case 'dma-mapped':
      for (let i = step.from; i < step.from + step.count; i++)
        if ((p.slot(step.set, i) & SLOT.DMA) === 0) return false;
      return true;
  }
}

/** hmm_range_fault(): faults in what is missing or not writable. The pages are not held. */
function hmmFault(p: Program, step: HmmFaultStep): void {
  const m = p.machine;
  const start = p.memory.origin + (step.page ?? 0);
  p.ret = 0;
  for (let i = 0; i < p.sets[step.set]!.size; i++) p.setSlot(step.set, i, 0);
  const frames: number[] = [];
  for (let v = start; v < start + step.nr && p.ret === 0; v++) {
    if (p.hasExtra(EXTRA.COLLIDED)) p.ret = -ERRNO.EBUSY;
    else {
      const frame = userAccess(m, 0, v, step.write);
      if (frame < 0) p.ret = frame;
      else frames.push(frame);
    }
  }
  // A fault of this very call may have invalidated the range.
  if (p.ret === 0 && p.hasExtra(EXTRA.COLLIDED)) p.ret = -ERRNO.EBUSY;
  if (p.ret === 0) for (const [i, frame] of frames.entries()) p.setSlot(step.set, i, frame + 1);
}

/** bio_release_pages(): BIO_PAGE_PINNED is set when iov_iter_extract_pages() pinned, and for nothing else. */
function bioRelease(p: Program, step: BioReleaseStep): void {
  const filled = p.steps.some(
    (s) => s.op === 'acquire' && s.set === step.set && s.api === 'iov_iter_extract_pages',
  );
  if (!filled || isKernelBuffer(p.scenario.memory)) return;
  release(p, { ...step, op: 'release', api: 'unpin_user_pages_dirty_lock' });
}

/** The pages of a kernel buffer: extracted without any hold, or (ITER_BVEC only) with a reference each. */
function kernelIterator(p: Program, step: AcquireStep): number {
  const { kind, mapped } = p.scenario.memory;
  const first = step.page ?? 0;
  const nr = Math.max(0, Math.min(step.nr, mapped - first));
  if (step.api === 'iov_iter_get_pages2' && kind === 'kvec') return -ERRNO.EFAULT;
  for (let i = 0; i < nr; i++) {
    p.buffer[i] = p.kernelBuffer + first + i;
    if (step.api === 'iov_iter_get_pages2') getPage(p.machine, p.buffer[i]!);
  }
  return nr;
}

function call(p: Program, step: AcquireStep): number {
  const m = p.machine;
  if (isKernelBuffer(p.scenario.memory) && step.api.startsWith('iov_iter_')) return kernelIterator(p, step);
  const start = p.memory.origin + (step.page ?? 0);
  const pages = step.nullPages === true ? null : p.buffer;
  switch (step.api) {
    case 'get_user_pages':
      return getUserPages(m, 0, start, step.nr, step.flags, pages);
    case 'get_user_pages_fast':
      return getUserPagesFast(m, 0, start, step.nr, step.flags, pages);
    case 'get_user_pages_fast_only':
      return getUserPagesFastOnly(m, 0, start, step.nr, step.flags, pages);
    case 'get_user_pages_remote':
      return getUserPagesRemote(m, 0, start, step.nr, step.flags, pages);
    case 'get_user_pages_unlocked':
      return getUserPagesUnlocked(m, 0, start, step.nr, step.flags, pages);
    case 'pin_user_pages':
      return pinUserPages(m, 0, start, step.nr, step.flags, pages);
    case 'pin_user_pages_fast':
      return pinUserPagesFast(m, 0, start, step.nr, step.flags, pages);
    case 'pin_user_pages_remote':
      return pinUserPagesRemote(m, 0, start, step.nr, step.flags, pages);
    case 'pin_user_pages_unlocked':
      return pinUserPagesUnlocked(m, 0, start, step.nr, step.flags, pages);
    case 'memfd_pin_folios': {
      const first = step.page ?? 0;
      const file = m.fileCount > 0 ? 0 : -1;
      return memfdPinFolios(m, file, first, first + step.nr - 1, p.buffer, step.nr);
    }
    case 'iov_iter_get_pages2':
      return iovIterGetPages2(m, 0, start, step.nr, (step.flags & FOLL.WRITE) !== 0, p.buffer);
    case 'iov_iter_extract_pages':
      return iovIterExtractPages(m, 0, start, step.nr, (step.flags & FOLL.WRITE) !== 0, p.buffer);
  }
}

function acquire(p: Program, step: AcquireStep): boolean {
  const ret =
    p.threads.length > 1 && !p.inCallback && isLongterm(step) ? longtermHalf(p, step) : repeatedCall(p, step);
  p.ret = ret;
  if (step.nullPages !== true) {
    const borrowed = isKernelBuffer(p.scenario.memory) && step.api === 'iov_iter_extract_pages';
    const kind =
      (borrowed ? 0 : SLOT.HELD) |
      (isPinApi(step.api) && !borrowed ? SLOT.PIN : 0) |
      (isLongterm(step) ? SLOT.LONGTERM : 0);
    const size = p.sets[step.set]!.size;
    for (let i = 0; i < size; i++) p.setSlot(step.set, i, i < ret ? (p.buffer[i]! + 1) | kind : 0);
  }
  // Inside the call nothing has been returned yet.
  if (p.next === p.lastStep) return true;
  if (step.expect === undefined || step.expect === ret) return true;
  p.refusal = `${step.api}() returned ${ret} where the path assumes ${step.expect}`;
  return false;
}

function repeatedCall(p: Program, step: AcquireStep): number {
  let ret = call(p, step);
  for (let i = 1; i < (step.times ?? 1); i++) ret = call(p, step);
  return ret;
}

/**
 * One half of a long-term pin's round, with another thread about: the pin where the page is, or its migration, which
 * the other's pin of the same page prevents. Returns the pages that are pinned now, or -errno.
 */
function longtermHalf(p: Program, step: AcquireStep): number {
  const m = p.machine;
  const bit = EXTRA.PINNING << p.running;
  let ret: number;
  if (!p.hasExtra(bit)) {
    m.pauseBeforeMigration = true;
    m.paused = false;
    ret = call(p, step);
    m.pauseBeforeMigration = false;
    if (!m.paused) return ret;
    p.setExtra(bit, true);
    m.notes?.push('the pages are pinned where they are; next they are to be migrated');
  } else {
    let pinned = 0;
    while (pinned < step.nr && (p.slot(step.set, pinned) & SLOT.HELD) !== 0) {
      p.buffer[pinned] = slotFrame(p.slot(step.set, pinned));
      pinned++;
    }
    m.pinScope++;
    ret = longtermMigrate(m, p.buffer, 0, pinned);
    m.pinScope--;
    p.setExtra(bit, false);
    if (ret !== -ERRNO.EAGAIN) return ret;
  }
  // The call goes on: with the migration, or with the next pin.
  p.next = p.lastStep;
  return ret;
}

/** Visits the slots of a step that hold or held a page; reports uses of empty and of released slots. */
function forSlots(p: Program, slots: Slots, visit: (word: number, index: number) => void): void {
  for (let i = slots.from; i < slots.from + slots.count; i++) {
    const word = p.slot(slots.set, i);
    if (slotFrame(word) < 0) {
      p.events.unfilled = i;
      return;
    }
    if ((word & SLOT.RELEASED) !== 0) p.events.released = i;
    visit(word, i);
  }
}

function access(p: Program, step: Slots & { readonly mode: 'read' | 'write' }, index: number): void {
  forSlots(p, step, (word, i) => {
    if (step.mode === 'write') writeFrame(p, slotFrame(word), p.writes.get(index)!.bit);
    else readFrame(p, slotFrame(word), p.slotVpage(step.set, i));
  });
}

/** The driver or its device writes: the bytes land in the frame that it holds, whoever maps that now. */
export function writeFrame(p: Program, frame: number, bit: number): void {
  const m = p.machine;
  m.setWord(frame, FRAME.CONTENT, m.word(frame, FRAME.CONTENT) | bit);
  p.noteWritten(bit);
}

/** The driver or its device reads: stale when the process has stored something that this frame does not hold. */
export function readFrame(p: Program, frame: number, vpage: number): void {
  if (isStale(p, frame, vpage)) p.events.staleRead = vpage - p.memory.origin;
}

export function isStale(p: Program, frame: number, vpage: number): boolean {
  const m = p.machine;
  const seen = seenContent(m, 0, vpage);
  if (seen === DISCARDED) return false;
  let stores = 0;
  for (const bit of p.storeBits) stores |= bit;
  return (seen & stores & ~m.word(frame, FRAME.CONTENT)) !== 0;
}

function dmaMap(p: Program, slots: Slots, mapping: number): void {
  forSlots(p, slots, (word, i) => {
    p.setSlot(slots.set, i, (word & ~SLOT.DMA) | (mapping << SLOT.DMA_SHIFT));
  });
  // Unmapping after the release is a use of a handle, not of the page.
  if (mapping === 0) p.events.released = -1;
}

function dirty(p: Program, step: DirtyStep): void {
  forSlots(p, step, (word) => markDirty(p, slotFrame(word)));
}

/** set_page_dirty() by the driver; remembers when the file system was not told by page_mkwrite(). */
function markDirty(p: Program, frame: number): void {
  noteDirtied(p, frame);
  setPageDirty(p.machine, frame);
}

function noteDirtied(p: Program, frame: number): void {
  const m = p.machine;
  const head = m.head(frame);
  const where = fileOf(m, head);
  if (where === null || m.fs(where.file) !== FS.ext4 || (m.flags(head) & PG.dirty) !== 0) return;
  const nr = folioPages(m, head);
  for (let e = nextMapping(m, head, nr, 0); e >= 0; e = nextMapping(m, head, nr, e + 1))
    if ((m.entry(e) & PTE.WRITE) !== 0) return;
  p.events.behind = head;
}

function release(p: Program, step: ReleaseStep): void {
  const m = p.machine;
  if (step.count <= 0) {
    releaseNothing(p, step);
    return;
  }
  const single = step.api === 'unpin_user_folio' || step.api === 'unpin_user_page_range_dirty_lock';
  // These two take one page and a count: the other slots of the set are not looked at.
  const looked = single ? { ...step, count: 1 } : step;
  const frames: number[] = [];
  forSlots(p, looked, (word) => {
    frames.push(slotFrame(word));
  });
  // A second release is judged by what it does to the counts, not as a use.
  p.events.released = -1;
  if (p.events.unfilled >= 0) return;
  if (step.makeDirty === true) for (const frame of frames) noteDirtied(p, frame);
  for (let i = 0; i < step.count; i++) {
    const word = p.slot(step.set, step.from + i);
    if (word !== 0) p.setSlot(step.set, step.from + i, (word & ~SLOT.HELD) | SLOT.RELEASED);
  }
  switch (step.api) {
    case 'put_page':
    case 'folio_put':
    case 'release_pages':
      for (const frame of frames) putPage(m, frame);
      return;
    case '__free_page':
      for (const frame of frames) freePage(m, frame);
      return;
    case 'unpin_user_page':
      for (const frame of frames) unpinUserPage(m, frame);
      return;
    case 'unpin_folio':
    case 'unpin_folios':
      for (const frame of frames) gupPutFolio(m, m.head(frame), 1, FOLL.PIN);
      return;
    case 'unpin_user_pages':
      unpinUserPages(m, frames, 0, frames.length);
      return;
    case 'unpin_user_pages_dirty_lock':
      unpinUserPagesDirtyLock(m, frames, 0, frames.length, step.makeDirty === true);
      return;
    case 'unpin_user_folio':
      gupPutFolio(m, m.head(frames[0]!), step.count, FOLL.PIN);
      return;
    case 'unpin_user_page_range_dirty_lock':
      if (frames[0]! + step.count > m.frames) p.events.unfilled = step.from + 1;
      else unpinUserPageRangeDirtyLock(m, frames[0]!, step.count, step.makeDirty === true);
  }
}

/** A count of 0 or an error number: the driver's own loops and release_pages() run zero times, the others check. */
function releaseNothing(p: Program, step: ReleaseStep): void {
  const m = p.machine;
  if (step.count === 0) return;
  if (step.api === 'unpin_user_pages' || step.api === 'unpin_folios') unpinUserPages(m, [], 0, step.count);
  else if (step.api === 'unpin_user_pages_dirty_lock')
    unpinUserPagesDirtyLock(m, [], 0, step.count, step.makeDirty === true);
  else if (step.api === 'unpin_user_page_range_dirty_lock') m.warn('oops');
  else if (step.api === 'unpin_user_folio') {
    const word = p.slot(step.set, step.from);
    if (slotFrame(word) >= 0) gupPutFolio(m, m.head(slotFrame(word)), step.count, FOLL.PIN);
    else p.events.unfilled = step.from;
  }
}

/**
 * Frame of a folio in ZONE_MOVABLE, CMA or DAX memory that the driver holds without FOLL_LONGTERM across `later`, that
 * is for as long as userspace likes; -1 when there is none.
 */
export function userControlledHold(p: Program): number {
  const m = p.machine;
  for (let i = 0; i < p.slotCount; i++) {
    const word = p.x(X.SLOTS + i);
    if ((word & SLOT.HELD) === 0 || (word & SLOT.LONGTERM) !== 0) continue;
    const head = m.head(slotFrame(word));
    if (m.zone(head) !== ZONE.normal) return head;
  }
  return -1;
}
