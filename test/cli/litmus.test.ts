import path from 'node:path';
import { expect, test } from 'vitest';
import { folderWith, gupcheck } from './harness.ts';

const examples = path.join(import.meta.dirname, '../../examples/litmus');

const LEAK = `C leak

{
  p = anon[1];
}

driver(A)
{
  n = pin_user_pages_fast(p, 1, 0, pages);
}

exists (unbalanced-references)
expect Always
`;

test('a test prints its states, its witnesses and its observation', async () => {
  const folder = folderWith({ 'leak.litmus': LEAK });
  const { status, out, err } = await gupcheck(folder, ['litmus', 'leak.litmus']);
  expect([status, err]).toEqual([0, '']);
  expect(out).toMatch(/^Test leak Allowed\nStates 1\n/);
  expect(out).toMatch(/\nWitnesses\nPositive: \d+ Negative: 0\n/);
  expect(out).toMatch(/\nObservation leak Always \d+ 0\n/);
});

test('an unexpected observation is exit status 1, with one line', async () => {
  const folder = folderWith({ 'leak.litmus': LEAK.replace('expect Always', 'expect Never') });
  const { status, err } = await gupcheck(folder, ['litmus', '--quiet', folder]);
  expect(status).toBe(1);
  expect(err).toMatch(/^gupcheck: leak\.litmus: observed Always, but the file expects Never; .+\n?$/);
});

test('a typo is exit status 2, with its place and the nearest name', async () => {
  const folder = folderWith({ 'typo.litmus': LEAK.replace('pin_user_pages_fast', 'pin_user_page_fast') });
  const { status, err } = await gupcheck(folder, ['litmus', 'typo.litmus']);
  expect(status).toBe(2);
  expect(err).toMatch(/^gupcheck: typo\.litmus:9:\d+: .*pin_user_pages_fast/);
});

test('a missing path and a folder without tests are one line each', async () => {
  const folder = folderWith({ 'a.c': '' });
  const missing = await gupcheck(folder, ['litmus', 'nowhere.litmus']);
  expect([missing.status, missing.err.trim().split('\n').length]).toEqual([2, 1]);
  const empty = await gupcheck(folder, ['litmus', '.']);
  expect([empty.status, empty.err.trim().split('\n').length]).toEqual([2, 1]);
});

test('every shipped test is as its file expects', async () => {
  const { status, out, err } = await gupcheck(path.dirname(examples), ['litmus', '--quiet', 'litmus']);
  expect([status, err]).toEqual([0, '']);
  const shown = out.trim().split('\n');
  expect(shown.at(-1)).toMatch(/^\d+ litmus tests, 0 not as expected, 0 unreadable/);
  expect(shown.length).toBeGreaterThan(40);
}, 60_000);
