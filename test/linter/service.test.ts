/** Levels, order, identities and failures of the lint service. */
import { describe, expect, it } from 'vitest';
import type { Analyzer } from '#server/linter/file/analyzer.ts';
import { type LintOptions, lintText } from '#server/linter/file/service.ts';
import { DEFAULT_KERNEL } from '#server/linter/project/kernel-version.ts';
import { fakeAnalyzer } from '../cli/fake.ts';

const options: LintOptions = { kernel: DEFAULT_KERNEL, explanations: true, levels: {} };
const call = 'get_user_pages_fast(a, 1, FOLL_WRITE, &page);';

const lint = (text: string, changed: Partial<LintOptions> = {}, analyzer: Analyzer = fakeAnalyzer) =>
  lintText(analyzer, 'a.c', text, { ...options, ...changed });

describe('levels', () => {
  it('start at the rule and follow the formula', () => {
    expect(lint(call).findings[0]!.level).toBe('error');
    expect(lint(`/* note */ ${call}`).findings[0]!.level).toBe('note');
  });

  it('start where the user says', () => {
    expect(lint(call, { levels: { GUP201: 'warning' } }).findings[0]!.level).toBe('warning');
    expect(lint(`/* note */ ${call}`, { levels: { GUP201: 'error' } }).findings[0]!.level).toBe('note');
  });

  it('off drops the rule', () => {
    expect(lint(call, { levels: { GUP201: 'off' } }).findings).toEqual([]);
  });
});

describe('findings', () => {
  it('come in the order of the file', () => {
    const backwards: Analyzer = {
      ...fakeAnalyzer,
      analyze: (path, text, kernel) => {
        const analysis = fakeAnalyzer.analyze(path, text, kernel);
        return { ...analysis, findings: [...analysis.findings].reverse() };
      },
    };
    const starts = lint(`${call} ${call} ${call}`, {}, backwards).findings.map(({ range }) => range.start);
    expect(starts).toEqual([0, call.length + 1, 2 * call.length + 2]);
  });

  it('have identities of their own, which do not depend on lines', () => {
    const before = lint(`${call}\n${call}`).findings.map(({ fingerprint }) => fingerprint);
    const after = lint(`\n\n// moved\n${call}\n\n${call}`).findings.map(({ fingerprint }) => fingerprint);
    expect(new Set(before).size).toBe(2);
    expect(after).toEqual(before);
  });

  it('are explained only when asked', () => {
    expect(lint(call).findings[0]!.explanation?.verdict).toBe('shown');
    expect(lint(call, { explanations: false }).findings[0]).not.toHaveProperty('explanation');
  });
});

describe('failures are problems, not exceptions', () => {
  it('of the analysis', () => {
    const { findings, problems } = lint(`/* crash */ ${call}`);
    expect(findings).toEqual([]);
    expect(problems).toMatchObject([
      { kind: 'analysis-threw', message: 'the analysis failed: the sky fell' },
    ]);
  });

  it('of a rule, beside its findings', () => {
    const { findings, problems } = lint(`/* rule-threw */ ${call}`);
    expect(findings).toHaveLength(1);
    expect(problems).toMatchObject([{ kind: 'rule-threw' }]);
  });

  it('of a run: the finding stays', () => {
    const { findings, problems } = lint(`/* explain-crash */ ${call}`);
    expect(findings).toHaveLength(1);
    expect(problems).toMatchObject([
      { kind: 'explanation-threw', message: 'the run for GUP201 in f() failed: the engine fell' },
    ]);
  });
});
