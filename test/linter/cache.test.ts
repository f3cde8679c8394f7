/** What runs keep for the next one, and when that does not hold any more. */
import { readdirSync, readFileSync, renameSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Analyzer } from '#server/linter/file/analyzer.ts';
import { hasStamp, stampTable } from '#server/linter/run/cache.ts';
import { lintPaths, type RunOptions } from '#server/linter/run/run.ts';
import { fakeAnalyzer } from '../cli/fake.ts';
import { folderWith } from '../cli/harness.ts';

const PINS = 'x = get_user_pages_fast(a, 1, 0, &p);';
const LONG_AGO = new Date('2024-01-01T00:00:00Z');

let folder: string;
let cache: string;
/** Paths that were analysed by the last run. */
let analysed: string[];
const analyzer: Analyzer = {
  ...fakeAnalyzer,
  analyze(file, text, kernel) {
    analysed.push(file);
    return fakeAnalyzer.analyze(file, text, kernel);
  },
};

beforeEach(() => {
  folder = folderWith({
    Makefile: 'VERSION = 6\nPATCHLEVEL = 1\n',
    'drv/a.c': PINS,
    'drv/b.c': 'int x;',
    'drv/c.c': PINS,
  });
  cache = path.join(folder, 'cache');
  for (const file of ['Makefile', 'drv/a.c', 'drv/b.c', 'drv/c.c']) age(path.join(folder, file));
});

function age(file: string, date = LONG_AGO): void {
  utimesSync(file, date, date);
}

async function lint(options: Partial<RunOptions> = {}) {
  analysed = [];
  const run = await lintPaths(async () => analyzer, ['drv'], folder, {
    explanations: false,
    levels: {},
    cache: { folder: cache, build: 'one' },
    ...options,
  });
  return run;
}

