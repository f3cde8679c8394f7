import { describe, expect, it } from 'vitest';
import { explore } from '#engine/explore/explore.ts';
import { FOLL } from '#engine/protocol/flags.ts';
import { type Case, check, documentForm } from './case.ts';
import {
  acquire,
  dmaMap,
  dmaUnmap,
  get,
  later,
  memory,
  pin,
  put,
  read,
  release,
  scenario,
  unpin,
  unpinDirty,
  write,
} from './steps.ts';

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
