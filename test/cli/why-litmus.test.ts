import { expect, test } from 'vitest';
import { parseLitmusFile, printLitmus, runLitmus } from '#engine/index.ts';
import { whyLitmus } from '#server/cli/format/why-litmus.ts';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
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
    const [written, form] = parseLitmusFile(text, 'saved.litmus');
    expect([written, form].map((each) => printLitmus(each!)).join('\n')).toBe(text);
    const result = runLitmus(written!);
    expect([result.refused, result.bounded, result.asExpected]).toEqual([false, false, true]);
    expect(result.positive).toBeGreaterThan(0);
    expect(runLitmus(form!)).toMatchObject({ observation: 'Never', asExpected: true });
  },
);
