import { expect, test } from 'vitest';
import { parseLitmus, printLitmus, runLitmus } from '#engine/index.ts';
import { whyLitmus } from '#server/cli/format/why-litmus.ts';
import { createAnalyzer } from '#server/linter/analysis.ts';
import { RULES } from '#server/rules/index.ts';
import { LineIndex } from '#server/syntax/lines.ts';
import { lint } from '../rules/cases.ts';

const analyzer = await createAnalyzer();
const runnable = RULES.filter((rule) => rule.run !== undefined);

test.each(runnable)(
  'the run behind $code can be saved as a litmus test and shows the same again',
  ({ bad }) => {
    const report = lint(analyzer, bad);
    const finding = report.findings[0]!;
    const text = whyLitmus(report, new LineIndex(report.text), finding)!;
    const parsed = parseLitmus(text, 'saved.litmus');
    expect(printLitmus(parsed)).toBe(text);
    const result = runLitmus(parsed);
    expect([result.refused, result.bounded, result.ok]).toEqual([false, false, true]);
    expect(result.positive).toBeGreaterThan(0);
  },
);
