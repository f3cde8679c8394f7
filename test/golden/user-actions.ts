/** What the recorded program did to its own memory and files; labels tell what an action was. */
import { ERRNO, FRAME, PG, PTE, VM, VMA } from '#engine/model/constants.ts';
import { userAccess } from '#engine/model/fault.ts';
import { punchHole, truncateFile, writebackFile } from '#engine/model/file.ts';
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
import { pteFrame } from '#engine/model/rmap.ts';
import { splitFolio } from '#engine/model/swap.ts';
import {
  char,
  firstVpage,
  needBuffer,
  type Outcome,
  PIPE,
  pagesOf,
  releaseSlot,
  wholeRange,
  writeContent,
} from './effects.ts';
import type { Step } from './recording.ts';
import { inKernelUser } from './system-calls.ts';
import type { World } from './world.ts';

export function userAction(w: World, step: Step): Outcome {
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
        m.set(vma + VMA.FLAGS, m.vmaFlags(vma) | VM.DONTCOPY);
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
  const page = typeof step.user.page === 'number' ? v - (v % 1) + step.user.page : v;
  const at = typeof step.user.page === 'number' ? wholeRange(w, proc, v)[0] + step.user.page : page;
  const frame = userAccess(m, proc, at, true);
  if (frame < 0) return {};
  const quoted = /'(.)'/.exec(step.step)?.[1];
  if (/byte 1/.test(step.step))
    m.setWord(frame, FRAME.CONTENT, (m.word(frame, FRAME.CONTENT) & 0xff) | (char('u') << 8));
  else if (quoted !== undefined) writeContent(w, frame, char(quoted), false);
  else if (typeof step.user.content === 'string') writeContent(w, frame, char(step.user.content), false);
  return {};
}

function userRead(w: World, step: Step, proc: number, v: number): Outcome {
  const m = w.machine;
  if (/out of pipe/.test(step.step)) {
    releaseSlot(w, PIPE);
    return {};
  }
  if (/re-extended/.test(step.step)) m.setFileSize(0, w.fileSize);
  const page = step.user.page;
  if (m.vmaAt(proc, v) < 0) {
    const first = pagesOf(w, step)[0];
    if (first !== undefined) w.ensureVma(proc, first, w.kind, step.step);
  }
  const at = typeof page === 'number' ? wholeRange(w, proc, v)[0] + page : v;
  userAccess(m, proc, at, false);
  return {};
}

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
