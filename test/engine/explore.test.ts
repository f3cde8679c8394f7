import { describe, expect, it } from 'vitest';
import { compare } from '#engine/explore/compare.ts';
import { explore, exploreFully } from '#engine/explore/explore.ts';
import { FOLL } from '#engine/protocol/flags.ts';
import type { ActorKind, Memory } from '#engine/protocol/scenario.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import type { PropertyName } from '#engine/protocol/trace.ts';
import {
  acquire,
  dirty,
  dmaMap,
  dmaUnmap,
  get,
  later,
  lock,
  memory,
  pin,
  put,
  read,
  release,
  scenario,
  unlock,
  unpin,
  unpinDirty,
  write,
} from './steps.ts';

interface Case {
  readonly says: string;
  readonly on: Memory;
  readonly written: readonly DriverStep[];
  readonly document?: readonly DriverStep[];
  readonly actors?: readonly ActorKind[];
  readonly shows: PropertyName | 'nothing';
}

const documentForm = [pin(), write(), unpinDirty()];

function check(c: Case): void {
  const {
    memory: mem,
    written,
    document,
    actors,
  } = { memory: c.on, document: documentForm, actors: [], ...c };
  const difference = compare(scenario(mem, written, ...actors), scenario(mem, document, ...actors));
  const text = JSON.stringify(difference.written.counterexample?.violation);
  expect(difference.property ?? 'nothing', text).toBe(c.shows);
}

describe('what decides on anonymous memory is the pin', () => {
  const cases: Case[] = [
    {
      says: 'a parent that writes after fork copies a got page away',
      on: memory('anon'),
      written: [get(), write(), put()],
      actors: ['fork-parent-write'],
      shows: 'lost-write',
    },
    {
      says: 'dirtying does not help there',
      on: memory('anon'),
      written: [get(), write(), dirty(), put()],
      actors: ['fork-parent-write'],
      shows: 'lost-write',
    },
    {
      says: 'a child that writes leaves the parent with the page, but sees the driver before',
      on: memory('anon'),
      written: [get(), write(), put()],
      actors: ['fork-child-write'],
      shows: 'child-sees-write',
    },
    {
      says: 'the same holds for a huge page',
      on: memory('thp'),
      written: [get(), write(), put()],
      actors: ['fork-parent-write'],
      shows: 'lost-write',
    },
    {
      says: 'and for hugetlb',
      on: memory('hugetlb'),
      written: [get(), write(), put()],
      actors: ['fork-parent-write'],
      shows: 'lost-write',
    },
    {
      says: 'a device that reads for the process reads stale data',
      on: memory('anon'),
      written: [get(0), dmaMap('to-device'), dmaUnmap, put()],
      document: [pin(0), dmaMap('to-device'), dmaUnmap, unpin()],
      actors: ['fork-parent-write'],
      shows: 'stale-read',
    },
    {
      says: 'a device that writes loses its bytes',
      on: memory('anon'),
      written: [get(), dmaMap('from-device'), dmaUnmap, dirty(), put()],
      document: [pin(), dmaMap('from-device'), dmaUnmap, unpinDirty()],
      actors: ['fork-parent-write'],
      shows: 'lost-write',
    },
    {
      says: 'a process that does not fork loses nothing',
      on: memory('anon'),
      written: [get(), write(), put()],
      actors: ['store', 'munmap', 'migrate', 'ksm'],
      shows: 'nothing',
    },
    {
      says: 'reclaim alone loses nothing either',
      on: memory('anon'),
      written: [get(), write(), put()],
      actors: ['reclaim', 'store'],
      shows: 'nothing',
    },
    {
      says: 'mmap_lock held for reading keeps fork out',
      on: memory('anon'),
      written: [lock, acquire('get_user_pages'), write(), put(), unlock],
      document: documentForm,
      actors: ['fork-parent-write'],
      shows: 'nothing',
    },
    {
      says: 'unless it is dropped before the write',
      on: memory('anon'),
      written: [lock, acquire('get_user_pages'), unlock, write(), put()],
      document: documentForm,
      actors: ['fork-parent-write'],
      shows: 'lost-write',
    },
  ];
  it.each(cases)('$says', check);
});

