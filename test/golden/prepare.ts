/** What the harness did before an acquire without recording it: mapping memory as the step's label says. */
import { FRAME, PG, PTE, VM } from '#engine/model/constants.ts';
import { userAccess } from '#engine/model/fault.ts';
import { allocFolio } from '#engine/model/folio.ts';
import { madviseDontneed, mprotect } from '#engine/model/mm.ts';
import { makePte, mapPage } from '#engine/model/rmap.ts';
import { pageNumber, type Step } from './recording.ts';
import { mappedByLabel, type World } from './world.ts';

const ALL = VM.READ | VM.WRITE | VM.MAYREAD | VM.MAYWRITE;

/** Makes the memory that the acquire works on what the scenario's name, description and label tell. */
export function prepare(w: World, step: Step): void {
  const page = pageNumber(step.addr);
  const v = w.vpage(page);
  if (v >= w.machine.vpages || /addr=0x/.test(step.step)) return;
  const proc = w.proc(step.pid);
  const setup = SETUPS.find(([pattern]) => pattern.test(`${w.recording.name}: ${step.step}`));
  if (setup !== undefined) {
    setup[1](w, step, proc, page);
    return;
  }
  fillHoles(w, step, proc, page);
}

/** Touches the pages of the request that the program had mapped. */
function fillHoles(w: World, step: Step, proc: number, page: number): void {
  const nr = mappedByLabel(step) ?? step.nr ?? 1;
  if (w.machine.vmaAt(proc, w.vpage(page)) >= 0) return;
  for (let i = 0; i < Math.max(1, nr); i++) w.populate(proc, page + i, w.kind, step.step);
}

type Setup = (w: World, step: Step, proc: number, page: number) => void;

/** Once for each sub-case: the part of the label before the name of the function. */
function fresh(w: World, step: Step, proc: number, page: number): boolean {
  const label = `${step.step.replace(/(get|pin)_user_pages\w*.*$/, '')}@${page}`;
  if (w.caseLabel === label) return false;
  w.caseLabel = label;
  w.unmap(proc, page);
  return true;
}

/** A VMA of one page; `writeFirst` touches it before it gets its final protection. */
function onePage(
  w: World,
  proc: number,
  page: number,
  flags: number,
  file: number,
  access: number,
  touch: 'write' | 'read' | 'no',
): void {
  const m = w.machine;
  const v = w.vpage(page);
  m.addVma(proc, v, v + 1, flags, file, 0);
  if (touch !== 'no') userAccess(m, proc, v, touch === 'write');
  mprotect(m, proc, v, v + 1, access);
}

