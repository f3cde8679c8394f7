/** Properties that hold for every scenario, tried on random ones. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exploreFully } from '#engine/explore/explore.ts';
import { Program } from '#engine/explore/program.ts';
import { enabled, run, transitionCount } from '#engine/explore/transitions.ts';
import { FRAME, GLOBAL, PG } from '#engine/model/constants.ts';
import { folioMaybeDmaPinned, mmReferences } from '#engine/model/folio.ts';
import { canonicalText } from '#engine/protocol/canonical.ts';
import { FOLL } from '#engine/protocol/flags.ts';
import { ACTORS, type Scenario } from '#engine/protocol/scenario.ts';
import { ACQUIRE_APIS, type DriverStep, RELEASE_APIS } from '#engine/protocol/steps.ts';

const flags = fc.constantFrom(0, FOLL.WRITE, FOLL.LONGTERM, FOLL.WRITE | FOLL.LONGTERM, FOLL.FORCE, FOLL.PIN);
const slots = fc.record({
  set: fc.constant(0),
  from: fc.constantFrom(0, 0, 1),
  count: fc.constantFrom(1, 1, 2),
});

const step: fc.Arbitrary<DriverStep> = fc.oneof(
  fc
    .record({
      op: fc.constant('access' as const),
      mode: fc.constantFrom('read' as const, 'write' as const),
      slots,
    })
    .map(({ slots: s, ...rest }) => ({ ...rest, ...s })),
  fc
    .record({ op: fc.constant('dirty' as const), locked: fc.boolean(), slots })
    .map(({ slots: s, ...rest }) => ({ ...rest, ...s })),
  fc.constantFrom<DriverStep>({ op: 'later' }, { op: 'mmap-lock' }, { op: 'mmap-unlock' }),
  fc
    .record({
      op: fc.constant('dma-map' as const),
      direction: fc.constantFrom('to-device' as const, 'from-device' as const, 'bidirectional' as const),
      slots,
    })
    .map(({ slots: s, ...rest }) => ({ ...rest, ...s })),
  fc
    .record({ op: fc.constant('dma-unmap' as const), slots })
    .map(({ slots: s, ...rest }) => ({ ...rest, ...s })),
  fc
    .record({
      op: fc.constant('release' as const),
      api: fc.constantFrom(...RELEASE_APIS),
      makeDirty: fc.boolean(),
      slots,
    })
    .map(({ slots: s, ...rest }) => ({ ...rest, ...s })),
);

const acquire: fc.Arbitrary<DriverStep> = fc.record({
  op: fc.constant('acquire' as const),
  api: fc.constantFrom(...ACQUIRE_APIS),
  flags,
  nr: fc.constantFrom(1, 2),
  set: fc.constant(0),
});

const scenarios: fc.Arbitrary<Scenario> = fc
  .record({
    kind: fc.constantFrom(
      'anon',
      'thp',
      'hugetlb',
      'file',
      'file-private',
      'shmem',
      'fsdax',
      'zero',
    ) as fc.Arbitrary<Scenario['memory']['kind']>,
    mapped: fc.constantFrom(1, 2),
    writable: fc.constantFrom(true, true, true, false),
    zone: fc.constantFrom('normal' as const, 'movable' as const, 'cma' as const),
    first: acquire,
    rest: fc.array(step, { maxLength: 4 }),
    actors: fc.array(fc.constantFrom(...ACTORS), { maxLength: 2 }),
  })
  .map(({ kind, mapped, writable, zone, first, rest, actors }) => ({
    memory: { kind, pages: 2, mapped, writable, zone },
    driver: [first, ...rest],
    actors,
  }));

const RUNS = 1500;

describe('random scenarios', () => {
  it('give the same verdict and the same broken properties with and without reduction', () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        const reduced = exploreFully(scenario);
        const all = exploreFully(scenario, { reduction: false });
        expect(reduced.verdict).toBe(all.verdict);
        expect(reduced.broken).toEqual(all.broken);
        expect(reduced.states).toBeLessThanOrEqual(all.states);
      }),
      { numRuns: 10_000, seed: 4 },
    );
  }, 120_000);

  it('replay their counterexample to the violation that it claims', () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        const { counterexample, broken } = exploreFully(scenario);
        if (counterexample === undefined) return;
        expect(broken).toContain(counterexample.violation.property);
        expect(counterexample.violation.damage).not.toMatch(/undefined|NaN|#/);
        for (const s of counterexample.trace)
          expect(`${s.call} ${s.note}`).not.toMatch(/undefined|NaN|folio#/);
      }),
      { numRuns: RUNS, seed: 5 },
    );
  });

  it('have a canonical text that does not depend on ids and on the order of actors', () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        const renamed: Scenario = {
          ...scenario,
          driver: scenario.driver.map((s, id) => ({ ...s, id })),
          actors: [...scenario.actors].reverse(),
        };
        expect(canonicalText(renamed)).toBe(canonicalText(scenario));
      }),
      { seed: 6 },
    );
  });
});

/** The same with a second thread, an invalidate callback, branches, or writeback that takes time. */
const extended: fc.Arbitrary<Scenario> = fc
  .record({
    scenario: scenarios,
    second: fc.array(step, { maxLength: 2 }),
    longterm: acquire,
    callback: fc.array(step, { maxLength: 3 }),
    body: fc.nat(3),
    shape: fc.record({ second: fc.boolean(), callback: fc.boolean(), slowWriteback: fc.boolean() }),
    stable: fc.boolean(),
  })
  .map(({ scenario, second, longterm, callback, body, shape, stable }) => {
    const branch: DriverStep = {
      op: 'if',
      condition: 'dma-mapped',
      set: 0,
      from: 0,
      count: 1,
      negated: body > 1,
      body,
    };
    return {
      memory: { ...scenario.memory, stable },
      driver: shape.callback
        ? [
            { op: 'notifier-insert' },
            { op: 'driver-lock' },
            ...scenario.driver,
            branch,
            { op: 'driver-unlock' },
          ]
        : scenario.driver,
      actors: scenario.actors,
      ...(shape.second ? { second: [{ ...longterm, set: 1 }, ...second] } : {}),
      ...(shape.callback
        ? { callback: [{ op: 'driver-lock' }, branch, ...callback, { op: 'driver-unlock' }] }
        : {}),
      ...(shape.slowWriteback ? { slowWriteback: true } : {}),
    };
  });

