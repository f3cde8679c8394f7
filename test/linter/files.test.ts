/** Which files are looked at, and for which kernel. */
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ACQUIRE_APIS } from '#engine/protocol/steps.ts';
import { isOfInterest, PROTOCOL_WORDS } from '#server/linter/input/interest.ts';
import { MAX_HEADER } from '#server/linter/input/read.ts';
import { treeRelease } from '#server/linter/project/kernel-version.ts';
import { lintPaths } from '#server/linter/run/run.ts';
import type { KernelVersion } from '#server/syntax/preprocess/version.ts';
import { fakeAnalyzer } from '../cli/fake.ts';
import { folderWith } from '../cli/harness.ts';

const PINS = 'x = get_user_pages_fast(a, 1, 0, &p);';
const lint = (folder: string, ...given: string[]) =>
  lintPaths(async () => fakeAnalyzer, given, folder, { explanations: false, levels: {} });
const paths = async (folder: string, ...given: string[]) =>
  (await lint(folder, ...given)).reports.map((report) => report.path);

describe('files of a run', () => {
  const tree = {
    'drv/b.c': PINS,
    'drv/a.c': PINS,
    'drv/a.h': PINS,
    'drv/sub/c.c': PINS,
    'drv/notes.txt': PINS,
    'drv/a.c.orig': PINS,
    'drv/.git/x.c': PINS,
    'drv/.hidden/x.c': PINS,
    'drv/node_modules/p/x.c': PINS,
    'odd.txt': PINS,
  };

  it('lists the C files of a folder in order, without hidden folders', async () => {
    expect(await paths(folderWith(tree), 'drv')).toEqual(['drv/a.c', 'drv/a.h', 'drv/b.c', 'drv/sub/c.c']);
  });

  it.each([
    ['.', 'drv/a.c'],
    ['./drv/', 'drv/a.c'],
    ['drv//sub/..', 'drv/a.c'],
  ])('shows paths below %s as %s', async (given, first) => {
    expect((await paths(folderWith(tree), given))[0]).toBe(first);
  });

  it('shows absolute paths as they were given', async () => {
    const folder = folderWith(tree);
    expect(await paths('/', path.join(folder, 'drv/sub'))).toEqual([`${folder}/drv/sub/c.c`]);
  });

  it('takes a named file whatever it is called', async () => {
    expect(await paths(folderWith(tree), 'odd.txt')).toEqual(['odd.txt']);
  });

  it('lists a file once, however often it is reached', async () => {
    expect(await paths(folderWith(tree), 'drv/sub', 'drv/sub/c.c', './drv')).toEqual([
      'drv/a.c',
      'drv/a.h',
      'drv/b.c',
      'drv/sub/c.c',
    ]);
  });

  it('follows no links inside a folder, and those that are named', async () => {
    const folder = folderWith({ 'real/a.c': PINS, 'other/b.c': PINS });
    symlinkSync('..', path.join(folder, 'real/up'));
    symlinkSync('../other/b.c', path.join(folder, 'real/b.c'));
    symlinkSync('real', path.join(folder, 'link'));
    expect(await paths(folder, 'real')).toEqual(['real/a.c']);
    expect(await paths(folder, 'link')).toEqual(['link/a.c']);
    expect(await paths(folder, 'real/b.c')).toEqual(['real/b.c']);
  });

  it('says which path is missing or has no C files', async () => {
    const folder = folderWith({ 'a.c': PINS });
    mkdirSync(path.join(folder, 'empty'));
    const { reports, problems } = await lint(folder, 'gone', 'empty', 'a.c');
    expect(reports.map((report) => report.path)).toEqual(['a.c']);
    expect(problems.map(({ place, what }) => `${place}: ${what}`)).toEqual([
      'gone: no such file or folder',
      'empty: no .c or .h file in this folder',
    ]);
  });

  it('counts a file once, and names one folder inside another as it was given first', async () => {
    const run = await lint(folderWith(tree), 'drv/sub', 'drv', 'drv/sub/c.c', 'drv/');
    expect(run.reports.map((report) => report.path)).toEqual([
      'drv/a.c',
      'drv/a.h',
      'drv/b.c',
      'drv/sub/c.c',
    ]);
    expect(run.scanned).toBe(4);
  });

  it('does not read a header of a folder that is too large to be written by hand, but one that is named', async () => {
    const folder = folderWith({
      'drv/regs.h': PINS + ' '.repeat(MAX_HEADER),
      'drv/long.c': PINS + ' '.repeat(MAX_HEADER),
      'drv/just.h': PINS + ' '.repeat(MAX_HEADER - PINS.length),
    });
    const { reports, large, scanned } = await lint(folder, 'drv');
    expect(reports.map((report) => report.path)).toEqual(['drv/just.h', 'drv/long.c']);
    expect({ large, scanned }).toEqual({ large: 1, scanned: 2 });
    expect(await paths(folder, 'drv/regs.h')).toEqual(['drv/regs.h']);
  });
});

describe('isOfInterest', () => {
  it.each([...ACQUIRE_APIS, 'unpin_user_page', 'get_user_page_fast_only', 'get_user_page_vma_remote'])(
    'sees %s',
    (api) => {
      expect(isOfInterest(Buffer.from(`x = ${api}(a);`))).toBe(true);
    },
  );

  it.each(['', 'int x;', 'get_user(x, p)', 'put_page(page)'])('leaves out "%s"', (text) => {
    expect(isOfInterest(Buffer.from(text))).toBe(false);
  });

  it('looks only at the bytes it is given', () => {
    const buffer = Buffer.from(`${PROTOCOL_WORDS[0]} int x;`);
    expect(isOfInterest(buffer.subarray(PROTOCOL_WORDS[0].length))).toBe(false);
  });
});

describe('kernel version', () => {
  it('finds the Makefile of the kernel tree, past those of its folders', () => {
    const folder = folderWith({
      Makefile: '# SPDX\nVERSION = 5\nPATCHLEVEL = 10\nSUBLEVEL = 3\n',
      'drivers/Makefile': 'obj-y += x.o\n',
      'drivers/x/x.c': '',
    });
    const known = new Map<string, KernelVersion | undefined>();
    const release = { major: 5, minor: 10, patch: 3 };
    expect(treeRelease(path.join(folder, 'drivers/x'), known)).toEqual(release);
    expect(known.get(path.join(folder, 'drivers'))).toEqual(release);
    expect(treeRelease(path.dirname(folder), new Map())).toBeUndefined();
  });
});
