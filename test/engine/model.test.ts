/** The model as a plain machine: calls, return values and counts that recordings and the source tell. */
import { describe, expect, it } from 'vitest';
import {
  FRAME,
  GLOBAL,
  MMF_HAS_PINNED,
  PG,
  PROC_KILLED,
  PTE,
  returnText,
  VM,
  ZERO_FRAME,
} from '#engine/model/constants.ts';
import { userAccess } from '#engine/model/fault.ts';
import { folioAddPin, folioMaybeDmaPinned, getPage } from '#engine/model/folio.ts';
import type { PageArray } from '#engine/model/gup.ts';
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
} from '#engine/model/gup-api.ts';
import { createMachine, type FileSetup, type Machine, protection } from '#engine/model/machine.ts';
import { ksmMerge, migrateFolio } from '#engine/model/migrate.ts';
import { madviseDontneed, mprotect, munmap } from '#engine/model/mm.ts';
import { splitFolio } from '#engine/model/swap.ts';
import { unpinFolios, unpinUserPage, unpinUserPages } from '#engine/model/unpin.ts';
import { FOLL } from '#engine/protocol/flags.ts';

/** All functions, in the order in which recordings list them. */
const CALLS = {
  G: getUserPages,
  G_fast: getUserPagesFast,
  G_fast_only: getUserPagesFastOnly,
  G_unlocked: getUserPagesUnlocked,
  G_remote: getUserPagesRemote,
  P: pinUserPages,
  P_fast: pinUserPagesFast,
  P_unlocked: pinUserPagesUnlocked,
  P_remote: pinUserPagesRemote,
} as const;
type Name = keyof typeof CALLS;
const NAMES = Object.keys(CALLS) as Name[];

const ALL = VM.READ | VM.WRITE | VM.MAYREAD | VM.MAYWRITE;

/** A process with anonymous pages [0, pages), all written. */
function anonymous(pages: number, room = pages + 4): Machine {
  const m = createMachine({ frames: 4 * room, vpages: room, vmas: 4, pmdPages: 2 });
  m.addVma(0, 0, pages, protection(true, false));
  for (let v = 0; v < pages; v++) userAccess(m, 0, v, true);
  return m;
}

function file(setup: FileSetup, flags: number, touch = true): Machine {
  const m = createMachine({ frames: 16, vpages: 8, vmas: 4, files: [setup], pmdPages: 2, swapSlots: 4 });
  m.addVma(0, 0, setup.pages ?? setup.size, flags, 0);
  if (touch) userAccess(m, 0, 0, false);
  return m;
}

/** Results of every function on a fresh machine: `-EFAULT`, `2`, `-EINVAL!W1`. */
function results(make: () => Machine, start: number, nr: number, flags: number, nullPages = false): string {
  return NAMES.map((name) => {
    const m = make();
    const pages: PageArray | null = nullPages ? null : [];
    const ret = CALLS[name](m, 0, start, nr, flags, pages);
    return `${name}=${returnText(ret)}${m.warnCount > 0 ? `!W${m.warnCount}` : ''}`;
  }).join(' ');
}

const each = (all: string, exceptions: Partial<Record<Name, string>> = {}): string =>
  NAMES.map((name) => `${name}=${exceptions[name] ?? all}`).join(' ');
const REFUSED = each('-EINVAL!W1', { P: '0!W1', P_unlocked: '0!W1', P_remote: '0!W1' });