describe('random scenarios with threads, callbacks and slow writeback', () => {
  it('are explored the same way twice, and their counterexample breaks what it claims', () => {
    fc.assert(
      fc.property(extended, (scenario) => {
        const found = exploreFully(scenario, { bounds: { states: 3000 } });
        expect(exploreFully(scenario, { bounds: { states: 3000 } }).broken).toEqual(found.broken);
        const { counterexample } = found;
        if (counterexample === undefined) return;
        expect(found.broken).toContain(counterexample.violation.property);
        for (const s of counterexample.trace)
          expect(`${s.call} ${s.note}`).not.toMatch(/undefined|NaN|folio#/);
      }),
      { numRuns: RUNS, seed: 8 },
    );
  }, 60_000);
});

/** A driver that releases exactly what it took, in the right way, whatever happens around it. */
const correct: fc.Arbitrary<Scenario> = fc
  .record({
    scenario: scenarios,
    pins: fc.boolean(),
    extra: fc.array(fc.constantFrom('read', 'dirty', 'later'), { maxLength: 2 }),
  })
  .map(({ scenario, pins, extra }) => ({
    ...scenario,
    driver: [
      {
        op: 'acquire',
        api: pins ? 'pin_user_pages_fast' : 'get_user_pages_fast',
        flags: 0,
        nr: 1,
        set: 0,
        expect: 1,
      },
      ...extra.map((kind): DriverStep => {
        const slot = { set: 0, from: 0, count: 1 };
        if (kind === 'read') return { op: 'access', mode: 'read', ...slot };
        return kind === 'later' ? { op: 'later' } : { op: 'dirty', locked: true, ...slot };
      }),
      { op: 'release', api: pins ? 'unpin_user_page' : 'put_page', set: 0, from: 0, count: 1 },
    ],
  }));

describe('every state of a driver that releases what it took', () => {
  it('keeps the counts in order: no underflow, no false negative of folio_maybe_dma_pinned(), balance at the end', () => {
    fc.assert(
      fc.property(correct, fc.array(fc.nat(20), { minLength: 12, maxLength: 12 }), (scenario, choices) => {
        const p = new Program(scenario);
        const m = p.machine;
        for (const choice of choices) {
          const ways = Array.from({ length: transitionCount(p) }, (_, t) => t).filter((t) => enabled(p, t));
          if (ways.length === 0 || p.done) break;
          if (!run(p, ways[choice % ways.length]!)) return;
          const pinned = m.acquired > m.released;
          let seen = false;
          for (let f = 0; f < m.frames; f++) {
            if ((m.flags(f) & PG.tail) !== 0) continue;
            expect(m.ref(f)).toBeGreaterThanOrEqual((m.flags(f) & ~PG.tail) === 0 ? 0 : mmReferences(m, f));
            if (m.order(f) > 0) expect(m.word(f, FRAME.PIN)).toBeLessThanOrEqual(m.ref(f));
            if (folioMaybeDmaPinned(m, f)) seen = true;
          }
          expect(seen).toBe(pinned);
          expect(m.state[GLOBAL.WARNED]).toBe(0);
        }
        if (p.done) expect(m.acquired).toBe(m.released);
      }),
      { numRuns: RUNS, seed: 7 },
    );
  });
});
