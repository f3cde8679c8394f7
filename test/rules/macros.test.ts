/** Calls that stand in macros: found, reported where the macro is used, and never edited there. */
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { judge } from '#server/linter/apply/fixes.ts';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import type { EditorAnalyzer } from '#server/linter/file/analyzer.ts';
import { DEFAULT_KERNEL } from '#server/linter/project/kernel-version.ts';
import { casesOf, lint, reported } from './cases.ts';

let analyzer: EditorAnalyzer;
beforeAll(async () => {
  analyzer = await createAnalyzer();
});

const cases = casesOf(path.join(import.meta.dirname, 'macros.md'));

describe('macros', () => {
  test.each(cases)('$title', ({ code, kernel, expected }) => {
    const report = lint(analyzer, code, kernel);
    expect(report.problems).toEqual([]);
    expect(report.partlyRead).toEqual([]);
    expect(reported(report)).toEqual([...expected].sort());
  });

  test('are named in the message, and not edited', () => {
    const { code } = cases.find(({ title }) => title.includes('releases'))!;
    const report = lint(analyzer, code);
    const [finding] = report.findings;
    expect(finding?.message).toMatch(/ This comes from the macro RELEASE\.$/);
    expect(code.slice(finding!.range.start, finding!.range.end)).toBe('RELEASE(page)');
    const options = { kernel: DEFAULT_KERNEL, explanations: true, levels: {} };
    expect(judge(analyzer, report, finding!, options)?.kind).toBe('advice');
  });

  test('that only acquire are named as what calls', () => {
    const report = lint(analyzer, cases[0]!.code);
    expect(report.findings[0]?.message).toMatch(/ pin_user_pages_fast\(\) is called by the macro MY_PIN\.$/);
  });
});