describe('return values, as recorded', () => {
  const one = (): Machine => anonymous(1);
  it.each([
    ['FOLL_PIN', FOLL.PIN],
    ['FOLL_GET|FOLL_PIN', FOLL.GET | FOLL.PIN],
    ['FOLL_TOUCH', FOLL.TOUCH],
    ['FOLL_REMOTE', FOLL.REMOTE],
    ['FOLL_FAST_ONLY', FOLL.FAST_ONLY],
    ['FOLL_UNLOCKABLE', FOLL.UNLOCKABLE],
    ['FOLL_LONGTERM|FOLL_PCI_P2PDMA', FOLL.LONGTERM | FOLL.PCI_P2PDMA],
  ])('%s is refused everywhere', (_name, flags) => {
    expect(results(one, 0, 1, flags)).toBe(REFUSED);
  });

  it('FOLL_GET is refused by pins only, FOLL_LONGTERM by gets only', () => {
    const get = { G: '1', G_fast: '1', G_fast_only: '1', G_unlocked: '1', G_remote: '1' };
    expect(results(one, 0, 1, FOLL.GET)).toBe(each('0!W1', { ...get, P_fast: '-EINVAL!W1' }));
    expect(results(one, 0, 1, FOLL.LONGTERM)).toBe(
      each('-EINVAL!W1', { P: '1', P_fast: '1', P_unlocked: '1', P_remote: '1' }),
    );
  });

  it.each([
    ['FOLL_ANON', FOLL.ANON],
    ['FOLL_DUMP', FOLL.DUMP],
    ['FOLL_NOWAIT', FOLL.NOWAIT],
    ['FOLL_SPLIT_PMD', FOLL.SPLIT_PMD],
    ['FOLL_INTERRUPTIBLE', FOLL.INTERRUPTIBLE],
    ['0x40000000', 0x40000000],
  ])('%s is refused by the fast functions only', (_name, flags) => {
    const refused = '-EINVAL!W1';
    expect(results(one, 0, 1, flags)).toBe(
      each('1', { G_fast: refused, G_fast_only: refused, P_fast: refused }),
    );
  });

  it.each([FOLL.PCI_P2PDMA, FOLL.NOFAULT, FOLL.HONOR_NUMA_FAULT])(
    'flag %i is accepted everywhere',
    (flags) => {
      expect(results(one, 0, 1, flags)).toBe(each('1'));
    },
  );

  it('NULL instead of an array', () => {
    const faultsIn = {
      G: '1',
      G_unlocked: '1',
      G_remote: '1',
      P: '0!W1',
      P_unlocked: '0!W1',
      P_remote: '0!W1',
    };
    expect(results(one, 0, 1, 0, true)).toBe(each('-EINVAL!W1', faultsIn));
    expect(results(one, 0, 1, FOLL.GET, true)).toBe(REFUSED);
  });

  it('no pages: the slow functions return 0, the fast ones run to the first hole', () => {
    const two = (): Machine => anonymous(2);
    expect(results(two, 0, 0, FOLL.WRITE)).toBe(each('0', { G_fast: '2', G_fast_only: '2', P_fast: '2' }));
    expect(results(two, 3, 0, FOLL.WRITE)).toBe(each('0'));
  });

  it('addresses without memory, beyond the user half, and at the end of the address space', () => {
    expect(results(one, 3, 1, FOLL.WRITE)).toBe(each('-EFAULT', { G_fast_only: '0' }));
    expect(results(one, 2 ** 52 - 2 ** 35, 1, FOLL.WRITE)).toBe(each('-EFAULT'));
    const overflow = '-EOVERFLOW';
    expect(results(one, 2 ** 52 - 1, 1, FOLL.WRITE)).toBe(
      each('-EFAULT', { G_fast: overflow, G_fast_only: overflow, P_fast: overflow }),
    );
  });

  it('a range that ends in a hole, in a read-only page, or in pages that are not there yet', () => {
    expect(results(() => anonymous(3), 0, 8, FOLL.WRITE)).toBe(each('3'));
    const middle = (): Machine => {
      const m = anonymous(3);
      mprotect(m, 0, 1, 2, VM.READ);
      return m;
    };
    expect(results(middle, 0, 3, FOLL.WRITE)).toBe(each('1'));
    const half = (): Machine => {
      const m = anonymous(4);
      madviseDontneed(m, 0, 2, 4);
      return m;
    };
    expect(results(half, 0, 4, FOLL.WRITE)).toBe(each('4', { G_fast_only: '2' }));
    expect(results(half, 0, 4, FOLL.WRITE | FOLL.NOFAULT)).toBe(each('2'));
  });

  it('memory without permission', () => {
    const readonly = (): Machine => {
      const m = anonymous(1);
      mprotect(m, 0, 0, 1, VM.READ);
      return m;
    };
    const none = (): Machine => {
      const m = anonymous(1);
      mprotect(m, 0, 0, 1, 0);
      return m;
    };
    expect(results(readonly, 0, 1, 0)).toBe(each('1'));
    expect(results(readonly, 0, 1, FOLL.WRITE)).toBe(each('-EFAULT', { G_fast_only: '0' }));
    expect(results(readonly, 0, 1, FOLL.WRITE | FOLL.FORCE)).toBe(each('1', { G_fast_only: '0' }));
    expect(results(none, 0, 1, 0)).toBe(each('-EFAULT', { G_fast_only: '0' }));
    expect(results(none, 0, 1, FOLL.FORCE)).toBe(each('1', { G_fast_only: '0' }));
  });

  it('FOLL_FORCE does not write to read-only shared files', () => {
    const shared = (): Machine => file({ fs: 'ext4', size: 1 }, (ALL & ~VM.WRITE) | VM.SHARED);
    expect(results(shared, 0, 1, FOLL.FORCE)).toBe(each('1'));
    expect(results(shared, 0, 1, FOLL.WRITE | FOLL.FORCE)).toBe(each('-EFAULT', { G_fast_only: '0' }));
  });

  it('special memory: PFNMAP, secretmem, beyond the end of the file', () => {
    const pfnmap = (): Machine => {
      const m = createMachine({ frames: 4, vpages: 2 });
      m.addVma(0, 0, 1, ALL | VM.PFNMAP);
      return m;
    };
    expect(results(pfnmap, 0, 1, 0)).toBe(each('-EFAULT', { G_fast_only: '0' }));
    const secret = (): Machine => file({ fs: 'secretmem', size: 1 }, ALL | VM.SHARED);
    expect(results(secret, 0, 1, 0)).toBe(each('-EFAULT', { G_fast_only: '0' }));
    const short = (): Machine => file({ fs: 'ext4', size: 1, pages: 3 }, ALL | VM.SHARED);
    expect(results(short, 0, 3, 0)).toBe(each('1'));
    expect(results(short, 1, 1, 0)).toBe(each('-EFAULT', { G_fast_only: '0' }));
  });

  it('a killed process: -EAGAIN while taking the lock, -EINTR with the lock held', () => {
    const killed = (): Machine => {
      const m = anonymous(1);
      m.setProcFlag(0, PROC_KILLED);
      return m;
    };
    const fast = { G_fast: '1', G_fast_only: '1', P_fast: '1' };
    expect(results(killed, 0, 1, FOLL.WRITE)).toBe(
      each('-EINTR', { ...fast, G_unlocked: '-EAGAIN', P_unlocked: '-EAGAIN' }),
    );
  });

  it('`*locked` has to be 1', () => {
    const m = anonymous(1);
    expect(getUserPagesRemote(m, 0, 0, 1, 0, [], 0)).toBe(-22);
    expect(pinUserPagesRemote(m, 0, 0, 1, 0, [], 0)).toBe(0);
    expect(m.warnCount).toBe(2);
    expect(pinUserPagesRemote(m, 0, 0, 1, 0, [], 1)).toBe(1);
  });
});

