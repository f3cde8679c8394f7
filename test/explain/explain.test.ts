import { beforeAll, describe, expect, test } from 'vitest';
import { finish } from '#engine/explore/slices.ts';
import { Explainer, finalLevel } from '#server/explain/index.ts';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import type { Analyzer } from '#server/linter/file/analyzer.ts';
import type { Finding, Level } from '#server/rules/finding.ts';
import { RULES } from '#server/rules/index.ts';
import { lint } from '../rules/cases.ts';

let analyzer: Analyzer;
beforeAll(async () => {
  analyzer = await createAnalyzer();
});

const bad = (code: string) => RULES.find((r) => r.code === code)!.bad;
const explanationOf = (text: string) => lint(analyzer, text).findings[0]!.explanation!;

describe('a finding of CASE 5', () => {
  test('is shown by a fork between get and write', () => {
    const { verdict, property, steps, scenario } = explanationOf(bad('GUP201'));
    expect([verdict, property, scenario?.memory.kind]).toEqual(['shown', 'lost-write', 'anon']);
    const actors = steps.map((s) => s.actor);
    expect(actors[0]).toBe('driver');
    expect(actors).toContain('fork-parent-write');
    expect(actors.indexOf('fork-parent-write')).toBeLessThan(
      steps.findIndex((s) => s.call.startsWith('write')),
    );
  });

  test("ties each of the driver's steps to its source", () => {
    const text = bad('GUP201');
    const driver = explanationOf(text).steps.filter((s) => s.actor === 'driver' && s.call !== 'return');
    const sources = driver.map((s) => text.slice(s.range!.start, s.range!.end).split('(')[0]);
    expect(sources).toEqual(['get_user_pages_fast', 'memcpy', 'set_page_dirty_lock', 'put_page']);
  });

  test('names the process that the write misses, and what was assumed', () => {
    const { damage, assumptions } = explanationOf(bad('GUP201'));
    expect(damage).toMatch(/never reach the process/);
    expect(assumptions.join('; ')).toMatch(/private anonymous memory/);
  });

  test('loses nothing in the form of the document', () => {
    expect(explanationOf(bad('GUP201')).documentForm).toMatch(/keeps every property/);
  });
});

describe('counts in the trace are those of the kernel', () => {
  test('a pin that is put leaves 1023 references too many', () => {
    const { steps, damage } = explanationOf(bad('GUP301'));
    expect(steps.map((s) => s.after.folios[0]!.refcount)).toEqual([1025, 1025, 1024, 1024]);
    expect(damage).toMatch(/1023 references too many/);
    expect(steps.at(-1)!.after.vmstat).toEqual({ acquired: 1, released: 0 });
  });

  test('a refused call takes nothing and warns', () => {
    const { verdict, steps } = explanationOf(bad('GUP101'));
    expect(verdict).toBe('call');
    expect(steps[0]!.ret).toBe(-22);
    expect(steps[0]!.warnings.length).toBe(1);
    expect(steps[0]!.after.folios).toEqual(steps[0]!.before.folios);
  });

  test('pin_user_pages_unlocked() returns 0 for refused arguments', () => {
    expect(explanationOf(bad('GUP104')).steps[0]!.ret).toBe(0);
  });
});

test('equal paths with other names have equal explanations', () => {
  const explainer = new Explainer();
  const rule = RULES.find((r) => r.code === 'GUP201')!;
  const finding = lint(analyzer, bad('GUP201')).findings[0]!;
  const renamed = lint(
    analyzer,
    bad('GUP201').replaceAll('page)', 'pg)').replaceAll('*page;', '*pg;').replaceAll('&page', '&pg'),
  ).findings[0]!;
  const strip = (f: Finding) =>
    finish(explainer.explain(f, rule, { place: () => 'here' })).steps.map(({ range: _, ...s }) => s);
  expect(strip(renamed)).toEqual(strip(finding));
});

test('__free_page() on a got page does harm when the process has unmapped it', () => {
  const text = bad('GUP302').replace('unpin_user_page(page)', '__free_page(page)');
  const { level, explanation } = lint(analyzer, text).findings[0]!;
  expect([level, explanation?.verdict, explanation?.property]).toEqual(['error', 'shown', 'kernel-warning']);
  expect(explanation?.scenario?.actors).toEqual(['munmap']);
  expect(explanation?.tried.map(({ outcome }) => outcome)).toContain('holds');
});

