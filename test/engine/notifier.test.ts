import { describe, expect, it } from 'vitest';
import { compare } from '#engine/explore/compare.ts';
import { explore, exploreFully } from '#engine/explore/explore.ts';
import { FOLL } from '#engine/protocol/flags.ts';
import type { Memory, Scenario } from '#engine/protocol/scenario.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import { acquire, dirty, dmaMap, dmaUnmap, get, later, memory, pin, put, scenario, unpin } from './steps.ts';

const NONE = { set: 0, from: 0, count: 0 };
const insert: DriverStep = { op: 'notifier-insert' };
const remove: DriverStep = { op: 'notifier-remove' };
const begin: DriverStep = { op: 'read-begin' };
const setSeq: DriverStep = { op: 'set-seq' };
const lock: DriverStep = { op: 'driver-lock' };
const unlock: DriverStep = { op: 'driver-unlock' };
const ifRetry = (body: number): DriverStep => ({ op: 'if', condition: 'read-retry', ...NONE, body });
const ifMapped = (body: number): DriverStep => ({
  op: 'if',
  condition: 'dma-mapped',
  set: 0,
  from: 0,
  count: 1,
  body,
});
const goto = (to: number): DriverStep => ({ op: 'goto', to });

const taken = acquire('get_user_pages_fast', FOLL.WRITE, { expect: 1 });

/** Takes the pages, lets the device have them unless they were invalidated meanwhile, and takes them back. */
const driver: DriverStep[] = [
  insert,
  begin,
  taken,
  lock,
  ifRetry(3),
  unlock,
  put(),
  goto(1),
  dmaMap('from-device'),
  unlock,
  lock,
  ifMapped(3),
  dmaUnmap,
  dirty(),
  put(),
  unlock,
  remove,
];
const callback: DriverStep[] = [lock, setSeq, ifMapped(3), dmaUnmap, dirty(false), put(), unlock];

function withNotifier(
  on: Memory,
  steps: readonly DriverStep[],
  called: readonly DriverStep[],
  ...actors: Scenario['actors']
): Scenario {
  return { ...scenario(on, steps, ...actors), callback: called };
}

describe('a driver with an invalidate callback', () => {
  it.each(['fork-parent-write', 'fork-child-write', 'munmap', 'reclaim', 'migrate', 'ksm'] as const)(
    'loses nothing on anonymous memory under %s',
    (actor) => {
      expect(explore(withNotifier(memory('anon'), driver, callback, actor, 'store')).verdict).toBe('holds');
    },
  );

  it.each(['writeback', 'truncate', 'reclaim', 'munmap'] as const)('nor on a file under %s', (actor) => {
    const found = exploreFully(withNotifier(memory('file'), driver, callback, actor));
    expect(found.verdict).toBe('holds');
  });

  it('lets the kernel move what it holds without FOLL_LONGTERM, for as long as userspace likes', () => {
    const holds = driver.flatMap((step, i) => (i === 9 ? [step, later] : [step]));
    const movable = memory('anon', { zone: 'movable' });
    expect(explore(withNotifier(movable, holds, callback, 'migrate')).verdict).toBe('holds');
    expect(explore(withNotifier(movable, holds, [lock, setSeq, unlock], 'migrate'))).toMatchObject({
      verdict: 'broken',
      counterexample: { violation: { property: 'blocked-migration' } },
    });
  });

  it('is shown to need the release in the callback', () => {
    const silent = withNotifier(memory('anon'), driver, [lock, setSeq, unlock], 'fork-parent-write');
    const document = withNotifier(memory('anon'), driver, callback, 'fork-parent-write');
    expect(compare(silent, document)).toMatchObject({ shown: true, property: 'lost-write' });
  });

  it('is shown to need the device stopped before the release', () => {
    const running = [lock, setSeq, ifMapped(1), put(), unlock];
    const found = explore(withNotifier(memory('anon'), driver, running, 'munmap'));
    expect(found.counterexample!.violation.property).toBe('use-after-release');
  });

  it('says in the trace that the callback runs', () => {
    const found = explore(withNotifier(memory('anon'), driver, [lock, setSeq, unlock], 'fork-parent-write'));
    const fork = found.counterexample!.trace.find((step) => step.call === 'fork()')!;
    expect(fork.note).toContain('the invalidate callback of the driver runs first');
  });

  it('makes the kernel wait while the driver holds the lock of both', () => {
    const holding = [insert, lock, taken, dmaMap('from-device'), dmaUnmap, put(), unlock, remove];
    const careless = [setSeq, ifMapped(1), put()];
    const patient = withNotifier(memory('anon'), holding, [lock, ...careless, unlock], 'munmap');
    expect(explore(patient).verdict).toBe('holds');
    expect(explore(withNotifier(memory('anon'), holding, careless, 'munmap')).verdict).toBe('broken');
  });

  it('waits for itself when it faults under that lock', () => {
    const under = [insert, lock, get(), put(), unlock, remove];
    const found = explore(withNotifier(memory('anon'), under, callback, 'fork-child-write'));
    expect(found.counterexample!.violation.damage).toContain('possible recursive locking');
  });

  it('is a soft lockup when it never ends', () => {
    const found = explore(withNotifier(memory('anon'), [insert, remove], [setSeq, goto(0)], 'munmap'));
    expect(found.counterexample!.violation.damage).toContain('soft lockup');
  });

  it('hears nothing before it is inserted and after it is removed', () => {
    const outside = [get(), dmaMap('from-device'), dmaUnmap, dirty(), put(), insert, remove];
    const found = explore(withNotifier(memory('anon'), outside, callback, 'fork-parent-write'));
    expect(found.verdict).toBe('broken');
  });
});

