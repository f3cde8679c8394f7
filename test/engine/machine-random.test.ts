/** Random operations on a machine: whatever happens, every reference is somebody's. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRAME, GUP_PIN_COUNTING_BIAS, PG, PTE, VM, ZERO_FRAME } from '#engine/model/constants.ts';
import { userAccess } from '#engine/model/fault.ts';
import { truncateFile, writebackFile } from '#engine/model/file.ts';
import { extraReferences, folioMaybeDmaPinned, putPage } from '#engine/model/folio.ts';
import { getUserPages, getUserPagesFast, pinUserPages, pinUserPagesFast } from '#engine/model/gup-api.ts';
import { createMachine, type Machine } from '#engine/model/machine.ts';
import { ksmMerge, migrateFolio } from '#engine/model/migrate.ts';
import { dropCaches, exitProcess, fork, madviseDontneed, madvisePageout, munmap } from '#engine/model/mm.ts';
import { unpinUserPage } from '#engine/model/unpin.ts';
import { FOLL } from '#engine/protocol/flags.ts';

interface Hold {
  readonly frame: number;
  readonly pin: boolean;
}

interface Operation {
  readonly name: string;
  readonly v: number;
  readonly write: boolean;
  readonly choice: number;
}

const OPERATIONS = [
  'get',
  'get_fast',
  'pin',
  'pin_fast',
  'pin_longterm',
  'release',
  'release',
  'store',
  'load',
  'fork',
  'exit',
  'child-store',
  'dontneed',
  'pageout',
  'migrate',
  'ksm',
  'writeback',
  'drop_caches',
  'munmap',
  'truncate',
];

const operation: fc.Arbitrary<Operation> = fc.record({
  name: fc.constantFrom(...OPERATIONS),
  v: fc.nat(7),
  write: fc.boolean(),
  choice: fc.nat(1000),
});

const ALL = VM.READ | VM.WRITE | VM.MAYREAD | VM.MAYWRITE;

/** Pages 0-1 anonymous, 2-3 one huge page, 4-5 a shared file, 6-7 a private one. */
function machine(zone: 'normal' | 'movable'): Machine {
  const m = createMachine({
    frames: 160,
    processes: 2,
    vpages: 8,
    vmas: 6,
    files: [
      { fs: 'ext4', size: 2 },
      { fs: 'ext4', size: 2 },
    ],
    swapSlots: 32,
    pmdPages: 2,
    zone,
  });
  m.addVma(0, 0, 2, ALL);
  m.addVma(0, 2, 4, ALL | VM.HUGEPAGE);
  m.addVma(0, 4, 6, ALL | VM.SHARED, 0);
  m.addVma(0, 6, 8, ALL, 1);
  return m;
}

function apply(m: Machine, holds: Hold[], op: Operation): void {
  const flags = op.write ? FOLL.WRITE : 0;
  const take = (call: typeof getUserPages, pin: boolean, extra = 0): void => {
    const pages: number[] = [];
    const ret = call(m, 0, op.v, 1, flags | extra, pages);
    if (ret > 0) holds.push({ frame: pages[0]!, pin });
  };
  switch (op.name) {
    case 'get':
      take(getUserPages, false);
      return;
    case 'get_fast':
      take(getUserPagesFast, false);
      return;
    case 'pin':
      take(pinUserPages, true);
      return;
    case 'pin_fast':
      take(pinUserPagesFast, true);
      return;
    case 'pin_longterm':
      take(pinUserPagesFast, true, FOLL.LONGTERM);
      return;
    case 'release': {
      const [hold] = holds.length === 0 ? [] : holds.splice(op.choice % holds.length, 1);
      if (hold === undefined) return;
      if (hold.pin) unpinUserPage(m, hold.frame);
      else putPage(m, hold.frame);
      return;
    }
    case 'store':
    case 'load':
      userAccess(m, 0, op.v, op.name === 'store');
      return;
    case 'fork':
      if (!m.alive(1)) fork(m, 0, 1);
      return;
    case 'exit':
      if (m.alive(1)) exitProcess(m, 1);
      return;
    case 'child-store':
      if (m.alive(1)) userAccess(m, 1, op.v, true);
      return;
    case 'dontneed':
      madviseDontneed(m, 0, op.v, op.v + 1);
      return;
    case 'pageout':
      madvisePageout(m, 0, 0, 8);
      return;
    case 'migrate': {
      const pte = m.pte(0, op.v);
      if ((pte & (PTE.PRESENT | PTE.SPECIAL)) === PTE.PRESENT) migrateFolio(m, m.head(pte >> PTE.SHIFT));
      return;
    }
    case 'ksm':
      ksmMerge(m, 0, op.v);
      return;
    case 'writeback':
      writebackFile(m, 0);
      return;
    case 'drop_caches':
      dropCaches(m);
      return;
    case 'munmap':
      if (op.choice % 8 === 0) munmap(m, 0, op.v, op.v + 1);
      return;
    case 'truncate':
      if (op.choice % 8 === 0) truncateFile(m, op.choice % 2, 1);
  }
}

