import { expect, test } from 'vitest';
import { Worklist } from '#server/flow/run/worklist.ts';
import type { Frame } from '#server/flow/run/world.ts';
import { State } from '#server/flow/state/state.ts';
import { Values } from '#server/flow/state/value.ts';

/** The run of a function that returns `ret`. */
const FRAME = { name: '0f', facts: { results: ['ret'] } } as unknown as Frame;

/** Nodes in the order in which a worklist gives them. */
function order(pushed: readonly number[], isLong: boolean): number[] {
  const values = new Values();
  const work = new Worklist(values, FRAME);
  for (const node of pushed) work.push(node, new State(values));
  const taken: number[] = [];
  for (let item = work.take(isLong); item !== undefined; item = work.take(isLong)) taken.push(item.node);
  return taken;
}

test('a short run takes states in the order in which they came', () => {
  expect(order([3, 3, 1, 3, 2], false)).toEqual([3, 3, 1, 3, 2]);
});

test('a long run takes first what it has seen least often', () => {
  expect(order([3, 3, 1, 3, 2, 1], true)).toEqual([3, 1, 2, 3, 1, 3]);
});

test('what is left when a run becomes long is not lost', () => {
  const values = new Values();
  const work = new Worklist(values, FRAME);
  for (const node of [1, 2, 3]) work.push(node, new State(values));
  expect(work.take(false)?.node).toBe(1);
  work.push(4, new State(values));
  expect([true, true, true, true].map((isLong) => work.take(isLong)?.node)).toEqual([2, 3, 4, undefined]);
});

test('a long run tells states that are to return an error from others', () => {
  const values = new Values();
  const work = new Worklist(values, FRAME);
  const returning = (n: number): State => {
    const st = new State(values);
    st.store.set(values.local('0f', 'ret'), values.int(n));
    return st;
  };
  for (const n of [-12, -14, -22, 0]) work.push(1, returning(n));
  const taken = [true, true].map((isLong) => work.take(isLong)?.st.store.get(values.local('0f', 'ret')));
  expect(taken).toEqual([values.int(-12), values.int(0)]);
});
