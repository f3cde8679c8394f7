/** Recorded operations as operations of the machine. Labels tell what a user action was. */
import { FRAME, PG, VM } from '#engine/model/constants.ts';
import { userAccess } from '#engine/model/fault.ts';
import { readPage } from '#engine/model/file.ts';
import { folioAddPin, getPage, lruAddDrain, putPage } from '#engine/model/folio.ts';
import {
  getUserPages,
  getUserPagesFast,
  getUserPagesFastOnly,
  getUserPagesRemote,
  getUserPagesUnlocked,
  memfdPinFolios,
  pinUserPages,
  pinUserPagesFast,
  pinUserPagesRemote,
  pinUserPagesUnlocked,
} from '#engine/model/gup-api.ts';
import { madviseDontneed } from '#engine/model/mm.ts';
import { pteFrame } from '#engine/model/rmap.ts';
import {
  setPageDirty,
  unpinFolios,
  unpinUserPage,
  unpinUserPageRangeDirtyLock,
  unpinUserPages,
  unpinUserPagesDirtyLock,
} from '#engine/model/unpin.ts';
import { FOLL } from '#engine/protocol/flags.ts';
import { firstVpage, type Outcome, releaseSlot, writeContent } from './effects.ts';
import { prepare } from './prepare.ts';
import type { Step } from './recording.ts';
import { userAction } from './user-actions.ts';
import type { World } from './world.ts';

const ACQUIRES: Record<string, typeof getUserPages> = {
  get_user_pages: getUserPages,
  get_user_pages_fast: getUserPagesFast,
  get_user_pages_fast_only: getUserPagesFastOnly,
  get_user_pages_unlocked: getUserPagesUnlocked,
  get_user_pages_remote: getUserPagesRemote,
  pin_user_pages: pinUserPages,
  pin_user_pages_fast: pinUserPagesFast,
  pin_user_pages_unlocked: pinUserPagesUnlocked,
  pin_user_pages_remote: pinUserPagesRemote,
};

/** Executes one recorded step. Unknown operations throw: a recording with new vocabulary must be seen. */
export function execute(w: World, step: Step): Outcome {
  const m = w.machine;
  if (step.op in ACQUIRES) return acquire(w, step);
  switch (step.op) {
    case 'none':
    case 'none(snapshot)':
      return {};
    case 'release':
      for (const slot of w.slots.keys()) releaseSlot(w, slot);
      return {};
    case 'get_page':
      getPage(m, target(w), step.nr);
      return { ret: 0 };
    case 'folio_add_pin':
      if (/on an unpinned page/.test(step.step)) renewPage(w, step);
      folioAddPin(m, target(w));
      return { ret: 0 };
    case 'set_page_dirty_lock': {
      const clean = (m.flags(m.head(target(w))) & PG.dirty) === 0;
      setPageDirty(m, target(w));
      return { ret: clean ? 1 : 0 };
    }
    case 'kmap_write':
      w.written = String.fromCharCode(step.arg);
      writeContent(w, target(w), step.arg, (step.nr ?? 1) > 1);
      return { ret: 0 };
    case 'kmap_read':
      return { ret: m.word(target(w), FRAME.CONTENT) & 0xff };
    case 'lru_add_drain_all':
      lruAddDrain(m);
      return { ret: 0 };
    case 'memfd_pin_folios':
      return memfd(w, step);
    case 'unpin_folios': {
      const { frames } = w.slots.get(step.slot)!;
      unpinFolios(m, frames, 0, frames.length);
      w.slots.delete(step.slot);
      return { ret: 0 };
    }
    case 'put_page':
    case 'unpin_user_page':
    case 'unpin_user_pages':
    case 'unpin_user_pages_dirty_lock':
    case 'unpin_user_page_range_dirty_lock':
      release(w, step);
      return { ret: 0 };
    default:
      if (step.op.startsWith('user:')) return userAction(w, step);
      throw new Error(`unknown operation ${step.op}`);
  }
}

/** The page that an operation without slot works on: the first watch. */
function target(w: World): number {
  const watch = [...w.watches.entries()].sort((a, b) => a[0] - b[0])[0];
  if (watch === undefined) throw new Error('no page is watched');
  return watch[1].frame;
}

/** The harness maps its page anew. */
function renewPage(w: World, step: Step): void {
  const m = w.machine;
  const proc = w.proc(step.pid);
  const v = firstVpage(w, step);
  madviseDontneed(m, proc, v, v + 1);
  w.populateAt(proc, v);
  const { pfn } = step.kernel.pages[0]!;
  const frame = pteFrame(m.pte(proc, v));
  w.pair(pfn, frame);
  w.watch(0, frame, pfn);
}

