/** Calls and plain notes for the steps of a trace. */

import { returnText } from '../model/constants.ts';
import { nameOf } from '../model/folio.ts';
import { flagText } from '../protocol/flags.ts';
import type { ActorKind } from '../protocol/scenario.ts';
import type { DriverStep, Slots } from '../protocol/steps.ts';
import { mappedFrame } from './content.ts';
import { slotFrame } from './layout.ts';
import type { Program } from './program.ts';

/** Array name of a page set: `pages`, `pages2` … */
export function arrayName(set: number): string {
  return set === 0 ? 'pages' : `pages${set + 1}`;
}

function slotsText(slots: Slots): string {
  const name = arrayName(slots.set);
  return slots.count === 1
    ? `${name}[${slots.from}]`
    : `${name}[${slots.from}..${slots.from + slots.count - 1}]`;
}

/** The step as a call, in the kernel's words. */
export function driverCall(step: DriverStep): string {
  switch (step.op) {
    case 'acquire': {
      const at = step.page ? `p + ${step.page} * PAGE_SIZE` : 'p';
      const pages = step.nullPages === true ? 'NULL' : arrayName(step.set);
      return `${step.api}(${at}, ${step.nr}, ${flagText(step.flags)}, ${pages})`;
    }
    case 'access':
      return `${step.mode === 'write' ? 'write to' : 'read from'} ${slotsText(step)}`;
    case 'dma-map':
      return `dma_map(${slotsText(step)}, ${DIRECTION[step.direction]})`;
    case 'dma-unmap':
      return `dma_unmap(${slotsText(step)})`;
    case 'dirty':
      return `${step.locked ? 'set_page_dirty_lock' : 'set_page_dirty'}(${slotsText(step)})`;
    case 'release':
      return releaseCall(step);
    case 'mmap-lock':
      return 'mmap_read_lock(mm)';
    case 'mmap-unlock':
      return 'mmap_read_unlock(mm)';
    case 'later':
      return 'return to userspace';
    case 'return':
      return 'return';
    case 'notifier-insert':
      return 'mmu_interval_notifier_insert(notifier, mm, p)';
    case 'notifier-remove':
      return 'mmu_interval_notifier_remove(notifier)';
    case 'read-begin':
      return 'seq = mmu_interval_read_begin(notifier)';
    case 'set-seq':
      return 'mmu_interval_set_seq(notifier, cur_seq)';
    case 'driver-lock':
      return 'mutex_lock(lock)';
    case 'driver-unlock':
      return 'mutex_unlock(lock)';
    case 'hmm-fault':
      return `hmm_range_fault(p, ${step.nr}, ${step.write ? 'HMM_PFN_REQ_WRITE' : 'HMM_PFN_REQ_FAULT'}, ${arrayName(step.set)})`;
    case 'if':
      return `if (${step.negated === true ? '!' : ''}${conditionText(step)})`;
    case 'goto':
      return 'goto again';
    case 'bio-release':
      return `bio_release_pages(${base(step)}, ${step.count}, ${step.makeDirty})`;
  }
}

function conditionText(step: Extract<DriverStep, { op: 'if' }>): string {
  switch (step.condition) {
    case 'read-retry':
      return 'mmu_interval_read_retry(notifier, seq)';
    case 'dma-mapped':
      return `dma_mapped(${slotsText(step)})`;
    case 'will-pin':
      return 'iov_iter_extract_will_pin(p)';
  }
}

const DIRECTION = {
  'to-device': 'DMA_TO_DEVICE',
  'from-device': 'DMA_FROM_DEVICE',
  bidirectional: 'DMA_BIDIRECTIONAL',
} as const;

function releaseCall(step: Extract<DriverStep, { op: 'release' }>): string {
  const dirty = step.makeDirty === undefined ? '' : `, ${step.makeDirty}`;
  switch (step.api) {
    case 'put_page':
    case 'folio_put':
    case '__free_page':
    case 'unpin_user_page':
    case 'unpin_folio':
      return `${step.api}(${slotsText(step)})`;
    case 'unpin_user_pages_dirty_lock':
      return `${step.api}(${base(step)}, ${step.count}${dirty === '' ? ', false' : dirty})`;
    case 'unpin_user_page_range_dirty_lock':
      return `${step.api}(${arrayName(step.set)}[${step.from}], ${step.count}${dirty === '' ? ', false' : dirty})`;
    case 'unpin_user_folio':
      return `${step.api}(${arrayName(step.set)}[${step.from}], ${step.count})`;
    case 'release_pages':
    case 'unpin_user_pages':
    case 'unpin_folios':
      return `${step.api}(${base(step)}, ${step.count})`;
  }
}

function base(step: Slots): string {
  return step.from === 0 ? arrayName(step.set) : `${arrayName(step.set)} + ${step.from}`;
}