const SETUPS: readonly (readonly [RegExp, Setup])[] = [
  [
    /unfaulted/,
    (w, _step, proc, page) => {
      w.unmap(proc, page);
      w.ensureVma(proc, page, 'anon', '');
    },
  ],
  [
    /not-present/,
    (w, step, proc, page) => {
      if (fresh(w, step, proc, page)) w.ensureVma(proc, page, 'anon', '');
    },
  ],
  [
    /untouched range/,
    (w, _step, proc, page) => {
      w.unmap(proc, page);
      w.ensureVma(proc, page, 'anon', '');
    },
  ],
  [
    /RO private anon/,
    (w, step, proc, page) => {
      if (fresh(w, step, proc, page)) onePage(w, proc, page, ALL, -1, VM.READ, 'write');
    },
  ],
  [
    /PROT_NONE anon/,
    (w, step, proc, page) => {
      if (fresh(w, step, proc, page)) onePage(w, proc, page, ALL, -1, 0, 'write');
    },
  ],
  [
    /RO file (PRIVATE|SHARED)/,
    (w, step, proc, page) => {
      if (!fresh(w, step, proc, page)) return;
      const shared = /SHARED/.test(step.step) ? VM.SHARED : 0;
      onePage(w, proc, page, VM.READ | VM.MAYREAD | VM.MAYWRITE | shared, 0, VM.READ, 'read');
    },
  ],
  [
    /PFNMAP/,
    (w, step, proc, page) => {
      if (fresh(w, step, proc, page)) pfnMap(w, proc, page);
    },
  ],
  [
    /MIXEDMAP/,
    (w, step, proc, page) => {
      if (fresh(w, step, proc, page)) mixedMap(w, proc, page);
    },
  ],
  [
    /memfd_secret/,
    (w, step, proc, page) => {
      if (fresh(w, step, proc, page)) onePage(w, proc, page, ALL | VM.SHARED, 3, VM.READ | VM.WRITE, 'write');
    },
  ],
  [
    /FOLL_ANON on tmpfs/,
    (w, step, proc, page) => {
      if (fresh(w, step, proc, page)) onePage(w, proc, page, ALL | VM.SHARED, 1, VM.READ | VM.WRITE, 'write');
    },
  ],
  [
    /GROWSDOWN/,
    (w, step, proc) => {
      for (const pte of step.kernel.pte) w.populate(proc, pageNumber(pte.addr), 'anon', '');
    },
  ],
  [
    /middle page RO/,
    (w, step, proc, page) => {
      if (!fresh(w, step, proc, page)) return;
      for (let i = 0; i < step.nr!; i++) w.populate(proc, page + i, 'anon', '');
      mprotect(w.machine, proc, w.vpage(page + 1), w.vpage(page + 2), VM.READ);
    },
  ],
  [
    /not yet faulted/,
    (w, step, proc, page) => {
      w.caseLabel = '';
      fresh(w, step, proc, page);
      w.populate(proc, page, 'anon', '');
      for (let i = 0; i < step.nr!; i++) w.populate(proc, page + i, 'anon', '');
      const at = w.vpage(page);
      madviseDontneed(w.machine, proc, at + 2, at + step.nr!);
    },
  ],
  [
    /past EOF/,
    (w, step, proc, page) => {
      if (!fresh(w, step, proc, page)) return;
      const v = w.vpage(page);
      w.machine.setFileSize(0, 1);
      const beyond = /wholly/.test(step.step) ? 1 : 0;
      w.machine.addVma(proc, v, v + step.nr!, ALL | VM.SHARED, 0, beyond);
      if (beyond === 0) userAccess(w.machine, proc, v, false);
    },
  ],
  [
    /PRIVATE pin WRITE\|LONGTERM/,
    (w, step, proc, page) => {
      w.unmap(proc, page);
      w.populate(proc, page, w.kind, step.step);
    },
  ],
  [
    /already writable/,
    (w, _step, proc, page) => {
      userAccess(w.machine, proc, w.vpage(page), true);
    },
  ],
];

/** A page that the module allocated for itself: no file, not on the LRU lists, one reference of its own. */
function driverPage(w: World): number {
  const m = w.machine;
  if (w.driverPage < 0) {
    w.driverPage = allocFolio(m, 0, 0);
    m.clearFlag(w.driverPage, PG.uptodate);
    m.setWord(w.driverPage, FRAME.SHAPE, 0);
  }
  return w.driverPage;
}

/** remap_pfn_range(): a special entry, without struct page as far as mm is concerned. */
function pfnMap(w: World, proc: number, page: number): void {
  onePage(w, proc, page, ALL | VM.PFNMAP | VM.SHARED, -1, VM.READ | VM.WRITE, 'no');
  w.machine.setPte(proc, w.vpage(page), makePte(driverPage(w), PTE.SPECIAL | PTE.WRITE));
}

/** vm_insert_page(): an ordinary page of the driver, mapped into a VM_MIXEDMAP VMA. */
function mixedMap(w: World, proc: number, page: number): void {
  const m = w.machine;
  onePage(w, proc, page, ALL | VM.SHARED | VM.MIXEDMAP, -1, VM.READ | VM.WRITE, 'no');
  m.addWord(driverPage(w), FRAME.REF, 1);
  mapPage(m, proc, w.vpage(page), driverPage(w), PTE.WRITE);
}