/** References that the holds add to a folio. */
function heldReferences(m: Machine, holds: readonly Hold[], head: number): number {
  let refs = 0;
  for (const hold of holds) {
    if (m.head(hold.frame) !== head) continue;
    if (!hold.pin) refs += 1;
    else if (head !== ZERO_FRAME) refs += m.order(head) > 0 ? 1 : GUP_PIN_COUNTING_BIAS;
  }
  return refs;
}

function checkInvariants(m: Machine, holds: readonly Hold[], after: string): void {
  let pins = 0;
  for (const hold of holds) {
    const head = m.head(hold.frame);
    expect(m.ref(head), `${after}: a held page is alive`).toBeGreaterThan(0);
    if (!hold.pin || head === ZERO_FRAME) continue;
    pins++;
    expect(folioMaybeDmaPinned(m, head), `${after}: no false negative`).toBe(true);
  }
  expect(m.acquired - m.released, `${after}: counters`).toBe(pins);
  const mapped = new Int32Array(m.frames);
  for (let proc = 0; proc < m.processes; proc++)
    for (let v = 0; v < m.vpages; v++) {
      const pte = m.pte(proc, v);
      if ((pte & (PTE.PRESENT | PTE.SPECIAL)) !== PTE.PRESENT) continue;
      const frame = pte >> PTE.SHIFT;
      if ((pte & PTE.PMD) === 0 || m.head(frame) === frame) mapped[m.head(frame)]!++;
    }
  for (let f = 0; f < m.frames; f++) {
    const flags = m.flags(f);
    if ((flags & PG.tail) !== 0 || (m.ref(f) === 0 && flags === 0)) continue;
    expect(m.word(f, FRAME.MAPCOUNT), `${after}: mapcount of ${f}`).toBe(mapped[f]);
    expect(extraReferences(m, f), `${after}: references of ${f}`).toBe(heldReferences(m, holds, f));
    if (m.order(f) > 0) expect(m.word(f, FRAME.PIN)).toBeLessThanOrEqual(m.ref(f));
  }
  expect(m.warnCount, after).toBe(0);
}

describe('random operations', () => {
  it('leave every reference, mapping and pin accounted for, after each one', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('normal' as const, 'movable' as const),
        fc.array(operation, { maxLength: 40 }),
        (zone, ops) => {
          const m = machine(zone);
          const holds: Hold[] = [];
          for (const op of ops) {
            apply(m, holds, op);
            checkInvariants(m, holds, op.name);
          }
          while (holds.length > 0) apply(m, holds, { name: 'release', v: 0, write: false, choice: 0 });
          expect(m.acquired).toBe(m.released);
        },
      ),
      { numRuns: 1500, seed: 2 },
    );
  });

  it('give the same state when they are repeated', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 25 }), (ops) => {
        const run = (): Int32Array => {
          const m = machine('normal');
          const holds: Hold[] = [];
          for (const op of ops) apply(m, holds, op);
          return m.words;
        };
        expect(run()).toEqual(run());
      }),
      { numRuns: 200, seed: 3 },
    );
  });
});
