/** Fixing whole texts: every case of the rules' tests and every example, as --fix and --fix --unsafe-fixes do it. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type FixedText, fixText } from '#server/linter/apply/fix-text.ts';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import { lintText } from '#server/linter/file/service.ts';
import { DEFAULT_KERNEL } from '#server/linter/project/kernel-version.ts';
import type { KernelVersion } from '#server/syntax/preprocess/version.ts';
import { caseFiles, casesOf } from '../rules/cases.ts';

const analyzer = await createAnalyzer();
const examples = new URL('../../examples/', import.meta.url);

interface Text {
  readonly title: string;
  readonly code: string;
  readonly kernel: KernelVersion;
}

const texts: Text[] = [
  ...caseFiles().flatMap(({ code, file }) =>
    casesOf(file).map((each) => ({ title: `${code}: ${each.title}`, code: each.code, kernel: each.kernel })),
  ),
  ...['bad', 'good'].flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, examples)).map((name) => ({
      title: `examples/${folder}/${name}`,
      code: readFileSync(new URL(`${folder}/${name}`, examples), 'utf8'),
      kernel: DEFAULT_KERNEL,
    })),
  ),
];

function lint({ code, kernel }: Text) {
  return lintText(analyzer, 'a.c', code, { kernel, explanations: true, levels: {} });
}

function fix(text: Text, unsafe: boolean): FixedText {
  const options = { kernel: text.kernel, explanations: true, levels: {} };
  return fixText(analyzer, lint(text), options, { level: 'note', unsafe });
}

/** How often each code is found. */
function counts(codes: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const code of codes) found[code] = (found[code] ?? 0) + 1;
  return found;
}

describe.each([
  // With safe fixes alone a part of the texts takes the same ways.
  { name: 'safe fixes', unsafe: false, some: texts.filter((_, index) => index % 4 === 0) },
  { name: 'all fixes', unsafe: true, some: texts },
])('$name', ({ unsafe, some }) => {
  it.each(some.map((text) => [text.title, text] as const))('%s', (_title, text) => {
    const before = lint(text);
    const once = fix(text, unsafe);
    // Once more changes nothing.
    const twice = fix({ ...text, code: once.report.text }, unsafe);
    expect(twice.report.text).toBe(once.report.text);
    expect(twice.applied).toEqual([]);
    // All safe fixes are gone from what remains, and with --unsafe-fixes the others as well.
    for (const remaining of once.remaining.values())
      if (remaining.kind === 'offered') expect([unsafe, remaining.fix.safety]).toEqual([false, 'unsafe']);
    // Each applied fix takes a finding away. None brings one, but for notes that it uncovers.
    const was = counts(before.findings.map(({ code }) => code));
    const is = counts(once.report.findings.filter(({ level }) => level !== 'note').map(({ code }) => code));
    for (const [code, count] of Object.entries(is))
      expect([code, was[code] ?? 0]).toSatisfy(() => (was[code] ?? 0) >= count);
    expect(once.applied.length).toBeLessThanOrEqual(before.findings.length + Object.keys(is).length + 1);
    expect(once.report.partlyRead.length).toBeLessThanOrEqual(before.partlyRead.length);
    expect(once.report.text === text.code).toBe(once.applied.length === 0);
  });
});

describe('the examples', () => {
  it('that are bad become clean, or say what to do', () => {
    for (const text of texts.filter(({ title }) => title.startsWith('examples/bad'))) {
      const { report, remaining } = fix(text, true);
      for (const finding of report.findings) expect(remaining.has(finding.fingerprint)).toBe(true);
    }
  });
});
