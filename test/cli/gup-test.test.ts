import { expect, test } from 'vitest';
import { folderWith, gupcheck } from './harness.ts';

const run = (...args: string[]) => gupcheck(folderWith({}), ['gup-test', ...args]);

test.each([
  ['get_user_pages_fast takes no pins', ['-u', '-m', '1'], '+0', '+0'],
  ['pin_user_pages_fast pins every page once', ['-a', '-m', '1', '-n', '64'], '+256', '+256'],
  ['two repeats pin twice', ['-b', '-m', '1', '-r', '2'], '+512', '+512'],
  ['a long-term pin of hugetlb pages counts tail pages', ['-L', '-H', '-m', '4', '-w'], '+1024', '+1024'],
])('%s', async (_name, args, acquired, released) => {
  const { status, out, err } = await run(...args);
  expect([status, err]).toEqual([0, '']);
  expect(out).toMatch(/^TAP version 13\n/);
  expect(out).toContain(`nr_foll_pin_acquired ${acquired} nr_foll_pin_released ${released}`);
});

test('-c -p dumps a page with the bias of its pin', async () => {
  const { out } = await run('-c', '-p', '-m', '1', '0');
  expect(out).toMatch(/page: refcount:1025 mapcount:1/);
});

test.each([[['-m']], [['-Q']], [['-m', 'many']], [['-f', '/etc/motd']]])(
  '%j is one line and exit status 2',
  async (args) => {
    const { status, out, err } = await run(...args);
    expect([status, out]).toEqual([2, '']);
    expect(err.trim().split('\n')).toHaveLength(1);
    expect(err).toMatch(/^gupcheck: gup-test: /);
  },
);
