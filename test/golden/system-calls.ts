/** System calls that pin or reference user memory themselves, as recorded: direct I/O, vmsplice, io_uring … */
import { FRAME, VM } from '#engine/model/constants.ts';
import { userAccess } from '#engine/model/fault.ts';
import { folioMarkDirty, readPage } from '#engine/model/file.ts';
import { putPage } from '#engine/model/folio.ts';
import {
  getUserPagesFast,
  getUserPagesRemote,
  pinUserPagesFast,
  pinUserPagesRemote,
} from '#engine/model/gup-api.ts';
import { munmap } from '#engine/model/mm.ts';
import { markAccessed, pteFrame } from '#engine/model/rmap.ts';
import { setPageDirty, unpinUserPagesDirtyLock } from '#engine/model/unpin.ts';
import { FOLL } from '#engine/protocol/flags.ts';
import { char, IO_URING, needBuffer, type Outcome, PIPE, releaseSlot, writeContent } from './effects.ts';
import type { Step } from './recording.ts';
import type { World } from './world.ts';

/** System calls that pin or reference user memory themselves. */
export function inKernelUser(w: World, step: Step, proc: number, v: number): Outcome {
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
  writeContent(w, buffer[0]!, char(String(step.user.content ?? '')), false);
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