/** One plain clause about what the step does. */
export function driverNote(p: Program, step: DriverStep): string {
  switch (step.op) {
    case 'acquire': {
      if (p.next === p.lastStep) return 'the call is under way';
      if (p.ret === undefined || p.ret <= 0)
        return `the call fails with ${returnText(p.ret ?? 0)}: no page is held`;
      if (step.nullPages === true) return `${p.ret} of ${step.nr} pages are faulted in, without a reference`;
      const kind = step.api.startsWith('get') || step.api === 'iov_iter_get_pages2' ? 'referenced' : 'pinned';
      return `${p.ret} of ${step.nr} ${step.nr === 1 ? 'page is' : 'pages are'} ${kind}`;
    }
    case 'access':
      return accessNote(p, step, 'the driver', step.mode);
    case 'dma-map':
      return 'from here on the device may access the pages at any moment';
    case 'dma-unmap':
      return 'the device has no access any more';
    case 'dirty':
      return 'the page is marked dirty';
    case 'release':
      return releaseNote(step);
    case 'mmap-lock':
      return 'fork() and munmap() of the process have to wait';
    case 'mmap-unlock':
      return 'fork() and munmap() may go on';
    case 'later':
      return 'the driver returns to userspace, which decides when the next entry point runs';
    case 'return':
      return 'the driver is done';
    case 'notifier-insert':
      return 'from here on the invalidate callback runs before the page tables of the buffer change';
    case 'notifier-remove':
      return 'the invalidate callback runs no more';
    case 'read-begin':
      return 'the driver remembers the sequence of invalidations';
    case 'set-seq':
      return 'an invalidation is noted';
    case 'driver-lock':
      return 'the invalidate callback has to wait';
    case 'driver-unlock':
      return 'the invalidate callback may go on';
    case 'hmm-fault':
      return (p.ret ?? 0) < 0
        ? `the call fails with ${returnText(p.ret ?? 0)}`
        : 'the driver learns which pages are mapped, without holding them';
    case 'if':
      return 'the driver decides';
    case 'goto':
      return 'the driver starts again';
    case 'bio-release':
      return 'what was pinned for the bio is released';
  }
}

/** Which folio is touched, and whether the process would see it. Folios are named as in the model's own notes. */
function accessNote(p: Program, step: Slots, who: string, mode: 'read' | 'write'): string {
  const verb = mode === 'write' ? 'writes to' : 'reads';
  const m = p.machine;
  const heads: number[] = [];
  let elsewhere = '';
  for (let i = step.from; i < step.from + step.count; i++) {
    const frame = slotFrame(p.slot(step.set, i));
    if (frame < 0) return `${who} ${verb} ${arrayName(step.set)}[${i}], which holds no page`;
    if (!heads.includes(m.head(frame))) heads.push(m.head(frame));
    const mapped = mappedFrame(m, 0, p.slotVpage(step.set, i));
    if (elsewhere !== '' || mapped === frame || !m.alive(0)) continue;
    elsewhere =
      mapped < 0
        ? `, and the process does not map ${nameOf(frame)}`
        : `, and the process maps ${nameOf(mapped)}`;
  }
  return `${who} ${verb} ${heads.map(nameOf).join(' and ')}${elsewhere}`;
}

function releaseNote({ makeDirty, count }: Extract<DriverStep, { op: 'release' }>): string {
  const pages = count === 1 ? 'page' : 'pages';
  if (makeDirty === true) return `the ${pages} ${count === 1 ? 'is' : 'are'} marked dirty and released`;
  return `the driver gives the ${pages} back`;
}

export function actorCall(p: Program, kind: ActorKind, step: number): string {
  switch (kind) {
    case 'fork-parent-write':
      return step === 0 ? 'fork()' : 'the process stores to the buffer';
    case 'fork-child-write':
      return step === 0 ? 'fork()' : 'the child stores to the buffer';
    case 'store':
      return 'the process stores to the buffer';
    case 'writeback':
      if (p.scenario.slowWriteback !== true) return 'folio_mkclean() and writeback';
      return step === 0 ? 'folio_mkclean() and the start of writeback' : 'folio_end_writeback()';
    case 'reclaim':
      return 'shrink_folio_list()';
    case 'munmap':
      return `munmap(p, ${p.scenario.memory.mapped} pages)`;
    case 'truncate':
      return 'truncate(file, 0)';
    case 'migrate':
      return 'migrate_pages()';
    case 'ksm':
      return 'KSM merges equal pages';
    case 'exit':
      return 'exit()';
  }
}

export function actorNote(kind: ActorKind, step: number): string {
  switch (kind) {
    case 'fork-parent-write':
    case 'fork-child-write':
      return step === 0
        ? 'the process forks'
        : kind === 'fork-parent-write'
          ? 'the process writes'
          : 'the child writes';
    case 'store':
      return 'the process writes';
    case 'writeback':
      return 'dirty pages of the file are written';
    case 'reclaim':
      return 'memory is short';
    case 'munmap':
      return 'the buffer is unmapped';
    case 'truncate':
      return 'the file is cut to nothing';
    case 'migrate':
      return 'memory is compacted';
    case 'ksm':
      return 'KSM looks at the buffer';
    case 'exit':
      return 'the process is gone';
  }
}

export function deviceCall(p: Program, k: number, reads: boolean): string {
  const step = p.steps[p.dmaSteps[k]!]!;
  const where = step.op === 'dma-map' ? slotsText(step) : '';
  return `device ${reads ? 'reads' : 'writes'} ${where}`;
}

/** What the device does through DMA mapping number `k`. */
export function deviceNote(p: Program, k: number, reads: boolean): string {
  const step = p.steps[p.dmaSteps[k]!]!;
  if (step.op !== 'dma-map') return 'the device acts';
  return accessNote(p, step, 'the device', reads ? 'read' : 'write');
}