describe('counts', () => {
  it('pin number 2^21 turns the count negative, and the next one fails', () => {
    const m = anonymous(1);
    const pages: number[] = [];
    pinUserPagesFast(m, 0, 0, 1, FOLL.WRITE, pages);
    m.setWord(pages[0]!, FRAME.REF, 1 + 1024 * (2 ** 21 - 1));
    expect(pinUserPagesFast(m, 0, 0, 1, FOLL.WRITE, [])).toBe(1);
    expect(m.ref(pages[0]!)).toBeLessThan(0);
    expect(folioMaybeDmaPinned(m, pages[0]!)).toBe(true);
    expect(pinUserPagesFast(m, 0, 0, 1, FOLL.WRITE, [])).toBe(-12);
    expect(m.warnCount).toBe(2);
  });

  it('folio_add_pin() pins without counting, and warns on a page that is not pinned', () => {
    const m = anonymous(1);
    const pages: number[] = [];
    pinUserPagesFast(m, 0, 0, 1, FOLL.WRITE, pages);
    folioAddPin(m, pages[0]!);
    expect([m.ref(pages[0]!), m.acquired]).toEqual([2049, 1]);
    unpinUserPages(m, [pages[0]!, pages[0]!], 0, 2);
    expect([m.ref(pages[0]!), m.released, m.warnCount]).toEqual([1, 2, 0]);
    folioAddPin(m, pages[0]!);
    expect(m.warnCount).toBe(1);
  });

  it('the huge zero page is really pinned, the 4 KiB one is not', () => {
    const m = createMachine({ frames: 16, vpages: 4, pmdPages: 2 });
    m.addVma(0, 0, 2, ALL | VM.HUGEPAGE);
    m.addVma(0, 2, 3, ALL);
    const pages: number[] = [];
    pinUserPages(m, 0, 0, 2, 0, pages);
    expect((m.flags(m.head(pages[0]!)) & PG.hugeZero) !== 0).toBe(true);
    expect([m.word(m.head(pages[0]!), FRAME.PIN), m.acquired]).toEqual([2, 2]);
    pinUserPages(m, 0, 2, 1, 0, pages);
    expect([pages[0], m.ref(ZERO_FRAME), m.acquired]).toEqual([ZERO_FRAME, 1, 2]);
  });

  it('the flag that a process has pinned stays, also when the pin failed', () => {
    const m = anonymous(1);
    expect(pinUserPagesFast(m, 0, 3, 1, FOLL.WRITE, [])).toBe(-14);
    expect(m.procFlags(0) & MMF_HAS_PINNED).not.toBe(0);
  });

  it('a write pin of a long-term kind breaks copy-on-write of a private file', () => {
    const m = file({ fs: 'ext4', size: 1 }, ALL);
    const pages: number[] = [];
    expect(pinUserPagesFast(m, 0, 0, 1, FOLL.LONGTERM, pages)).toBe(1);
    expect(m.isAnon(pages[0]!)).toBe(true);
    // The fast path took a pin and gave it back: both are counted.
    expect([m.acquired, m.released]).toEqual([2, 1]);
  });

  it('a long-term pin waits for nobody: it fails where somebody else holds movable memory', () => {
    for (const hold of [getUserPagesFast, pinUserPagesFast]) {
      const m = createMachine({ frames: 8, vpages: 1, zone: 'movable' });
      m.addVma(0, 0, 1, ALL);
      userAccess(m, 0, 0, true);
      hold(m, 0, 0, 1, FOLL.WRITE, []);
      expect(pinUserPagesFast(m, 0, 0, 1, FOLL.WRITE | FOLL.LONGTERM, [])).toBe(-12);
    }
  });
});

