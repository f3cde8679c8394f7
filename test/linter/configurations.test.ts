/** `#if` ladders around page pinning: each configuration by itself, and what only one of them has says so. */
import { describe, expect, it } from 'vitest';
import { judge } from '#server/linter/apply/fixes.ts';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import { lintText } from '#server/linter/file/service.ts';
import { parseKernelVersion } from '#server/syntax/preprocess/version.ts';

const analyzer = await createAnalyzer();

function report(code: string, kernel = '6.12') {
  return lintText(analyzer, 'a.c', code, {
    kernel: parseKernelVersion(kernel)!,
    explanations: false,
    levels: {},
  });
}

/** `code: configuration` of each finding. */
function found(code: string, kernel?: string): string[] {
  const { findings, problems } = report(code, kernel);
  expect(problems).toEqual([]);
  return findings.map((finding) => `${finding.code}: ${finding.configuration ?? 'chosen'}`);
}

const PIN = '\tif (pin_user_pages_fast(a, 1, 0, &page) != 1)\n\t\treturn -EFAULT;\n';
const GET = PIN.replace('pin_', 'get_');
const UNPIN = '\tunpin_user_page(page);\n';
const PUT = '\tput_page(page);\n';
const f = (body: string): string =>
  `int f(unsigned long a, struct foo *foo)\n{\n\tstruct page *page;\n\n${body}\treturn 0;\n}\n`;
const either = (condition: string, first: string, second: string): string =>
  `#if ${condition}\n${first}#else\n${second}#endif\n`;
const NEW = 'LINUX_VERSION_CODE >= KERNEL_VERSION(5, 6, 0)';

