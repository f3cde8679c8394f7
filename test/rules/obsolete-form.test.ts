import { beforeAll, expect, test } from 'vitest';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import type { Analyzer } from '#server/linter/file/analyzer.ts';
import { parseKernelVersion } from '#server/syntax/preprocess/version.ts';
import { lint } from './cases.ts';

let analyzer: Analyzer;
beforeAll(async () => {
  analyzer = await createAnalyzer();
});

/** What GUP105 says of the number of arguments. */
function said(code: string, kernel: string): string | undefined {
  const found = lint(analyzer, code, parseKernelVersion(kernel)!).findings.find((f) => f.code === 'GUP105');
  return found?.message.replace(/^.* is not the form of /, '');
}

const WITH_VMAS = `long f(unsigned long a, struct page **p)
{
	lockdep_assert_held(&current->mm->mmap_sem);
	return get_user_pages(a, 1, FOLL_WRITE, p, NULL);
}`;

const REMOTE = `long f(struct task_struct *t, struct mm_struct *mm, unsigned long a, struct page **p)
{
	lockdep_assert_held(&mm->mmap_sem);
	return get_user_pages_remote(t, mm, a, 1, FOLL_WRITE, p, NULL);
}`;

test.each([
  ['4.7', '4.7: this one came with 4.9; until 4.8 it takes 6 (write and force became gup_flags in 4.9).'],
  ['4.19', undefined],
  ['6.12', '6.12: the vmas argument is gone since 6.5.'],
])('the form of 4.9 to 6.4 on %s', (kernel, message) => {
  expect(said(WITH_VMAS, kernel)).toBe(message);
});

test.each([
  ['4.9', undefined],
  ['4.14', '4.14: a locked argument follows vmas since 4.10.'],
  ['6.12', '6.12: the vmas argument is gone since 6.5.'],
])('a number of arguments that was right twice, on %s', (kernel, message) => {
  expect(said(REMOTE, kernel)).toBe(message);
});