describe('what decides on file-backed memory is dirtying', () => {
  const writeback = ['writeback'] as const;
  const cases: Case[] = [
    {
      says: 'get, write, put loses the bytes at writeback',
      on: memory('file'),
      written: [get(), write(), put()],
      actors: writeback,
      shows: 'lost-write',
    },
    {
      says: 'get with set_page_dirty_lock keeps them',
      on: memory('file'),
      written: [get(), write(), dirty(), put()],
      actors: writeback,
      shows: 'nothing',
    },
    {
      says: 'a pin released without dirtying loses them too',
      on: memory('file'),
      written: [pin(), write(), unpin()],
      actors: writeback,
      shows: 'lost-write',
    },
    {
      says: 'without writeback in between nothing is lost',
      on: memory('file'),
      written: [get(), write(), put()],
      actors: ['reclaim'],
      shows: 'nothing',
    },
    {
      says: 'tmpfs loses nothing',
      on: memory('shmem'),
      written: [get(), write(), put()],
      actors: ['writeback', 'reclaim'],
      shows: 'nothing',
    },
    {
      says: 'DAX loses nothing',
      on: memory('fsdax'),
      written: [get(), write(), put()],
      actors: writeback,
      shows: 'nothing',
    },
    {
      says: 'what truncate discards is not lost',
      on: memory('file'),
      written: [get(), write(), dirty(), put()],
      actors: ['truncate'],
      shows: 'nothing',
    },
    {
      says: 'nor what munmap discards',
      on: memory('anon'),
      written: [get(), write(), put()],
      actors: ['munmap'],
      shows: 'nothing',
    },
  ];
  it.each(cases)('$says', check);

  it('notes, but does not hold against a form, that correct code dirties behind the file system', () => {
    const found = exploreFully(scenario(memory('file'), documentForm, 'writeback'));
    expect(found.verdict).toBe('holds');
    expect(found.broken).toEqual(['dirtied-behind-filesystem']);
  });
});

describe('several children', () => {
  it('a child that is forked after a write may see that write: it is a copy of what the process had', () => {
    const twice = scenario(
      memory('anon'),
      [pin(), write(), unpinDirty()],
      'fork-parent-write',
      'fork-child-write',
    );
    expect(explore(twice).verdict).toBe('holds');
  });
});