function acquire(w: World, step: Step): Outcome {
  const m = w.machine;
  const many = /^after (\d+) gup_fast/.exec(step.step);
  if (many !== null) return acquireMany(w, Number(many[1]));
  const proc = w.proc(step.pid);
  const slot = step.slot;
  // The harness empties a slot, with the right function, before it fills it again.
  releaseSlot(w, slot);
  prepare(w, step);
  const pages: number[] = [];
  const call = ACQUIRES[step.op]!;
  const start = w.vpageOf(step.addr);
  const locked = /locked ptr = (\d)/.exec(step.step);
  const ret =
    locked !== null && step.op.endsWith('_remote')
      ? (call as typeof getUserPagesRemote)(m, proc, start, step.nr!, step.gupFlags, pages, Number(locked[1]))
      : call(m, proc, start, step.nr!, step.gupFlags, step.nullPages ? null : pages);
  if (ret > 0 && !step.nullPages)
    w.slots.set(slot, {
      frames: pages.slice(0, ret),
      held: new Array<boolean>(ret).fill(true),
      pins: step.op.startsWith('pin'),
      longterm: (step.gupFlags & FOLL.LONGTERM) !== 0,
    });
  return { ret, frames: pages.slice(0, Math.max(ret, 0)) };
}

/** `after N gup_fast`: the harness has called get_user_pages_fast() until N references were taken. */
function acquireMany(w: World, count: number): Outcome {
  const m = w.machine;
  const frame = target(w);
  const slot = w.slots.get(-1) ?? { frames: [], held: [], pins: false };
  w.slots.set(-1, slot);
  const more = count - slot.frames.length;
  for (let i = 0; i < more; i++) slot.frames.push(frame);
  getPage(m, frame, more);
  m.setFlag(m.head(frame), PG.referenced);
  return {};
}

function release(w: World, step: Step): void {
  const m = w.machine;
  const nr = step.nr ?? 1;
  const from = step.from;
  const makeDirty = (step.arg & 1) !== 0;
  const slot = step.slot === 0 ? undefined : w.slots.get(step.slot);
  const frames =
    slot === undefined ? new Array<number>(nr).fill(target(w)) : slot.frames.slice(from, from + nr);
  if (slot !== undefined) for (let i = from; i < from + nr; i++) slot.held[i] = false;
  switch (step.op) {
    case 'put_page':
      for (const frame of frames) putPage(m, frame);
      return;
    case 'unpin_user_page':
      for (const frame of frames) unpinUserPage(m, frame);
      return;
    case 'unpin_user_pages':
      unpinUserPages(m, frames, 0, frames.length);
      return;
    case 'unpin_user_pages_dirty_lock':
      unpinUserPagesDirtyLock(m, frames, 0, frames.length, makeDirty);
      return;
    case 'unpin_user_page_range_dirty_lock':
      unpinUserPageRangeDirtyLock(m, frames[0]!, frames.length, makeDirty);
  }
}

/** Files of the harness, by descriptor: 6 is a memfd, 7 a file on ext4, 8 a hugetlb memfd. */
const FILE_OF_FD: Record<number, number> = { 6: 1, 7: 0, 8: 2 };
const EBADF = 9;

function memfd(w: World, step: Step): Outcome {
  const m = w.machine;
  const file = FILE_OF_FD[step.arg];
  if (file === undefined) return { ret: -EBADF };
  const start = Number(BigInt(step.addr)) / 4096;
  const folios: number[] = [];
  const last = start + (step.nr ?? 0) / 4096 - 1;
  if (file === 2) readHugeFile(w);
  const ret = memfdPinFolios(m, file, Math.floor(start), Math.ceil(last), folios, 1024);
  if (ret > 0)
    w.slots.set(step.slot, {
      frames: folios.slice(0, ret),
      held: new Array<boolean>(ret).fill(true),
      pins: true,
    });
  return { ret, frames: folios.slice(0, Math.max(ret, 0)) };
}

/** The harness has mapped the hugetlb memfd and touched it before it pins. */
function readHugeFile(w: World): void {
  const m = w.machine;
  const v = w.spare(1);
  if (m.vmaAt(0, v) >= 0) return;
  m.addVma(0, v, v + m.pmdPages, VM.READ | VM.WRITE | VM.MAYREAD | VM.MAYWRITE | VM.SHARED | VM.HUGETLB, 2);
  const frame = readPage(m, 2, 0);
  m.setFlag(frame, PG.referenced);
  userAccess(m, 0, v, true);
}