describe('what holds do to the rest of mm', () => {
  it.each([
    ['a reference', getUserPagesFast],
    ['a pin', pinUserPagesFast],
  ])('%s stops migration, KSM and the split of a huge page', (_what, hold) => {
    const m = anonymous(1);
    const pages: number[] = [];
    hold(m, 0, 0, 1, FOLL.WRITE, pages);
    expect(migrateFolio(m, pages[0]!)).toBe(-11);
    expect(ksmMerge(m, 0, 0)).toBe(false);
    const huge = createMachine({ frames: 16, vpages: 2, pmdPages: 2 });
    huge.addVma(0, 0, 2, ALL | VM.HUGEPAGE);
    userAccess(huge, 0, 0, true);
    hold(huge, 0, 0, 1, FOLL.WRITE, pages);
    expect(splitFolio(huge, huge.head(pages[0]!))).toBe(false);
  });

  it('nothing stops them when nobody holds the page', () => {
    const m = anonymous(1);
    const frame = m.pte(0, 0) >> PTE.SHIFT;
    expect(migrateFolio(m, frame)).toBe(0);
    expect(m.ref(frame)).toBe(0);
    expect(ksmMerge(m, 0, 0)).toBe(true);
    // A store to the merged page copies it away again.
    const merged = m.pte(0, 0) >> PTE.SHIFT;
    expect(userAccess(m, 0, 0, true)).not.toBe(merged);
  });

  it('a held page outlives its mapping', () => {
    const m = anonymous(1);
    const pages: number[] = [];
    pinUserPagesFast(m, 0, 0, 1, FOLL.WRITE, pages);
    munmap(m, 0, 0, 1);
    expect([m.ref(pages[0]!), m.word(pages[0]!, FRAME.MAPCOUNT)]).toEqual([1024, 0]);
    unpinUserPage(m, pages[0]!);
    expect(m.ref(pages[0]!)).toBe(0);
  });

  it('a release too many frees a page in use, and the kernel says so', () => {
    const m = anonymous(1);
    const frame = m.pte(0, 0) >> PTE.SHIFT;
    getPage(m, frame, 1023);
    unpinUserPage(m, frame);
    expect(m.ref(frame)).toBe(0);
    expect(m.state[GLOBAL.WARNED]).not.toBe(0);
  });
});

describe('memfds and iterators', () => {
  it('memfd_pin_folios() gives one entry for each folio and allocates what is missing', () => {
    const m = createMachine({
      frames: 16,
      vpages: 1,
      pmdPages: 4,
      files: [
        { fs: 'shmem', size: 4 },
        { fs: 'hugetlbfs', size: 4 },
        { fs: 'ext4', size: 4 },
      ],
    });
    const folios: number[] = [];
    expect(memfdPinFolios(m, 0, 0, 3, folios, 8)).toBe(4);
    expect(folios.map((frame) => m.ref(frame))).toEqual([1025, 1025, 1025, 1025]);
    unpinFolios(m, folios, 0, 4);
    expect(memfdPinFolios(m, 1, 2, 3, folios, 8)).toBe(1);
    expect([m.ref(folios[0]!), m.word(folios[0]!, FRAME.PIN)]).toEqual([5, 1]);
    expect(memfdPinFolios(m, 0, 0, 4, folios, 8)).toBe(-22);
    expect(memfdPinFolios(m, 2, 0, 0, folios, 8)).toBe(-22);
  });

  it('iov_iter_extract_pages() pins where iov_iter_get_pages2() references', () => {
    const m = anonymous(1);
    expect(iovIterExtractPages(m, 0, 0, 1, true, [])).toBe(1);
    expect(iovIterGetPages2(m, 0, 0, 1, true, [])).toBe(1);
    expect(m.ref(m.pte(0, 0) >> PTE.SHIFT)).toBe(1 + 1024 + 1);
  });
});