describe('a ladder around calls', () => {
  it('speaks once of what stands behind a ladder that ends inside a call', () => {
    const head = (fn: string): string => `\tgot = ${fn}(a, n,\n`;
    const call = either(NEW, head('pin_user_pages_fast'), head('get_user_pages_fast'));
    const body = `\tint got;\n\n${call}\t\tFOLL_WRITE, pages);\n\tif (got < n)\n\t\treturn -EFAULT;\n\treturn 0;\n`;
    const code = `int f(unsigned long a, size_t n, struct page **pages)\n{\n${body}}\n`;
    expect(found(code).filter((each) => each.startsWith('GUP402'))).toEqual(['GUP402: chosen']);
  });

  it('takes a name of the configuration that is a release for that release', () => {
    const code = f(either('defined(CONFIG_KERNEL_4_4_94) || defined(CONFIG_KERNEL_3_10)', GET, PIN) + PUT);
    expect(found(code)).toContain('GUP301: chosen');
    expect(found(code, '4.4')).not.toContain('GUP301: chosen');
    expect(found(code, '3.10')).not.toContain('GUP301: chosen');
  });

  it.each([
    [NEW],
    ['defined(HAVE_PIN_USER_PAGES)'],
    ['defined(USE_PINS)'],
    ['IS_ENABLED(CONFIG_FOO)'],
    ['defined(CONFIG_FOO) && USE_PINS'],
    [`${NEW} || (defined(RHEL_RELEASE_CODE) && RHEL_RELEASE_CODE >= RHEL_RELEASE_VERSION(8, 3))`],
  ])('pairs each get with the put of its branch: %s', (condition) => {
    expect(found(f(either(condition, PIN + UNPIN, GET + PUT)))).toEqual([]);
    expect(found(f(either(condition, PIN, GET) + either(condition, UNPIN, PUT)))).toEqual([]);
  });

  it.each([
    [NEW, 'on kernels before 5.6'],
    ['defined(HAVE_PIN_USER_PAGES)', 'when HAVE_PIN_USER_PAGES is not defined'],
    ['defined(USE_PINS)', 'when USE_PINS is not defined'],
    ['!defined(NO_PINS)', 'when NO_PINS is defined'],
    ['IS_ENABLED(CONFIG_FOO)', 'when CONFIG_FOO is not set'],
  ])('says where a leak is: %s', (condition, when) => {
    expect(found(f(either(condition, PIN + UNPIN, GET)))).toEqual([`GUP303: ${when}`]);
    expect(found(f(either(condition, PIN, GET + PUT)))).toEqual(['GUP303: chosen']);
  });

  it.each(['6.12', '6.1', '5.4', '4.4'])(
    'reads, of forms that a test of the build chooses from, the one that the release has: %s',
    (kernel) => {
      const code = `#if defined(MY_GUP_HAS_FLAGS)
#define MY_GUP get_user_pages
#elif defined(MY_GUP_HAS_FLAGS_VMAS)
#define MY_GUP(start, nr, flags, pages) get_user_pages(start, nr, flags, pages, NULL)
#elif defined(MY_GUP_HAS_TSK_FLAGS_VMAS)
#define MY_GUP(start, nr, flags, pages) \\
	get_user_pages(current, current->mm, start, nr, flags, pages, NULL)
#else
static inline long MY_GUP(unsigned long start, unsigned long nr, unsigned int flags, struct page **pages)
{
	return get_user_pages(current, current->mm, start, nr, flags & FOLL_WRITE, 0, pages, NULL);
}
#endif
long f(unsigned long a, struct page **pages)
{
	lockdep_assert_held(&current->mm->mmap_lock);
	return MY_GUP(a, 2, FOLL_WRITE, pages);
}
`;
      expect(found(code.replace('mmap_lock', kernel < '5.8' ? 'mmap_sem' : 'mmap_lock'), kernel)).toEqual([]);
    },
  );

  it('takes a form of another release, behind a test of the build, for no mistake', () => {
    const code = `static long my_remote(struct mm_struct *mm, unsigned long a, struct page **pages)
{
#if defined(MY_REMOTE_HAS_TSK)
	return get_user_pages_remote(NULL, mm, a, 1, 0, pages, NULL, NULL);
#elif defined(MY_REMOTE_HAS_NO_VMAS)
	return get_user_pages_remote(mm, a, 1, 0, pages, NULL);
#else
	return get_user_pages(NULL, mm, a, 1, 0, 0, pages, NULL);
#endif
}
long f(unsigned long a, struct page **pages)
{
	lockdep_assert_held(&current->mm->mmap_lock);
#if defined(MY_GUP_HAS_6ARGS)
	return get_user_pages(a, 2, 0, 0, pages, NULL);
#elif defined(MY_GUP_HAS_NO_VMAS)
	return get_user_pages(a, 2, 0, pages);
#else
	return get_user_pages(current, current->mm, a, 2, 0, 0, pages, NULL);
#endif
}
`;
    expect(found(code).filter((each) => each.startsWith('GUP105'))).toEqual([]);
  });

  it('computes a macro of the file that compares releases', () => {
    const macros = `#define MY_MIN(a, b, c) (LINUX_VERSION_CODE >= KERNEL_VERSION(a, b, c))
#define MY_RANGE(a, b, c, d, e, f) (MY_MIN(a, b, c) && !MY_MIN(d, e, f))
`;
    const ladder = (test: string): string =>
      macros + f(either(test, PIN, GET) + either(test, UNPIN, PUT.replace('put_page', 'unpin_user_page')));
    expect(found(ladder('MY_MIN(5, 6, 0)'))).toEqual(['GUP105: on kernels before 5.6']);
    expect(found(ladder('MY_RANGE(5, 6, 0, 6, 6, 0)'))).toEqual(['GUP302: chosen']);
    expect(found(ladder('MY_RANGE(5, 6, 0, 6, 6, 0)'), '6.5')).toEqual(['GUP302: on kernels from 6.6 on']);
  });

  it('takes a truth value in a branch for older releases for the argument that it was there', () => {
    const old = PIN.replace(', 0,', ', FOLL_WRITE,');
    const get = GET.replace(', 0,', ', 1,');
    expect(found(f(either(NEW, old, get) + either(NEW, UNPIN, PUT)))).toEqual([]);
    const code = f(either('defined(HAVE_PIN_USER_PAGES_FAST)', PIN.replace(', 0,', ', 1,'), get));
    expect(found(code).filter((each) => each.startsWith('GUP109'))).toEqual(['GUP109: chosen']);
  });

  it('says once what is wrong after each arm of a ladder', () => {
    const body = `	struct page *pages[2];
	int got;

${either(NEW, '\tgot = pin_user_pages_fast(a, 2, 0, pages);\n', '\tgot = get_user_pages_fast(a, 2, 0, pages);\n')}
	if (got != 2)
		return -EFAULT;
${either(NEW, '\tunpin_user_pages(pages, 2);\n', '\trelease_pages(pages, 2);\n')}`;
    expect(found(f(body))).toEqual(['GUP304: chosen']);
  });

  it('says once what is wrong where the arms of a ladder share the end of the call', () => {
    const body = `	struct page *pages[2];
	int got;

${either(NEW, '\tgot = pin_user_pages_fast(a, 2,\n', '\tgot = get_user_pages_fast(a, 2,\n')}		FOLL_WRITE, pages);
	if (got < 2u)
		return -EFAULT;
${either(NEW, '\tunpin_user_pages(pages, 2);\n', '\trelease_pages(pages, 2);\n')}`;
    const codes = found(f(body));
    expect(codes.filter((each) => each.startsWith('GUP402'))).toEqual(['GUP402: chosen']);
  });

  it('judges each branch by a release that reads it', () => {
    const calls = `	lockdep_assert_held(&current->mm->mmap_lock);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	ret = get_user_pages(a, 1, 0, &page);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(4, 9, 0)
	ret = get_user_pages(a, 1, 0, &page, NULL);
#else
	ret = get_user_pages(current, current->mm, a, 1, 1, 0, &page, NULL);
#endif
	if (ret != 1)
		return -EFAULT;
	put_page(page);
`;
    expect(found(f(`\tlong ret;\n${calls}`))).toEqual([]);
    expect(found(f(`\tlong ret;\n${calls}`), '4.4')).toEqual([]);
    const late = calls.replace('&page, NULL);\n#else', '&page);\n#else');
    expect(found(f(`\tlong ret;\n${late}`))).toEqual(['GUP105: on kernels before 6.5']);
  });

  it('judges a branch of no known release by one that has what it calls', () => {
    const old = `#ifdef OLD_GUP
	lockdep_assert_held(&current->mm->mmap_sem);
	if (get_user_pages(current, current->mm, a, 1, 1, 0, &page, NULL) != 1)
		return -EFAULT;
#else
${GET}#endif
`;
    expect(found(f(old + PUT))).toEqual([]);
  });

  it('takes names that tell of kernel functions for what the release has', () => {
    const code = f(either('defined(NV_PIN_USER_PAGES_PRESENT)', PIN + UNPIN, GET));
    expect(found(code, '5.4')).toEqual(['GUP303: chosen']);
  });

  it('reports once what several configurations have', () => {
    const busy = '\tif (foo->busy)\n\t\treturn -EBUSY;\n';
    const code = f(
      PIN + busy + either('defined(USE_A)', '\ta_page(foo);\n\tput_page(foo->other);\n', '') + UNPIN,
    );
    expect(found(code)).toEqual(['GUP303: chosen']);
  });

  it('pairs twins in different functions', () => {
    const helpers = `#ifdef USE_PINS
static int take(unsigned long a, struct page **p) { return pin_user_pages_fast(a, 1, 0, p); }
#else
static int take(unsigned long a, struct page **p) { return get_user_pages_fast(a, 1, 0, p); }
#endif
#ifdef USE_PINS
static void drop(struct page *p) { unpin_user_page(p); }
#else
static void drop(struct page *p) { put_page(p); }
#endif
`;
    const use = f('\tif (take(a, &page) != 1)\n\t\treturn -EFAULT;\n\tdrop(page);\n');
    expect(found(helpers + use)).toEqual([]);
    expect(found(helpers.replace('{ put_page(p); }', '{ unpin_user_page(p); }') + use)).toEqual([
      'GUP302: when USE_PINS is not defined',
    ]);
  });

  it('leaves alone what no build can choose, include guards, and whole functions', () => {
    expect(found(f(`#if 0\n${GET}#else\n${PIN}${UNPIN}#endif\n`))).toEqual([]);
    expect(found(`#ifndef A_H\n#define A_H\n${f(PIN + UNPIN)}#endif\n`)).toEqual([]);
    expect(found(`#ifdef CONFIG_FOO\n${f(PIN + UNPIN)}#endif\n`)).toEqual([]);
  });

  it('counts what is left out because there is too much of it', () => {
    const one = (n: number): string =>
      f(either(`defined(USE_${n})`, PIN + UNPIN, GET + PUT)).replace('f(', `f${n}(`);
    const { problems } = report(Array.from({ length: 9 }, (_, n) => one(n)).join('\n'));
    expect(problems.map(({ kind }) => kind)).toEqual(['configurations']);
  });

  it('says so in the message, and changes no branch that is not read', () => {
    const before = report(f(either('defined(USE_PINS)', PIN + UNPIN, GET + UNPIN)));
    const [finding] = before.findings;
    expect(finding?.code).toBe('GUP302');
    expect(finding?.message).toMatch(/ This holds when USE_PINS is not defined\.$/);
    const options = { kernel: parseKernelVersion('6.12')!, explanations: false, levels: {} };
    expect(judge(analyzer, before, finding!, options)).toMatchObject({
      kind: 'advice',
      advice: { reason: expect.stringContaining('when USE_PINS is not defined') },
    });
  });
});
