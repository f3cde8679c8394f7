/**
 * Whole drivers, as they stand outside the kernel tree: wrapper macros, version ladders, ioctls, interrupts. Above each
 * function whose calls are judged, `expect:` lists the codes that must be reported there at warning or above, or
 * `nothing`. What is reported in a function without such a comment is a false alarm.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import type { Analyzer } from '#server/linter/file/analyzer.ts';
import { isFailure } from '#server/linter/file/report.ts';
import { lintText } from '#server/linter/file/service.ts';
import { DEFAULT_KERNEL } from '#server/linter/project/kernel-version.ts';

const EXPECT = /\/\* expect: ([^*]+) \*\/\n.*?(\w+)\(/g;

let analyzer: Analyzer;
beforeAll(async () => {
  analyzer = await createAnalyzer();
});

const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.c'));

/** `function code`, in order, of what the comments demand. */
function expected(text: string): string[] {
  return [...text.matchAll(EXPECT)]
    .flatMap(([, codes = '', fn]) => (codes === 'nothing' ? [] : codes.split(', ').map((c) => `${fn} ${c}`)))
    .sort();
}

describe.each(files)('%s', (name) => {
  const text = readFileSync(path.join(import.meta.dirname, name), 'utf8');

  test('gets the findings that it deserves', () => {
    const report = lintText(analyzer, name, text, { kernel: DEFAULT_KERNEL, explanations: true, levels: {} });
    expect(report.problems.filter(isFailure)).toEqual([]);
    expect(report.partlyRead).toEqual([]);
    const found = report.findings.filter(({ level }) => level !== 'note');
    expect([...new Set(found.map((f) => `${f.function} ${f.code}`))].sort()).toEqual(expected(text));
  });

  test('says what it expects', () => {
    expect([...text.matchAll(EXPECT)].length).toBeGreaterThan(0);
  });
});
