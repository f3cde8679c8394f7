/** Which files are looked at, and for which kernel. */
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ACQUIRE_APIS } from '#engine/protocol/steps.ts';
import { discover } from '#server/linter/discover.ts';
import { isOfInterest, PROTOCOL_WORDS } from '#server/linter/interest.ts';
import { treeRelease } from '#server/linter/kernel-version.ts';
import type { KernelVersion } from '#server/syntax/preprocess/version.ts';
import { folderWith } from '../cli/harness.ts';

const paths = (folder: string, ...given: string[]) => discover(given, folder).files.map((file) => file.path);

describe('discover', () => {
  const tree = {
    'drv/b.c': '',
    'drv/a.c': '',
    'drv/a.h': '',
    'drv/sub/c.c': '',
    'drv/notes.txt': '',
    'drv/a.c.orig': '',
    'drv/.git/x.c': '',
    'drv/.hidden/x.c': '',
    'drv/node_modules/p/x.c': '',
    'odd.txt': '',
  };

  it('lists the C files of a folder in order, without hidden folders', () => {
    expect(paths(folderWith(tree), 'drv')).toEqual(['drv/a.c', 'drv/a.h', 'drv/b.c', 'drv/sub/c.c']);
  });

  it.each([
    ['.', 'drv/a.c'],
    ['./drv/', 'drv/a.c'],
    ['drv//sub/..', 'drv/a.c'],
  ])('shows paths below %s as %s', (given, first) => {
    expect(paths(folderWith(tree), given)[0]).toBe(first);
  });

  it('shows absolute paths as they were given', () => {
    const folder = folderWith(tree);
    expect(paths('/', path.join(folder, 'drv/sub'))).toEqual([`${folder}/drv/sub/c.c`]);
  });

  it('takes a named file whatever it is called', () => {
    expect(paths(folderWith(tree), 'odd.txt')).toEqual(['odd.txt']);
  });

  it('lists a file once, however often it is reached', () => {
    expect(paths(folderWith(tree), 'drv/sub', 'drv/sub/c.c', './drv')).toEqual([
      'drv/a.c',
      'drv/a.h',
      'drv/b.c',
      'drv/sub/c.c',
    ]);
  });

  it('follows no links inside a folder, and those that are named', () => {
    const folder = folderWith({ 'real/a.c': '', 'other/b.c': '' });
    symlinkSync('..', path.join(folder, 'real/up'));
    symlinkSync('../other/b.c', path.join(folder, 'real/b.c'));
    symlinkSync('real', path.join(folder, 'link'));
    expect(paths(folder, 'real')).toEqual(['real/a.c']);
    expect(paths(folder, 'link')).toEqual(['link/a.c']);
    expect(paths(folder, 'real/b.c')).toEqual(['real/b.c']);
  });

  it('says which path is missing or has no C files', () => {
    const folder = folderWith({ 'a.c': '' });
    mkdirSync(path.join(folder, 'empty'));
    const { files, problems } = discover(['gone', 'empty', 'a.c'], folder);
    expect(files.map((file) => file.path)).toEqual(['a.c']);
    expect(problems.map(({ place, what }) => `${place}: ${what}`)).toEqual([
      'gone: no such file or folder',
      'empty: no .c or .h file in this folder',
    ]);
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