describe('references and pins', () => {
  const two = memory('anon', { pages: 2, mapped: 2 });
  const half = memory('anon', { pages: 2, mapped: 1 });
  const pin2 = acquire('pin_user_pages_fast', FOLL.WRITE, { nr: 2 });
  const get2 = acquire('get_user_pages_fast', FOLL.WRITE, { nr: 2 });
  const cases: Case[] = [
    {
      says: 'a forgotten page is a leak',
      on: memory('anon'),
      written: [get(), write()],
      shows: 'unbalanced-references',
    },
    {
      says: 'so is a forgotten pin',
      on: two,
      written: [pin2, unpin(1)],
      document: [pin2, unpin(2)],
      shows: 'unbalanced-references',
    },
    {
      says: 'a short count that is not released is a leak',
      on: half,
      written: [pin2],
      document: [pin2, unpin(1)],
      shows: 'unbalanced-references',
    },
    {
      says: 'put_page on a pinned page leaves 1023 references',
      on: memory('anon'),
      written: [pin(), put()],
      shows: 'unbalanced-references',
    },
    {
      says: 'put_page on a pinned huge page leaves its pincount',
      on: memory('thp'),
      written: [pin(), put()],
      shows: 'unbalanced-references',
    },
    {
      says: 'unpin of a got page takes 1023 references too many',
      on: memory('anon'),
      written: [get(), unpin()],
      shows: 'refcount-underflow',
    },
    {
      says: 'unpin of a got huge page takes a pin from nobody',
      on: memory('thp'),
      written: [get(), unpin()],
      shows: 'refcount-underflow',
    },
    {
      says: 'releasing what was never filled walks into garbage',
      on: half,
      written: [get2, put(2)],
      document: [get2, put(1)],
      shows: 'unfilled-slot',
    },
    {
      says: 'a second put frees a page in use',
      on: memory('anon'),
      written: [get(), put(), put()],
      shows: 'refcount-underflow',
    },
    {
      says: 'a second unpin is no better',
      on: memory('file'),
      written: [pin(), unpin(), unpin()],
      shows: 'refcount-underflow',
    },
    {
      says: 'writing after the release is a use of somebody else’s page',
      on: memory('anon'),
      written: [get(), put(), write()],
      shows: 'use-after-release',
    },
    {
      says: 'so is a device that is still mapped at the release',
      on: memory('anon'),
      written: [pin(), dmaMap('from-device'), unpin(), dmaUnmap],
      shows: 'use-after-release',
    },
    {
      says: 'a negative count makes unpin_user_pages warn',
      on: memory('anon', { mapped: 0 }),
      written: [acquire('pin_user_pages_fast'), unpin(-14)],
      document: [acquire('pin_user_pages_fast')],
      shows: 'kernel-warning',
    },
    {
      says: 'the same count is an empty loop for release_pages',
      on: memory('anon', { mapped: 0 }),
      written: [acquire('get_user_pages_fast'), release('release_pages', -14)],
      document: [acquire('get_user_pages_fast')],
      shows: 'nothing',
    },
    {
      says: 'and an oops for unpin_user_pages_dirty_lock with make_dirty',
      on: memory('anon', { mapped: 0 }),
      written: [acquire('pin_user_pages_fast'), unpinDirty(-14)],
      document: [acquire('pin_user_pages_fast')],
      shows: 'kernel-warning',
    },
    {
      says: 'unpin_user_folio releases several pins of one folio',
      on: memory('thp', { pages: 2, mapped: 2 }),
      written: [pin2, release('unpin_user_folio', 2)],
      document: [pin2, unpin(2)],
      shows: 'nothing',
    },
    {
      says: 'unpin_user_page_range_dirty_lock walks consecutive pages',
      on: memory('thp', { pages: 2, mapped: 2 }),
      written: [pin2, release('unpin_user_page_range_dirty_lock', 2)],
      document: [pin2, unpin(2)],
      shows: 'nothing',
    },
  ];
  it.each(cases)('$says', check);

  it('leaves the reference count at +1023 after pin and put', () => {
    const { counterexample } = explore(scenario(memory('anon'), [pin(), put()]));
    const folio = counterexample!.trace.at(-1)!.after.folios[0]!;
    expect(folio.refcount).toBe(1 + 1024 - 1);
    expect(counterexample!.trace.at(-1)!.after.vmstat).toEqual({ acquired: 1, released: 0 });
  });

  it('leaves the reference count at 1 + 1 - 1024 after get and unpin', () => {
    const { counterexample } = explore(scenario(memory('anon'), [get(), unpin()]));
    expect(counterexample!.trace.at(-1)!.after.folios[0]!.refcount).toBe(1 + 1 - 1024);
  });
});

