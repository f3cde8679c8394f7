import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { GupTestUsage, parseGupTest } from '#engine/gup-test/options.ts';
import { runGupTest } from '#engine/gup-test/run.ts';

const RUNS = readFileSync(path.join(import.meta.dirname, 'data/gup_test.tsv'), 'utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split('\t') as [string, string, string, string]);

describe('gup_test on a running kernel and on the model', () => {
  it.each(RUNS)('%s: acquired +%s, released +%s, truncated: %s', (options, acquired, released, truncated) => {
    const result = runGupTest(parseGupTest(options.split(' ')));
    expect([result.acquired, result.released]).toEqual([Number(acquired), Number(released)]);
    expect(/truncated \(size: (\d+)\)/.exec(result.output)?.[1] ?? '-').toBe(truncated);
  });
});

describe('what gup_test prints', () => {
  it('has the form of the real one, without times', () => {
    expect(runGupTest(parseGupTest(['-b', '-m', '1'])).output).toBe(`TAP version 13
1..1
# PIN_BASIC_TEST: done
ok 1 ioctl status 0
# Totals: pass:1 fail:0 xfail:0 xpass:0 skip:0 error:0
nr_foll_pin_acquired +256 nr_foll_pin_released +256
`);
  });

  it('dumps pages as dump_page() does', () => {
    const dumped = (...args: string[]): string[] =>
      runGupTest(parseGupTest(args)).output.split('\n').slice(2);
    expect(dumped('-c', '-m', '4', '-T', '1').slice(1, 4)).toEqual([
      expect.stringMatching(
        /^page: refcount:2 mapcount:1 mapping:0000000000000000 index:0x1 pfn:0x[0-9a-f]+$/,
      ),
      'anon flags: 0x2082c(referenced|uptodate|lru|owner_2|swapbacked|node=0|zone=0)',
      'page dumped because: gup_test: dump_pages() test',
    ]);
    expect(dumped('-cp', '-m4', '-H', '19').slice(1, 5)).toEqual([
      expect.stringMatching(/^page: refcount:513 mapcount:0 /),
      'head: order:9 mapcount:1 entire_mapcount:1 nr_pages_mapped:0 pincount:512',
      expect.stringMatching(
        /^anon flags: 0x8[0-9a-f]+\((referenced\|)?uptodate\|(dirty\|)?owner_2\|head\|node=0\|zone=0\)$/,
      ),
      'page_type: f4(hugetlb)',
    ]);
  });

  it('warns about -z, which means FOLL_GET today, and pins nothing', () => {
    const result = runGupTest(parseGupTest(['-a', '-z', '-m', '1']));
    expect(result).toMatchObject({ pages: 0, warnings: 1, acquired: 0 });
  });

  it.each([
    [['-Q'], 'no option -Q'],
    [['-m'], '-m needs a value'],
    [['-m', 'many'], 'expected a size in MB, found `many`'],
    [['-m', '4096'], 'room for 1 to 256 MB'],
    [['-f', '/etc/passwd'], 'name the file system'],
    [['-c', 'first'], 'expected a page number'],
  ])('%j is refused', (args, message) => {
    expect(() => parseGupTest(args)).toThrow(GupTestUsage);
    expect(() => parseGupTest(args)).toThrow(message);
  });
});