describe('the cache', () => {
  it('gives the same answer without an analysis', async () => {
    const first = await lint();
    expect(analysed).toEqual(['drv/a.c', 'drv/c.c']);
    const second = await lint();
    expect(analysed).toEqual([]);
    expect(second).toEqual(first);
    expect(second.reports.map(({ findings }) => findings.length)).toEqual([1, 1]);
  });

  it('notices a change of a file, with and without something in it before', async () => {
    await lint();
    writeFileSync(path.join(folder, 'drv/b.c'), PINS);
    age(path.join(folder, 'drv/b.c'), new Date('2024-01-02T00:00:00Z'));
    writeFileSync(path.join(folder, 'drv/c.c'), 'int y;');
    age(path.join(folder, 'drv/c.c'), new Date('2024-01-02T00:00:00Z'));
    const run = await lint();
    expect(analysed).toEqual(['drv/b.c']);
    expect(run.reports.map((report) => report.path)).toEqual(['drv/a.c', 'drv/b.c']);
  });

  it('notices another file under the same name, size and time', async () => {
    await lint();
    writeFileSync(path.join(folder, 'drv/new'), PINS.replace('0', '1'));
    age(path.join(folder, 'drv/new'));
    renameSync(path.join(folder, 'drv/new'), path.join(folder, 'drv/a.c'));
    await lint();
    expect(analysed).toEqual(['drv/a.c']);
  });

  it('notices files that come and go', async () => {
    await lint();
    unlinkSync(path.join(folder, 'drv/a.c'));
    writeFileSync(path.join(folder, 'drv/d.c'), PINS);
    const run = await lint();
    expect(analysed).toEqual(['drv/d.c']);
    expect(run.reports.map((report) => report.path)).toEqual(['drv/c.c', 'drv/d.c']);
  });

  it('does not trust a file that was changed just now', async () => {
    writeFileSync(path.join(folder, 'drv/a.c'), PINS);
    await lint();
    await lint();
    expect(analysed).toEqual(['drv/a.c']);
  });

  it('depends on the kernel release of the tree', async () => {
    await lint();
    writeFileSync(path.join(folder, 'Makefile'), 'VERSION = 6\nPATCHLEVEL = 2\n');
    await lint();
    expect(analysed).toEqual(['drv/a.c', 'drv/c.c']);
  });

  it('depends on the options and on the build', async () => {
    await lint();
    await lint({ levels: { GUP201: 'note' } });
    expect(analysed).toHaveLength(2);
    await lint({ cache: { folder: cache, build: 'two' } });
    expect(analysed).toHaveLength(2);
  });

  it('depends on the headers that were read, and on those that were looked for', async () => {
    const header = path.join(folder, 'drv/h.h');
    writeFileSync(header, '#define WRAPPED 1\n');
    age(header);
    const reading: Analyzer = {
      ...analyzer,
      analyze(file, text, kernel, project) {
        project?.readHeader?.('h.h', file);
        project?.readHeader?.('gone.h', file);
        return analyzer.analyze(file, text, kernel, project);
      },
    };
    const run = async () => {
      analysed = [];
      await lintPaths(async () => reading, ['drv'], folder, {
        explanations: false,
        levels: {},
        cache: { folder: cache, build: 'one' },
      });
      return analysed;
    };
    expect(await run()).toHaveLength(2);
    expect(await run()).toEqual([]);
    age(header, new Date('2024-01-03T00:00:00Z'));
    expect(await run()).toEqual(['drv/a.c', 'drv/c.c']);
    expect(await run()).toEqual([]);
    // It may name another folder to look in by now.
    age(path.join(folder, 'Makefile'), new Date('2024-01-03T00:00:00Z'));
    expect(await run()).toEqual(['drv/a.c', 'drv/c.c']);
    const missing = path.join(folder, 'drv/gone.h');
    writeFileSync(missing, '');
    age(missing);
    expect(await run()).toEqual(['drv/a.c', 'drv/c.c']);
  });

  it('keeps reports of files that pin through a header only', async () => {
    const header = path.join(folder, 'drv/pin.h');
    const user = path.join(folder, 'drv/user.c');
    writeFileSync(header, '#define MY_PIN(a, p) get_user_pages_fast(a, 1, 0, p)\n');
    writeFileSync(user, '#include "pin.h"\nint n = MY_PIN(a, p);\n');
    age(header);
    age(user);
    const paths = async () => (await lint()).reports.map((report) => report.path);
    expect(await paths()).toEqual(['drv/a.c', 'drv/c.c', 'drv/pin.h', 'drv/user.c']);
    expect(await paths()).toHaveLength(4);
    expect(analysed).toEqual([]);
    writeFileSync(header, '#define MY_PIN(a, p) 0\n');
    expect(await paths()).toEqual(['drv/a.c', 'drv/c.c']);
  });

  it('keeps no report with a failure inside', async () => {
    writeFileSync(path.join(folder, 'drv/a.c'), `${PINS} /* rule-threw */`);
    age(path.join(folder, 'drv/a.c'));
    await lint();
    await lint();
    expect(analysed).toEqual(['drv/a.c']);
  });

  it.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length - 7)],
    ['empty', () => Buffer.alloc(0)],
    ['turned over', (bytes: Buffer) => bytes.fill(1, 100, 101)],
  ])('is made anew, and says so, when its file is %s', async (_what, damage) => {
    const sound = await lint();
    const [name] = readdirSync(cache);
    const file = path.join(cache, name!);
    writeFileSync(file, damage(readFileSync(file)));
    const run = await lint();
    expect(run.notes.map(({ what }) => what)).toEqual([
      'the results of the last run are damaged and were not used',
    ]);
    expect(run.reports).toEqual(sound.reports);
    expect((await lint()).notes).toEqual([]);
    expect(analysed).toEqual([]);
  });

  it('is no obstacle where it cannot be written', async () => {
    writeFileSync(path.join(folder, 'file'), '');
    const run = await lint({ cache: { folder: path.join(folder, 'file/cache'), build: 'one' } });
    expect(run.reports).toHaveLength(2);
    expect(run.notes.map(({ what }) => what)).toEqual(['results cannot be kept here (ENOTDIR)']);
  });
});

describe('stampTable', () => {
  it('holds what was put into it and nothing else', () => {
    const stamps = Array.from({ length: 1000 }, (_, i) => (i + 1) * 0x1_0000_0000);
    const table = stampTable(stamps);
    expect(stamps.every((stamp) => hasStamp(table, stamp))).toBe(true);
    expect([0, 1, 0x1_0000_0001, 1001 * 0x1_0000_0000].some((stamp) => hasStamp(table, stamp))).toBe(false);
  });
});
