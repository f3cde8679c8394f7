/** Every explanation of every case of every rule is well formed, deterministic, and can be run again as a litmus test. */
import { describe, expect, test } from 'vitest';
import { parseLitmusFile, printLitmus, runLitmus } from '#engine/index.ts';
import { whyLitmus } from '#server/cli/format/why-litmus.ts';
import type { Explanation } from '#server/explain/index.ts';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import { plain } from '#server/linter/text/style.ts';
import { whyText } from '#server/linter/text/why.ts';
import { whyMarkdown } from '#server/linter/text/why-markdown.ts';
import { RULES } from '#server/rules/index.ts';
import { LineIndex } from '#server/syntax/lines.ts';
import { caseFiles, casesOf, lint } from '../rules/cases.ts';

const analyzer = await createAnalyzer();
const again = await createAnalyzer();

const cases = [
  ...RULES.map(({ code, bad }) => ({ code, title: 'the bad example', text: bad, kernel: undefined })),
  ...caseFiles().flatMap(({ code, file }) =>
    casesOf(file).map((each) => ({ code, title: each.title, text: each.code, kernel: each.kernel })),
  ),
];

describe.each([...new Set(cases.map(({ code }) => code))])('%s', (code) => {
  test.each(cases.filter((each) => each.code === code))('$title', ({ text, kernel }) => {
    const report = lint(analyzer, text, kernel);
    expect(lint(again, text, kernel)).toEqual(report);
    const lines = new LineIndex(text);
    for (const finding of report.findings) {
      const explanation = finding.explanation!;
      const rule = RULES.find((each) => each.code === finding.code)!;
      wellFormed(explanation, text);
      if (explanation.verdict === 'nothing-to-run') {
        expect(rule.run === undefined || finding.witness === undefined).toBe(true);
        expect(explanation.kernel.length).toBeGreaterThan(0);
      }
      for (const shown of [
        whyText(report, lines, finding, rule.name, plain),
        whyMarkdown(report, lines, finding, rule.name),
      ]) {
        expect(shown).toContain(finding.code);
        expect(shown).not.toMatch(/undefined|NaN|\[object|folio#/);
        if (explanation.damage !== undefined) expect(plainly(shown)).toContain(plainly(explanation.damage));
      }
      rerunnable(explanation, whyLitmus(report, lines, finding));
    }
  });
});

/** Without line breaks, indentation and Markdown's escapes. */
function plainly(text: string): string {
  return text.replace(/\\/g, '').replace(/\s+/g, ' ');
}

function wellFormed(explanation: Explanation, text: string): void {
  const { verdict, steps, damage, property, summary, assumptions, tried, explored, reach } = explanation;
  expect(summary).toMatch(/\S/);
  for (const { range } of steps) {
    if (range === undefined) continue;
    expect(range.start).toBeGreaterThanOrEqual(0);
    expect(range.end).toBeGreaterThan(range.start);
    expect(range.end).toBeLessThanOrEqual(text.length);
  }
  if (verdict === 'nothing-to-run') {
    expect([steps, tried, explored.states]).toEqual([[], [], 0]);
    return;
  }
  expect(explored.states).toBeGreaterThan(0);
  expect(tried.length).toBeGreaterThan(0);
  expect(reach).toMatch(/proof|proves/);
  if (verdict === 'not-shown') {
    expect([steps, damage]).toEqual([[], undefined]);
    expect(summary).toMatch(/could have shown it and did not/);
    expect(tried.every(({ outcome }) => outcome !== 'repaired')).toBe(true);
    return;
  }
  expect(explored.executions).toBeGreaterThan(0);
  expect(property).toBeDefined();
  expect(damage).toMatch(/line \d+/);
  for (const [, line] of damage!.matchAll(/line (\d+)/g)) {
    expect(Number(line)).toBeLessThanOrEqual(new LineIndex(text).count);
  }
  expect(steps.length).toBeGreaterThan(0);
  expect(steps.map((step) => step.damage)).toEqual([...steps.slice(1).map(() => undefined), damage]);
  expect(steps.some((step) => step.actor === 'driver' && step.range !== undefined)).toBe(true);
  for (const [index, step] of steps.entries()) {
    expect(step.note).toMatch(/^[a-z0-9][^\n]*[^.\n]$/i);
    if (index > 0) expect(step.before).toEqual(steps[index - 1]!.after);
  }
  expect(assumptions.some((each) => each.startsWith('the buffer is '))).toBe(true);
  expect(assumptions.some((each) => / asks for \d+ pages?/.test(each))).toBe(true);
  expect(tried.some(({ outcome, property: broken }) => outcome === 'repaired' && broken === property)).toBe(
    true,
  );
}

/** The saved tests read back as they were written, and observe what they expect. */
function rerunnable(explanation: Explanation, saved: string | undefined): void {
  expect(saved !== undefined).toBe(explanation.scenario !== undefined);
  if (saved === undefined) return;
  const tests = parseLitmusFile(saved, 'saved.litmus');
  expect(tests.map(printLitmus).join('\n')).toBe(saved);
  const results = tests.map((each) => runLitmus(each));
  expect(results.map(({ asExpected, expected }) => [asExpected, expected !== undefined])).toEqual(
    results.map(() => [true, true]),
  );
  if (explanation.verdict === 'not-shown') return;
  const [written, form] = results;
  expect(written!.positive).toBeGreaterThan(0);
  if (form !== undefined) expect(form.observation).toBe('Never');
}