describe('a device with page faults', () => {
  const fault: DriverStep = { op: 'hmm-fault', set: 0, nr: 1, write: true };
  const mirror: DriverStep[] = [
    insert,
    begin,
    fault,
    lock,
    ifRetry(2),
    unlock,
    goto(1),
    dmaMap('from-device'),
    unlock,
    lock,
    ifMapped(1),
    dmaUnmap,
    unlock,
    remove,
  ];
  const drop: DriverStep[] = [lock, setSeq, ifMapped(1), dmaUnmap, unlock];

  it.each(['fork-parent-write', 'fork-child-write', 'reclaim', 'migrate'] as const)(
    'needs no reference at all under %s',
    (actor) => {
      const found = explore(withNotifier(memory('anon'), mirror, drop, actor));
      expect(found.verdict).toBe('holds');
    },
  );

  it('uses freed memory when nobody removes its entries', () => {
    const found = explore(scenario(memory('anon'), mirror, 'reclaim'));
    expect(found.counterexample!.violation.property).toBe('use-after-release');
  });

  it('takes no reference and no pin', () => {
    const found = explore(scenario(memory('anon'), [fault]));
    expect(found.verdict).toBe('holds');
  });
});

describe('two threads of one driver', () => {
  const longterm = (set: number, expected?: number): DriverStep =>
    acquire('pin_user_pages_fast', FOLL.WRITE | FOLL.LONGTERM, {
      set,
      ...(expected === undefined ? {} : { expect: expected }),
    });
  const two = (on: Memory, first: DriverStep[], second: DriverStep[]): Scenario => ({
    ...scenario(on, first),
    second,
  });
  const cma = memory('anon', { zone: 'cma' });

  it('can make one long-term pin of CMA memory fail with -ENOMEM', () => {
    const failed = two(cma, [longterm(0, -12)], [longterm(1, 1), { ...unpin(), set: 1 } as DriverStep]);
    expect(explore(failed).verdict).toBe('holds');
  });

  it('never both', () => {
    expect(explore(two(cma, [longterm(0, -12)], [longterm(1, -12)])).executions).toBe(0);
  });

  it('nor in ordinary memory', () => {
    const failed = two(memory('anon'), [longterm(0, -12)], [longterm(1)]);
    expect(explore(failed)).toMatchObject({ verdict: 'refused' });
  });

  it('warn of nothing whoever wins', () => {
    const found = explore(two(cma, [longterm(0)], [longterm(1)]), {
      properties: ['kernel-warning', 'refcount-underflow'],
    });
    expect(found.verdict).toBe('holds');
  });

  it('may pin and reference the same page at once', () => {
    const both = two(
      memory('anon'),
      [pin(), unpin()],
      [
        acquire('get_user_pages_fast', FOLL.WRITE, { set: 1 }),
        { op: 'release', api: 'put_page', set: 1, from: 0, count: 1 },
      ],
    );
    expect(explore(both).verdict).toBe('holds');
  });
});
