/** `.gupcheck.json`: which one counts, what it may say, and what is said of its mistakes. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '#server/linter/config/load.ts';
import { schema } from '#server/linter/config/schema.ts';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import { lintPaths, type RunOptions } from '#server/linter/run/run.ts';
import { parseKernelVersion } from '#server/syntax/preprocess/version.ts';
import { folderWith } from '../cli/harness.ts';

const analyzer = await createAnalyzer();

async function run(folder: string, args = ['.'], more: Partial<RunOptions> = {}) {
  return lintPaths(() => Promise.resolve(analyzer), args, folder, {
    explanations: false,
    levels: {},
    ...more,
  });
}

async function found(folder: string, args = ['.'], more: Partial<RunOptions> = {}): Promise<string[]> {
  const { reports, problems } = await run(folder, args, more);
  expect(problems).toEqual([]);
  return reports.flatMap(({ path: file, findings }) =>
    findings.map(({ code, level }) => `${file} ${code} ${level}`),
  );
}

const f = (acquire: string, release: string): string => `int f(unsigned long a, struct foo *foo)
{
	struct page *page;

	${acquire}
	${release}
	return 0;
}
`;
const PIN = 'if (pin_user_pages_fast(a, 1, 0, &page) != 1)\n\t\treturn -EFAULT;';
const BAD = f(PIN, 'put_page(page);');
const config = (value: unknown): string => JSON.stringify(value);
const functions = (value: Record<string, unknown>): string => config({ functions: value });

describe('which configuration counts', () => {
  const note = config({ rules: { GUP301: 'note' } });
  const off = config({ rules: { GUP301: 'off' } });

  it('the nearest one upwards, down to the root of the project', async () => {
    const folder = folderWith({
      '.gupcheck.json': off,
      'repo/.git/HEAD': '',
      'repo/a.c': BAD,
      'repo/sub/.gupcheck.json': note,
      'repo/sub/deep/b.c': BAD,
    });
    const expected = ['repo/a.c GUP301 error', 'repo/sub/deep/b.c GUP301 note'];
    expect(await found(folder)).toEqual(expected);
    expect(await found(folder, ['repo/sub/deep/b.c', 'repo/a.c'])).toEqual(expected);
  });

  it('the one that is named, or none', async () => {
    const folder = folderWith({ '.gupcheck.json': off, 'other.json': note, 'a.c': BAD });
    expect(await found(folder, ['.'], { config: path.join(folder, 'other.json') })).toEqual([
      'a.c GUP301 note',
    ]);
    expect(await found(folder, ['.'], { config: null })).toEqual(['a.c GUP301 error']);
    const { problems } = await run(folder, ['.'], { config: path.join(folder, 'none.json') });
    expect(problems).toEqual([{ place: 'none.json', what: 'no such file', cure: 'check the path' }]);
  });

  it('gives the kernel release, unless the command line does', async () => {
    const folder = folderWith({ '.gupcheck.json': config({ kernel: '5.4' }), 'a.c': BAD });
    expect((await run(folder)).reports[0]?.kernel).toBe('5.4');
    const kernel = parseKernelVersion('6.1')!;
    expect((await run(folder, ['.'], { kernel })).reports[0]?.kernel).toBe('6.1');
  });

  it('leaves files out, unless they are named', async () => {
    const folder = folderWith({
      '.gupcheck.json': config({ exclude: ['gen/', '**/old_*.c'] }),
      'a.c': BAD,
      'gen/b.c': BAD,
      'sub/old_c.c': BAD,
    });
    expect(await found(folder)).toEqual(['a.c GUP301 error']);
    expect(await found(folder, ['gen/b.c'])).toEqual(['gen/b.c GUP301 error']);
  });
});

