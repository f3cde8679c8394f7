/** Recorded operations as operations of the machine. Labels tell what a user action was. */
import { ERRNO, FRAME, PG, PTE, VM } from '#engine/model/constants.ts';
import { userAccess } from '#engine/model/fault.ts';
import { folioMarkDirty, punchHole, readPage, truncateFile, writebackFile } from '#engine/model/file.ts';
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
import { migrateFolio } from '#engine/model/migrate.ts';
import {
  dropCaches,
  exitProcess,
  fork,
  madviseDontneed,
  madvisePageout,
  mlock,
  mprotect,
  munmap,
} from '#engine/model/mm.ts';
import { markAccessed, pteFrame } from '#engine/model/rmap.ts';
import { splitFolio } from '#engine/model/swap.ts';
import {
  setPageDirty,
  unpinFolios,
  unpinUserPage,
  unpinUserPageRangeDirtyLock,
  unpinUserPages,
  unpinUserPagesDirtyLock,
} from '#engine/model/unpin.ts';
import { FOLL } from '#engine/protocol/flags.ts';
import { pageNumber, type Step } from './recording.ts';
import { prepare } from './prepare.ts';
import type { World } from './world.ts';

/** What an operation gave, as far as the recording shows it; undefined where it does not. */
export interface Outcome {
  ret?: number;
  frames?: number[];
  user?: Record<string, string | number | boolean>;
}

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
      folioAddPin(m, target(w));
      return { ret: 0 };
    case 'set_page_dirty_lock': {
      const clean = (m.flags(m.head(target(w))) & PG.dirty) === 0;
      setPageDirty(m, target(w));
      return { ret: clean ? 1 : 0 };
    }
    case 'kmap_write':
      w.written = String.fromCharCode(step.arg ?? 0);
      writeContent(w, target(w), step.arg ?? 0, (step.nr ?? 1) > 1);
      return { ret: 0 };
    case 'kmap_read':
      return { ret: m.word(target(w), FRAME.CONTENT) & 0xff };
    case 'lru_add_drain_all':
      lruAddDrain(m);
      return { ret: 0 };
    case 'memfd_pin_folios':
      return memfd(w, step);
    case 'unpin_folios': {
      const { frames } = w.slots.get(step.slot ?? 0)!;
      unpinFolios(m, frames, 0, frames.length);
      w.slots.delete(step.slot ?? 0);
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

function acquire(w: World, step: Step): Outcome {
  const m = w.machine;
  const many = /^after (\d+) gup_fast/.exec(step.step);
  if (many !== null) return acquireMany(w, Number(many[1]));
  const proc = w.proc(step.pid);
  const slot = step.slot ?? 0;
  // The harness empties a slot, with the right function, before it fills it again.
  releaseSlot(w, slot);
  prepare(w, step);
  const pages: number[] = [];
  const call = ACQUIRES[step.op]!;
  const start = w.vpageOf(step.addr!);
  const locked = /locked ptr = (\d)/.exec(step.step);
  const ret =
    locked !== null && step.op.endsWith('_remote')
      ? (call as typeof getUserPagesRemote)(
          m,
          proc,
          start,
          step.nr!,
          step.gupFlags!,
          pages,
          Number(locked[1]),
        )
      : call(m, proc, start, step.nr!, step.gupFlags!, step.nullPages === true ? null : pages);
  if (ret > 0 && step.nullPages !== true)
    w.slots.set(slot, {
      frames: pages.slice(0, ret),
      held: new Array<boolean>(ret).fill(true),
      pins: step.op.startsWith('pin'),
      longterm: (step.gupFlags! & FOLL.LONGTERM) !== 0,
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

export function releaseSlot(w: World, slot: number): void {
  const held = w.slots.get(slot);
  if (held === undefined || slot < 0) return;
  for (const [i, frame] of held.frames.entries()) {
    if (held.held[i] !== true) continue;
    if (held.pins) unpinUserPage(w.machine, frame);
    else putPage(w.machine, frame);
  }
  w.slots.delete(slot);
}

function release(w: World, step: Step): void {
  const m = w.machine;
  const nr = step.nr ?? 1;
  const from = step.from ?? 0;
  const makeDirty = ((step.arg ?? 0) & 1) !== 0;
  const slot = step.slot === undefined || step.slot === 0 ? undefined : w.slots.get(step.slot);
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
  const file = FILE_OF_FD[step.arg ?? -1];
  if (file === undefined) return { ret: -EBADF };
  const start = Number(BigInt(step.addr ?? '0x0')) / 4096;
  const folios: number[] = [];
  const last = start + (step.nr ?? 0) / 4096 - 1;
  if (file === 2) readHugeFile(w);
  const ret = memfdPinFolios(m, file, Math.floor(start), Math.ceil(last), folios, 1024);
  if (ret > 0)
    w.slots.set(step.slot ?? 0, {
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

/** Byte 0 of a page, and byte 1 where a write covers it. */
function writeContent(w: World, frame: number, char: number, both: boolean): void {
  const old = w.machine.word(frame, FRAME.CONTENT);
  w.machine.setWord(frame, FRAME.CONTENT, both ? char | (char << 8) : (old & ~0xff) | char);
}

/** Addresses that the step shows, or the ones that the scenario is about. */
function pagesOf(w: World, step: Step): number[] {
  const shown = step.kernel.pte.map((pte) => pageNumber(pte.addr));
  if (shown.length > 0) return shown;
  for (const other of w.recording.steps) {
    if (other.kernel.pte.length > 0) return other.kernel.pte.map((pte) => pageNumber(pte.addr));
    if (other.addr !== undefined && other.addr !== '0x0') return [pageNumber(other.addr)];
  }
  return [];
}

function firstVpage(w: World, step: Step): number {
  const page = pagesOf(w, step)[0];
  return page === undefined ? w.anchor : w.vpage(page);
}

/** The whole mapping that holds the scenario's first page. */
function wholeRange(w: World, proc: number, v: number): [number, number] {
  const vma = w.machine.vmaAt(proc, v);
  return vma < 0 ? [v, v + 1] : [w.machine.state[vma]!, w.machine.state[vma + 1]!];
}

function char(text: string | undefined): number {
  return text === undefined ? 0 : text.charCodeAt(0);
}

function userAction(w: World, step: Step): Outcome {
  const m = w.machine;
  const proc = w.proc(step.pid);
  const v = firstVpage(w, step);
  const label = step.step;
  switch (step.op) {
    case 'user:write':
      return userWrite(w, step, proc, v);
    case 'user:read':
      return userRead(w, step, proc, v);
    case 'user:fork': {
      const child = w.childOf(step);
      if (/dontfork/.test(w.recording.name)) {
        const vma = m.vmaAt(proc, v);
        m.state[vma + 2]! |= VM.DONTCOPY;
      }
      fork(m, proc, child);
      // The child runs and looks at its memory.
      if (m.vmaAt(child, v) >= 0) userAccess(m, child, v, false);
      return {};
    }
    case 'user:exit': {
      for (let other = m.processes - 1; other >= 0; other--)
        if (other !== proc && m.alive(other)) {
          exitProcess(m, other);
          break;
        }
      return {};
    }
    case 'user:munmap':
      return userMunmap(w, label, proc, v);
    case 'user:madvise':
      return madvise(w, step, proc, v);
    case 'user:mprotect': {
      const page = /page (\d+)/.exec(label);
      const at = wholeRange(w, proc, v)[0] + (page === null ? 100 : Number(page[1]));
      mprotect(m, proc, at, at + 1, VM.READ);
      return {};
    }
    case 'user:mlock':
      mlock(m, proc, v, v + 1, true);
      return {};
    case 'user:munlock':
      mlock(m, proc, v, v + 1, false);
      return {};
    case 'user:mmap':
      m.addVma(
        proc,
        w.spare(0),
        w.spare(0) + 1,
        m.vmaFlags(m.vmaAt(proc, v)),
        m.vmaFile(m.vmaAt(proc, v)),
        m.fileIndex(m.vmaAt(proc, v), v),
      );
      userAccess(m, proc, w.spare(0), false);
      return {};
    case 'user:fsync':
    case 'user:sync':
      writebackFile(m, 0);
      return {};
    case 'user:drop_caches':
      writebackFile(m, 0);
      dropCaches(m);
      return {};
    case 'user:move_pages':
      return movePages(w, label, proc, v);
    case 'user:compact':
      return {};
    case 'user:split_huge_pages':
      splitHugePages(w);
      return {};
    case 'user:op':
      return fileOperation(w, label, proc, v);
    case 'user:pread':
    case 'user:pwrite':
    case 'user:process_vm_readv':
    case 'user:process_vm_writev':
    case 'user:vmsplice':
    case 'user:io_uring_register':
      return inKernelUser(w, step, proc, v);
    default:
      throw new Error(`unknown user action ${step.op}`);
  }
}

function userWrite(w: World, step: Step, proc: number, v: number): Outcome {
  const m = w.machine;
  const many = /^(\d+) fresh pages/.exec(step.step);
  if (many !== null) {
    needBuffer(w, proc, w.spare(2), Number(many[1]));
    return {};
  }
  const page = typeof step.user['page'] === 'number' ? v - (v % 1) + step.user['page'] : v;
  const at = typeof step.user['page'] === 'number' ? wholeRange(w, proc, v)[0] + step.user['page'] : page;
  const frame = userAccess(m, proc, at, true);
  if (frame < 0) return {};
  const quoted = /'(.)'/.exec(step.step)?.[1];
  if (/byte 1/.test(step.step))
    m.setWord(frame, FRAME.CONTENT, (m.word(frame, FRAME.CONTENT) & 0xff) | (char('u') << 8));
  else if (quoted !== undefined) writeContent(w, frame, char(quoted), false);
  else if (typeof step.user['content'] === 'string')
    writeContent(w, frame, char(step.user['content']), false);
  return {};
}

function userRead(w: World, step: Step, proc: number, v: number): Outcome {
  const m = w.machine;
  if (/out of pipe/.test(step.step)) {
    releaseSlot(w, PIPE);
    return {};
  }
  if (/re-extended/.test(step.step)) m.setFileSize(0, w.fileSize);
  const page = step.user['page'];
  if (m.vmaAt(proc, v) < 0) {
    const first = pagesOf(w, step)[0];
    if (first !== undefined) w.ensureVma(proc, first, w.kind, step.step);
  }
  const at = typeof page === 'number' ? wholeRange(w, proc, v)[0] + page : v;
  userAccess(m, proc, at, false);
  return {};
}

const PIPE = 1000;
const IO_URING = 1001;

function userMunmap(w: World, label: string, proc: number, v: number): Outcome {
  const m = w.machine;
  const [start, end] = wholeRange(w, proc, v);
  if (/upper half/.test(label)) munmap(m, proc, start + 256, start + 512);
  else {
    munmap(m, proc, start, end);
    munmap(m, proc, w.spare(0), w.spare(0) + 512);
    // A huge page that mprotect() cut lies in several VMAs.
    for (let at = start; at < start + 512; at++) {
      const vma = m.vmaAt(proc, at);
      if (vma >= 0 && m.vmaFile(vma) < 0 && w.kind === 'thp') munmap(m, proc, at, m.state[vma + 1]!);
    }
  }
  return {};
}

function madvise(w: World, step: Step, proc: number, v: number): Outcome {
  const [start, end] = wholeRange(w, proc, v);
  if (/DONTNEED/.test(step.step))
    madviseDontneed(w.machine, proc, /upper half/.test(step.step) ? start + 256 : start, end);
  else madvisePageout(w.machine, proc, start, end);
  return { user: { ret: 0 } };
}

const ENODEV = 19;

/** move_pages(2) of the scenario's page: a page that can't be isolated or is held stays where it is. */
function movePages(w: World, label: string, proc: number, v: number): Outcome {
  const m = w.machine;
  const node = Number(/node (\d)/.exec(label)?.[1]);
  if (node >= w.nodes) return { user: { syscallRet: -1, errno: ENODEV, status: -999 } };
  const pte = m.pte(proc, v);
  if ((pte & PTE.PRESENT) === 0) return { user: {} };
  const head = m.head(pteFrame(pte));
  if (m.node(head) === node) return { user: { syscallRet: 0, errno: 0, status: node } };
  if (migrateFolio(m, head, { node }) === -ERRNO.EAGAIN)
    return { user: { syscallRet: 1, errno: 0, status: -999 } };
  return { user: { syscallRet: 0, errno: 0, status: node } };
}

function splitHugePages(w: World): void {
  const m = w.machine;
  for (let f = 1; f < m.frames; f++)
    if ((m.flags(f) & (PG.tail | PG.hugetlb | PG.hugeZero)) === 0 && m.order(f) > 0 && m.ref(f) > 0)
      splitFolio(m, f);
}

function fileOperation(w: World, label: string, proc: number, v: number): Outcome {
  const m = w.machine;
  const [start, end] = wholeRange(w, proc, v);
  if (/truncate/.test(label)) truncateFile(m, 0, 0);
  else if (/punch/.test(label)) punchHole(m, 0, 0, w.fileSize);
  else {
    munmap(m, proc, start, end);
    // The last name and the last descriptor are gone: the inode is evicted.
    if (/unlink/.test(label)) truncateFile(m, 0, 0);
  }
  return { user: { ret: 0 } };
}

/** System calls that pin or reference user memory themselves. */
function inKernelUser(w: World, step: Step, proc: number, v: number): Outcome {
  const m = w.machine;
  const label = step.step;
  const pages = Number(/(\d+)[ -]pages?/.exec(label)?.[1] ?? 1);
  const buffer: number[] = [];
  if (step.op === 'user:process_vm_readv' || step.op === 'user:process_vm_writev') {
    const writes = step.op.endsWith('writev');
    needBuffer(w, proc, v, pages);
    const ret = pinUserPagesRemote(m, proc, v, pages, writes ? FOLL.WRITE : 0, buffer, 1);
    if (ret > 0) unpinUserPagesDirtyLock(m, buffer, 0, ret, writes);
    return { user: { ret: ret * 4096 } };
  }
  if (step.op === 'user:vmsplice') {
    const ret = getUserPagesFast(m, proc, v, 1, 0, buffer);
    w.slots.set(PIPE, { frames: buffer.slice(0, ret), held: [true], pins: false });
    return { user: { ret: ret * 4096 } };
  }
  if (step.op === 'user:io_uring_register') return ioUring(w, label, proc, v, pages);
  if (/proc\/self\/mem/.test(label)) return writeSelfMem(w, step, proc, v);
  if (/O_DIRECT/.test(label)) return directIo(w, step, proc, v, pages);
  if (step.op === 'user:pwrite') {
    // DAX writes go to the storage: no folio is dirtied.
    if (w.kind === 'fsdax') return {};
    const frame = readPage(m, 0, m.fileIndex(m.vmaAt(proc, v), v));
    folioMarkDirty(m, m.head(frame));
    return {};
  }
  return readFile(w);
}

function needBuffer(w: World, proc: number, v: number, pages: number): void {
  const m = w.machine;
  for (let i = 0; i < pages; i++) {
    if (m.vmaAt(proc, v + i) < 0)
      m.addVma(proc, v + i, v + i + 1, VM.READ | VM.WRITE | VM.MAYREAD | VM.MAYWRITE);
    if (m.pte(proc, v + i) === 0) userAccess(m, proc, v + i, true);
  }
}

function ioUring(w: World, label: string, proc: number, v: number, pages: number): Outcome {
  const m = w.machine;
  const buffer: number[] = [];
  if (/^unregister/.test(label)) {
    releaseSlot(w, IO_URING);
    return { user: { ret: 0 } };
  }
  let at = v;
  if (/ext4 MAP_SHARED/.test(label)) {
    at = w.spare(0);
    m.addVma(proc, at, at + 4, VM.READ | VM.WRITE | VM.MAYREAD | VM.MAYWRITE | VM.SHARED, 0);
    for (let i = 0; i < 4; i++) userAccess(m, proc, at + i, true);
  } else needBuffer(w, proc, v, pages);
  const ret = pinUserPagesFast(m, proc, at, pages, FOLL.WRITE | FOLL.LONGTERM, buffer);
  if (ret < 0) return { user: { ret: -1, errno: -ret } };
  w.slots.set(IO_URING, {
    frames: buffer.slice(0, ret),
    held: new Array<boolean>(ret).fill(true),
    pins: true,
  });
  return { user: { ret: 0, errno: 0 } };
}

/** access_remote_vm(): get_user_pages_remote() with FOLL_WRITE | FOLL_FORCE, copy, set_page_dirty_lock(), put_page(). */
function writeSelfMem(w: World, step: Step, proc: number, v: number): Outcome {
  const m = w.machine;
  const buffer: number[] = [];
  const ret = getUserPagesRemote(m, proc, v, 1, FOLL.WRITE | FOLL.FORCE, buffer);
  if (ret !== 1) return { user: { ret } };
  writeContent(w, buffer[0]!, char(String(step.user['content'] ?? '')), false);
  setPageDirty(m, buffer[0]!);
  putPage(m, buffer[0]!);
  return {
    user: { ret: 1, content: String.fromCharCode(m.word(pteFrame(m.pte(proc, v)), FRAME.CONTENT) & 0xff) },
  };
}

/** iov_iter_extract_pages() on the buffer, the transfer, unpin with dirtying after a read. */
function directIo(w: World, step: Step, proc: number, v: number, pages: number): Outcome {
  const m = w.machine;
  const label = step.step;
  const reads = step.op === 'user:pread';
  const buffer: number[] = [];
  let at = v < 0 ? w.spare(0) : v;
  const all = VM.READ | VM.WRITE | VM.MAYREAD | VM.MAYWRITE;
  if (/into THP/.test(label)) {
    at = w.spare(1);
    m.addVma(proc, at, at + m.pmdPages, all | VM.HUGEPAGE);
    userAccess(m, proc, at, true);
  } else if (/zero page/.test(label)) {
    at = w.spare(2);
    m.addVma(proc, at, at + 1, all);
    userAccess(m, proc, at, false);
  } else if (/RO buffer/.test(label)) {
    at = w.spare(2) + 8;
    m.addVma(proc, at, at + 1, all & ~VM.WRITE);
    munmap(m, proc, w.spare(1), w.spare(1) + m.pmdPages);
  } else needBuffer(w, proc, at, 4);
  const bytes = Number(/(\d+) bytes/.exec(label)?.[1] ?? pages * 4096);
  const ret = pinUserPagesFast(m, proc, at, pages, reads ? FOLL.WRITE : 0, buffer);
  if (ret < 0) return { user: { ret: -1, errno: -ret } };
  unpinUserPagesDirtyLock(m, buffer, 0, ret, reads);
  return { user: { ret: bytes } };
}

/** A buffered read of the file's page after everything: what is durable. */
function readFile(w: World): Outcome {
  const m = w.machine;
  const frame = readPage(m, 0, 0);
  const content = m.word(frame, FRAME.CONTENT);
  // filemap_read() marks each folio accessed.
  if (w.kind !== 'fsdax') markAccessed(m, m.head(frame));
  const first = String.fromCharCode(content & 0xff);
  return {
    user: { fileReads: first, byte1: String.fromCharCode((content >> 8) & 0xff), lost: first !== w.written },
  };
}