test('a finding that a run could have shown and did not is lowered, and says so', () => {
  const text = bad('GUP207').replace('uaddr, 1, 0', 'uaddr, 1, FOLL_LONGTERM');
  const { level, explanation } = lint(analyzer, text).findings[0]!;
  expect([level, explanation?.verdict]).toEqual(['warning', 'not-shown']);
  expect(explanation?.summary).toMatch(/^a run could have shown it and did not/);
});

test('FOLL_GET at the call is no part of the form with a pin', () => {
  const text = bad('GUP203').replace('uaddr, 1, FOLL_WRITE', 'uaddr, 1, FOLL_GET | FOLL_WRITE');
  const { explanation } = lint(analyzer, text).findings[0]!;
  expect([explanation?.verdict, explanation?.form?.[0]]).toEqual([
    'shown',
    expect.objectContaining({ api: 'pin_user_pages_fast', flags: 0x101 }),
  ]);
});

test('a hold that userspace ends is tried with a process that forks, unmaps and exits', () => {
  const tried = explanationOf(bad('GUP203')).tried.map(({ where }) => where);
  for (const actor of ['forks', 'unmaps the buffer', 'exits'])
    expect(tried.some((where) => where.includes(`while the process ${actor}`))).toBe(true);
  expect(tried.some((where) => where.includes('CMA'))).toBe(true);
});

describe('a bound on states', () => {
  const rule = RULES.find((r) => r.code === 'GUP201')!;
  const withBound = (states: number) => {
    const finding = lint(analyzer, bad('GUP201')).findings[0]!;
    return finish(new Explainer().explain(finding, rule, { place: () => 'line 1', states }));
  };

  test('is reported when it is hit, and then proves nothing', () => {
    const { verdict, explored, tried, reach } = withBound(12);
    expect([verdict, explored.bounded]).toEqual(['not-shown', true]);
    expect(tried.map(({ outcome }) => outcome)).toContain('bounded');
    expect(reach).toMatch(/bound on states was hit.*proves nothing/);
  });

  test('leaves what was shown when the whole of both forms fits', () => {
    const full = withBound(50_000);
    expect([full.verdict, full.explored.bounded]).toEqual(['shown', false]);
    const tight = withBound(full.explored.states + 1);
    expect([tight.verdict, tight.property]).toEqual([full.verdict, full.property]);
  });
});

test('an explanation is made in slices that can be left', () => {
  const rule = RULES.find((r) => r.code === 'GUP201')!;
  const finding = lint(analyzer, bad('GUP201')).findings[0]!;
  const steps = finding.witness!.steps;
  const release = steps.findLast(({ step }) => step.op === 'release')!;
  const access = steps.find(({ step }) => step.op === 'access')!;
  const acquire = steps.find(({ step }) => step.op === 'acquire')!;
  const later = { ...release, step: { op: 'later' } as const };
  // Many chances for the actors: more states than one slice has.
  const wide = {
    ...rule.run!,
    environments: [{ memory: 'anon', actors: ['store', 'fork-parent-write', 'fork-child-write', 'reclaim'] }],
  } as const;
  const long = {
    ...finding,
    witness: { ...finding.witness!, steps: [acquire, access, later, access, later, access, release] },
  };
  const slices = new Explainer().explain(long, { ...rule, run: wide }, { place: () => 'line 1' });
  let count = 0;
  while (slices.next().done !== true && count < 3) count++;
  expect(count).toBe(3);
});

describe('level', () => {
  const finding = (certainty: Finding['certainty']) => ({ certainty }) as Finding;
  const table: readonly (readonly [Level, Finding['certainty'], 'shown' | 'not-shown', Level])[] = [
    ['error', 'certain', 'shown', 'error'],
    ['error', 'certain', 'not-shown', 'warning'],
    ['error', 'likely', 'shown', 'warning'],
    ['error', 'likely', 'not-shown', 'note'],
    ['error', 'possible', 'shown', 'note'],
    ['warning', 'certain', 'shown', 'warning'],
    ['warning', 'possible', 'not-shown', 'note'],
    ['note', 'certain', 'shown', 'note'],
  ];
  test.each(table)('%s, %s, %s: %s', (base, certainty, verdict, expected) => {
    const explanation = { verdict } as Parameters<typeof finalLevel>[2];
    expect(finalLevel(finding(certainty), base, explanation)).toBe(expected);
  });
});
