import { existsSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import type { Analyzer } from '#server/linter/file/analyzer.ts';
import { RULES } from '#server/rules/index.ts';
import { caseFiles, casesOf, lint, reported } from './cases.ts';

let analyzer: Analyzer;
beforeAll(async () => {
  analyzer = await createAnalyzer();
});

const files = caseFiles();

describe.each(files)('$code', ({ code, file }) => {
  const cases = casesOf(file);

  test.each(cases)('$title', ({ code: text, kernel, expected }) => {
    const report = lint(analyzer, text, kernel);
    expect(report.problems).toEqual([]);
    expect(reported(report)).toEqual([...expected].sort());
  });

  test('has at least six cases, two of them correct code', () => {
    expect(cases.length).toBeGreaterThanOrEqual(6);
    expect(cases.filter((c) => c.expected.length === 0).length).toBeGreaterThanOrEqual(2);
    expect(cases.some((c) => c.expected.some((e) => e.includes(code)))).toBe(true);
    expect(new Set(cases.map((c) => c.code)).size).toBe(cases.length);
  });
});

describe.each(RULES)('$code', (rule) => {
  test('has a file of cases and a page', () => {
    expect(files.map((f) => f.code)).toContain(rule.code);
    expect(existsSync(path.join(import.meta.dirname, `../../docs/rules/${rule.code}.md`))).toBe(true);
  });

  test('reports its bad example, and a run shows it', () => {
    const found = lint(analyzer, rule.bad).findings;
    expect(found.map((f) => f.code)).toEqual([rule.code]);
    expect(found[0]?.level).toBe(rule.defaultLevel);
    if (rule.run !== undefined) expect(['shown', 'call']).toContain(found[0]?.explanation?.verdict);
  });

  test('is silent on its good example', () => {
    expect(lint(analyzer, rule.good).findings).toEqual([]);
  });

  test('says what happens, why, and what to write instead', () => {
    const message = lint(analyzer, rule.bad).findings[0]?.message ?? '';
    expect(message).not.toMatch(/\n/);
    expect(message.length).toBeGreaterThan(80);
    expect(message).toMatch(/\.$/);
  });
});

test('codes are unique and in order', () => {
  const codes = RULES.map((r) => r.code);
  expect(codes).toEqual([...new Set(codes)].sort());
});