describe('functions', () => {
  const lint = async (rows: Record<string, unknown>, code: string, kernel = '6.12'): Promise<string[]> => {
    const folder = folderWith({ '.gupcheck.json': functions(rows), 'a.c': code });
    const lines = await found(folder, ['.'], { kernel: parseKernelVersion(kernel)! });
    return lines.map((line) => line.split(' ')[1]!);
  };
  const one = { acquires: 'pin', page: 1 };

  it.each([
    ['if (take(a, &page) != 1) return -EFAULT;', one],
    [
      'if (take(a, 1, FOLL_WRITE, &page) != 1) return -EFAULT;',
      { acquires: 'pin', pages: 3, count: 1, flags: 2 },
    ],
    ['if (take(a, &page)) return -EFAULT;', { ...one, result: 'status' }],
    ['if (!take(a, &page)) return -EFAULT;', { ...one, result: 'bool' }],
    ['page = take(a); if (IS_ERR(page)) return -EFAULT;', { acquires: 'pin', result: 'page' }],
    ['mmap_read_lock(foo->mm); if (take(a, &page) != 1) return -EFAULT;', { ...one, mmapLock: true }],
  ])('acquire: %s', async (acquire, row) => {
    expect(await lint({ take: row }, f(acquire, 'put_page(page);'))).toContain('GUP301');
    expect(await lint({ take: row }, f(acquire, 'unpin_user_page(page);'))).not.toContain('GUP301');
    expect(await lint({ take: row }, f(acquire, 'unpin_user_page(page);'))).not.toContain('GUP303');
    expect(await lint({ take: row }, f(acquire, ''))).toContain('GUP303');
  });

  it('know the flags that they pass themselves', async () => {
    const code = f(
      'if (take(a, &page) != 1) return -EFAULT;',
      'memset(page_address(page), 0, 8);\n\tflush_dcache_page(page);\n\tunpin_user_pages_dirty_lock(&page, 1, true);',
    );
    expect(await lint({ take: one }, code)).toEqual(['GUP207']);
    expect(await lint({ take: { ...one, flags: 'FOLL_WRITE' } }, code)).toEqual([]);
  });

  it.each([
    ['drop(page);', { releases: 'unpin', page: 0 }, []],
    ['drop(page);', { releases: 'put', page: 0 }, ['GUP301']],
    ['drop(&page, 1);', { releases: 'unpin', pages: 0, count: 1 }, []],
    ['drop(&page, 1);', { releases: 'put', pages: 0, count: 1 }, ['GUP301']],
    ['drop(page); unpin_user_page(page);', { releases: 'unpin', page: 0 }, ['GUP306']],
    ['drop(page);', { takes: [0] }, []],
    ['drop(page);', { harmless: true }, ['GUP303']],
    ['drop(page); unpin_user_page(page);', { writes: [0] }, ['GUP207']],
    ['drop(page_address(page)); unpin_user_page(page);', { writes: [0] }, ['GUP207']],
    ['drop(page); unpin_user_page(page);', { reads: [0] }, []],
    ['drop(page); unpin_user_page(page);', { dirties: 0 }, ['GUP312']],
    ['drop(page, true);', { releases: 'unpin', page: 0, dirty: 1 }, ['GUP312']],
    ['drop(page, false);', { releases: 'unpin', page: 0, dirty: 1 }, []],
    ['drop(page); put_page(page);', { harmless: true, until: '5.4' }, ['GUP301']],
  ])('do: %s %j', async (statement, row, expected) => {
    expect([...new Set(await lint({ drop: row }, f(PIN, statement)))].sort()).toEqual(expected);
  });

  it('may let a device at the data', async () => {
    const got = f(
      'if (get_user_pages_fast(a, 1, FOLL_WRITE, &page) != 1) return -EFAULT;',
      'send(page);\n\tput_page(page);',
    );
    const row = { dma: { page: 0, direction: 'from-device' } };
    expect(await lint({ send: row }, got)).toContain('GUP202');
  });

  it('hold for the releases that their row names', async () => {
    const code = f('if (take(a, &page) != 1) return -EFAULT;', 'put_page(page);');
    expect(await lint({ take: { ...one, since: '6.1' } }, code, '6.1')).toEqual(['GUP301']);
    expect(await lint({ take: { ...one, since: '6.1' } }, code, '6.0')).toEqual([]);
    expect(await lint({ take: { ...one, until: '6.0' } }, code, '6.1')).toEqual([]);
  });

  it('are those of the file where it defines them', async () => {
    const own =
      'static int take(unsigned long a, struct page **p) { return get_user_pages_fast(a, 1, 0, p); }\n';
    expect(
      await lint({ take: one }, own + f('if (take(a, &page) != 1) return -EFAULT;', 'put_page(page);')),
    ).toEqual([]);
  });

  it('are named in the message', async () => {
    const code = f('if (take(a, &page) != 1) return -EFAULT;', 'put_page(page);');
    const { reports } = await run(folderWith({ '.gupcheck.json': functions({ take: one }), 'a.c': code }));
    expect(reports[0]?.findings[0]?.message).toMatch(
      / pin_user_pages_fast\(\) is called by take\(\), as it is described in \.gupcheck\.json\.$/,
    );
  });
});

