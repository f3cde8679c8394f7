import { describe, expect, it } from 'vitest';
import { explore, exploreFully } from '#engine/explore/explore.ts';
import { FOLL } from '#engine/protocol/flags.ts';
import { type Case, check, documentForm } from './case.ts';
import {
  acquire,
  dirty,
  dmaMap,
  dmaUnmap,
  get,
  lock,
  memory,
  pin,
  put,
  scenario,
  unlock,
  unpin,
  unpinDirty,
  write,
} from './steps.ts';

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