describe('arguments that the kernel refuses', () => {
  const form = [pin(), unpin()];
  const cases: (Case & { readonly ret: number })[] = [
    {
      says: 'FOLL_PIN at a get call',
      on: memory('anon'),
      written: [acquire('get_user_pages_fast', FOLL.PIN)],
      document: form,
      shows: 'refused-arguments',
      ret: -22,
    },
    {
      says: 'FOLL_GET at pin_user_pages',
      on: memory('anon'),
      written: [acquire('pin_user_pages', FOLL.GET)],
      document: form,
      shows: 'refused-arguments',
      ret: 0,
    },
    {
      says: 'FOLL_GET at pin_user_pages_fast',
      on: memory('anon'),
      written: [acquire('pin_user_pages_fast', FOLL.GET)],
      document: form,
      shows: 'refused-arguments',
      ret: -22,
    },
    {
      says: 'FOLL_LONGTERM at get_user_pages',
      on: memory('anon'),
      written: [acquire('get_user_pages', FOLL.LONGTERM)],
      document: form,
      shows: 'refused-arguments',
      ret: -22,
    },
    {
      says: 'a NULL pages array at pin_user_pages',
      on: memory('anon'),
      written: [acquire('pin_user_pages', 0, { nullPages: true })],
      document: form,
      shows: 'refused-arguments',
      ret: 0,
    },
    {
      says: 'a flag that the fast path does not know',
      on: memory('anon'),
      written: [acquire('get_user_pages_fast', FOLL.NOWAIT)],
      document: form,
      shows: 'refused-arguments',
      ret: -22,
    },
  ];
  it.each(cases)('$says', (c) => {
    check(c);
    const { counterexample } = explore(scenario(c.on, c.written));
    expect(counterexample!.trace[0]!.ret).toBe(c.ret);
    expect(counterexample!.trace[0]!.warnings).toHaveLength(1);
  });

  it('a NULL pages array at get_user_pages faults in and takes no reference', () => {
    const found = explore(
      scenario(memory('anon'), [acquire('get_user_pages', 0, { nullPages: true, expect: 1 })]),
    );
    expect(found.verdict).toBe('holds');
  });
});

describe('holds that userspace controls', () => {
  const movable = memory('anon', { zone: 'movable' });
  const longterm = pin(FOLL.WRITE | FOLL.LONGTERM);
  const cases: Case[] = [
    {
      says: 'a pin without FOLL_LONGTERM keeps movable memory in place',
      on: movable,
      written: [pin(), later, unpin()],
      document: [longterm, later, unpin()],
      actors: ['migrate'],
      shows: 'blocked-migration',
    },
    {
      says: 'so does a reference',
      on: memory('anon', { zone: 'cma' }),
      written: [get(), later, put()],
      document: [longterm, later, unpin()],
      actors: ['migrate'],
      shows: 'blocked-migration',
    },
    {
      says: 'the hold itself shows it when nobody migrates',
      on: movable,
      written: [pin(), later, unpin()],
      document: [longterm, later, unpin()],
      shows: 'blocked-migration',
    },
    {
      says: 'a hold within one entry point is short',
      on: movable,
      written: [pin(), unpin()],
      document: [longterm, unpin()],
      actors: ['migrate'],
      shows: 'nothing',
    },
    {
      says: 'ordinary memory may be held',
      on: memory('anon'),
      written: [pin(), later, unpin()],
      document: [longterm, later, unpin()],
      actors: ['migrate'],
      shows: 'nothing',
    },
    {
      says: 'exit between two entry points does not unbalance a pin',
      on: memory('anon'),
      written: [pin(), later, unpin()],
      document: [longterm, later, unpin()],
      actors: ['exit'],
      shows: 'nothing',
    },
  ];
  it.each(cases)('$says', check);

  it('FOLL_LONGTERM moves the page out of movable memory first', () => {
    const found = explore(scenario(movable, [longterm, put()]));
    const folio = found.counterexample!.trace[0]!.after.folios.find((f) => f.held === 1)!;
    expect(found.counterexample!.trace[0]!.note).toContain('is migrated to');
    expect(folio.refcount).toBe(1025);
  });

  it('FOLL_LONGTERM is refused on DAX', () => {
    const on = memory('fsdax');
    expect(
      explore(scenario(on, [acquire('pin_user_pages_fast', FOLL.LONGTERM, { expect: -95 })])).verdict,
    ).toBe('holds');
  });

  it('FOLL_LONGTERM with FOLL_WRITE is refused on a shared file that tracks dirty pages', () => {
    const flags = FOLL.LONGTERM | FOLL.WRITE;
    const expectRet = (kind: 'file' | 'shmem' | 'file-private', ret: number): void => {
      const step = acquire('pin_user_pages_fast', flags, { expect: ret });
      expect(explore(scenario(memory(kind), [step, unpin(Math.max(ret, 0))])).verdict, kind).toBe('holds');
    };
    expectRet('file', -14);
    expectRet('shmem', 1);
    expectRet('file-private', 1);
  });
});