describe('mistakes', () => {
  it.each([
    ['{ "rulez": {} }', '1:3', 'there is no "rulez"', 'did you mean rules?'],
    [
      '{\n  "rules": { "GUP30": "off" }\n}',
      '2:14',
      'rules: there is no "GUP30"',
      'give a code such as GUP201',
    ],
    ['{ "rules": { "GUP399": "off" } }', '1:14', 'there is no rule GUP399', 'did you mean GUP309?'],
    ['{ "rules": { "GUP303": "warn" } }', '1:14', 'rules.GUP303 is "warn"', 'give off, error, warning, note'],
    ['{ "kernel": 6.12 }', '1:3', 'kernel is 6.12', 'give a string'],
    ['{ "kernel": "six" }', '1:3', 'kernel is "six"', 'give a release such as "6.12"'],
    [
      '{ "functions": { "f": { "acquire": "pin" } } }',
      '1:25',
      'functions.f: there is no "acquire"',
      'did you mean acquires?',
    ],
    [
      '{ "functions": { "f": { "acquires": "pinn" } } }',
      '1:25',
      'functions.f.acquires is "pinn"',
      'did you mean pin?',
    ],
    [
      '{ "functions": { "f": { "releases": "put", "page": 99 } } }',
      '1:44',
      'functions.f.page is 99',
      'give the position of an argument, from 0',
    ],
    [
      '{ "functions": { "f": { "since": "5.6" } } }',
      '1:25',
      'f: nothing is said of what it does',
      expect.stringContaining('give one of acquires'),
    ],
    [
      '{ "functions": { "f": {} } }',
      '1:18',
      'functions.f says nothing',
      'say what it does, for instance acquires or releases',
    ],
    [
      '{ "functions": { "f": { "acquires": "pin", "pages": 1 } } }',
      '1:44',
      'f: how many pages are acquired is not said',
      'give count, or page for one',
    ],
    ['{ "exclude": ["a"', '1:18', 'is no JSON: close bracket expected', 'mend it, or delete the file'],
    ['', '1:1', 'is no JSON: value expected', 'mend it, or delete the file'],
    ['[]', '1:1', 'the configuration is []', 'give an object'],
  ])('%s', (text, at, what, cure) => {
    expect(loadConfig(text, 'x.json')).toEqual({ place: `x.json:${at}`, what, cure });
  });

  it('are problems of the run, once, and the code is linted without the file', async () => {
    const folder = folderWith({ '.gupcheck.json': '{ "rulez": 1 }', 'a.c': BAD, 'b.c': BAD });
    for (const args of [['.'], ['a.c', 'b.c'], ['a.c', '.']]) {
      const { problems, reports } = await run(folder, args);
      expect(problems.map(({ place }) => place)).toEqual(['.gupcheck.json:1:3']);
      expect(reports.map(({ findings }) => findings.length)).toEqual([1, 1]);
    }
  });
});

it('comments and commas at the end are allowed', () => {
  expect(loadConfig('{ // a\n "rules": { "GUP301": "off", }, /* b */ }', 'x')).toMatchObject({
    rules: { GUP301: 'off' },
  });
});

it('the schema for editors is the one that is applied', () => {
  const file = path.join(import.meta.dirname, '../../schemas/gupcheck.schema.json');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(schema);
});
