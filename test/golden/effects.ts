/** What replayed operations share: slots, addresses, bytes. */
import { FRAME, VM } from '#engine/model/constants.ts';
import { userAccess } from '#engine/model/fault.ts';
import { putPage } from '#engine/model/folio.ts';
import { unpinUserPage } from '#engine/model/unpin.ts';
import { pageNumber, type Step } from './recording.ts';
import type { World } from './world.ts';

/** What an operation gave, as far as the recording shows it; undefined where it does not. */
export interface Outcome {
  ret?: number;
  frames?: number[];
  user?: Record<string, string | number | boolean>;
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

/** Byte 0 of a page, and byte 1 where a write covers it. */
export function writeContent(w: World, frame: number, char: number, both: boolean): void {
  const old = w.machine.word(frame, FRAME.CONTENT);
  w.machine.setWord(frame, FRAME.CONTENT, both ? char | (char << 8) : (old & ~0xff) | char);
}

/** Addresses that the step shows, or the ones that the scenario is about. */
export function pagesOf(w: World, step: Step): number[] {
  const shown = step.kernel.pte.map((pte) => pageNumber(pte.addr));
  if (shown.length > 0) return shown;
  for (const other of w.recording.steps) {
    if (other.kernel.pte.length > 0) return other.kernel.pte.map((pte) => pageNumber(pte.addr));
    if (other.addr !== '0x0') return [pageNumber(other.addr)];
  }
  return [];
}

export function firstVpage(w: World, step: Step): number {
  const page = pagesOf(w, step)[0];
  return page === undefined ? w.anchor : w.vpage(page);
}

/** The whole mapping that holds the scenario's first page. */
export function wholeRange(w: World, proc: number, v: number): [number, number] {
  const vma = w.machine.vmaAt(proc, v);
  return vma < 0 ? [v, v + 1] : [w.machine.state[vma]!, w.machine.state[vma + 1]!];
}

export function char(text: string | undefined): number {
  return text === undefined ? 0 : text.charCodeAt(0);
}

export function needBuffer(w: World, proc: number, v: number, pages: number): void {
  const m = w.machine;
  for (let i = 0; i < pages; i++) {
    if (m.vmaAt(proc, v + i) < 0)
      m.addVma(proc, v + i, v + i + 1, VM.READ | VM.WRITE | VM.MAYREAD | VM.MAYWRITE);
    if (m.pte(proc, v + i) === 0) userAccess(m, proc, v + i, true);
  }
}

/** Slots of the system calls' own references. */
export const PIPE = 1000;
export const IO_URING = 1001;