describe('writing without FOLL_WRITE', () => {
  const cases: Case[] = [
    {
      says: 'lands in the zero page',
      on: memory('zero'),
      written: [get(0), write(), put()],
      document: documentForm,
      shows: 'child-sees-write',
    },
    {
      says: 'lands in the page cache of a private mapping, which stays clean',
      on: memory('file-private'),
      written: [pin(0), write(), unpin()],
      document: documentForm,
      shows: 'lost-write',
    },
    {
      says: 'a read-only pin of the zero page does not follow the process’s stores',
      on: memory('zero'),
      written: [pin(0), read(), unpin()],
      document: [pin(FOLL.LONGTERM), read(), unpin()],
      actors: ['store'],
      shows: 'stale-read',
    },
  ];
  it.each(cases)('$says', check);
});

describe('explore()', () => {
  it('refuses a witness that assumes a result that the setup cannot give', () => {
    const found = explore(
      scenario(memory('anon'), [acquire('get_user_pages_fast', FOLL.WRITE, { expect: -14 })]),
    );
    expect(found.verdict).toBe('refused');
    expect(found.refusal).toContain('returned 1');
  });

  it('refuses it also when its beginning breaks something', () => {
    const impossible = acquire('get_user_pages_fast', FOLL.WRITE, { set: 1, expect: -14 });
    const anon = scenario(memory('zero'), [get(0), write(), put(), impossible]);
    expect(explore(anon)).toMatchObject({ verdict: 'refused' });
  });

  it('keeps only the runs that give the assumed result', () => {
    const step = acquire('get_user_pages_fast', FOLL.WRITE, { expect: -14 });
    const found = explore(scenario(memory('anon'), [step], 'munmap'));
    expect(found.verdict).toBe('holds');
    expect(found.executions).toBe(1);
  });

  it('says so when a bound was hit, and never calls that a proof', () => {
    const run = scenario(memory('anon'), documentForm, 'fork-parent-write', 'store', 'reclaim', 'migrate');
    expect(explore(run, { bounds: { states: 10 } }).verdict).toBe('bounded');
    expect(explore(run).verdict).toBe('holds');
  });

  it('can be cancelled', () => {
    expect(explore(scenario(memory('anon'), documentForm), { cancelled: () => true }).verdict).toBe(
      'bounded',
    );
  });

  it('gives the shortest counterexample, step by step with snapshots that join', () => {
    const { counterexample } = explore(
      scenario(memory('anon'), [get(), write(), put()], 'fork-parent-write', 'store'),
    );
    const { trace } = counterexample!;
    expect(trace.map((step) => step.actor)).toEqual(['driver', 'fork-parent-write', 'driver']);
    for (let i = 1; i < trace.length; i++) expect(trace[i]!.before).toEqual(trace[i - 1]!.after);
    expect(trace[0]!.call).toBe('get_user_pages_fast(p, 1, FOLL_WRITE, pages)');
    expect(trace[0]!.driverStep).toBe(0);
  });

  it('is deterministic', () => {
    const run = scenario(
      memory('file'),
      [get(), write(), put()],
      'writeback',
      'reclaim',
      'fork-parent-write',
    );
    expect(explore(run)).toEqual(explore(run));
  });

  it('looks only at the properties asked for', () => {
    const run = scenario(memory('anon'), [get(), write(), put()], 'fork-parent-write');
    expect(explore(run, { properties: ['unbalanced-references'] }).verdict).toBe('holds');
  });
});
