/** A rule that throws is a bug that shows: a problem in the report, and exit status 2; the other rules still speak. */
import { beforeAll, expect, test } from 'vitest';
import { runProgram } from '#server/cli/program.ts';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import type { Analyzer } from '#server/linter/file/analyzer.ts';
import { isFailure } from '#server/linter/file/report.ts';
import { lintText } from '#server/linter/file/service.ts';
import { plain } from '#server/linter/text/style.ts';
import { analyzeFile } from '#server/rules/analyze.ts';
import { RULES } from '#server/rules/index.ts';
import { createParser } from '#server/syntax/parser.ts';
import { openSource } from '#server/syntax/source.ts';
import { folderWith } from '../cli/harness.ts';

const kernel = { major: 6, minor: 12, patch: 0 };
const CODE = `int f(unsigned long a)
{
	struct page *page;

	if (pin_user_pages_fast(a, 1, 0, &page) != 1)
		return -EFAULT;
	put_page(page);
	return 0;
}
`;

let analyzer: Analyzer;
beforeAll(async () => {
  const real = await createAnalyzer();
  const parser = await createParser();
  const failing = { ...RULES[0]!, code: 'GUP999', check: () => thrown() };
  analyzer = {
    ...real,
    analyze: (path, text) =>
      analyzeFile(openSource(path, text, { kernelVersion: kernel }), parser, [failing, ...RULES]),
  };
});

function thrown(): never {
  throw new Error('oops');
}

test('is a failure in the report, beside what the other rules found', () => {
  const report = lintText(analyzer, 'a.c', CODE, { kernel, explanations: false, levels: {} });
  expect(report.problems).toEqual([{ kind: 'rule-threw', message: 'GUP999 failed in f(): oops' }]);
  expect(report.problems.every(isFailure)).toBe(true);
  expect(report.findings.map(({ code }) => code)).toEqual(['GUP301']);
});

test('ends the command with 2, and is named on standard error', async () => {
  const complaints: string[] = [];
  const status = await runProgram(['lint', '--exit-zero', '--no-explain', 'a.c'], {
    cwd: folderWith({ 'a.c': CODE }),
    style: plain,
    debug: false,
    print: () => undefined,
    complain: (line) => complaints.push(line),
    readInput: () => Buffer.from(''),
    analyzer: async () => analyzer as never,
  });
  expect(status).toBe(2);
  expect(complaints).toEqual([expect.stringContaining('a.c: GUP999 failed in f(): oops')]);
});
