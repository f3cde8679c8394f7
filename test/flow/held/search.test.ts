import { expect, test } from 'vitest';
import type { Held } from '#server/flow/held/held.ts';
import { Search } from '#server/flow/held/search.ts';
import type { RunObservation } from '#server/flow/run/observation.ts';

const held = { sets: [{ id: '0fill#1.0' }] } as unknown as Pick<Held, 'sets'>;

function observed(what: 'access' | 'exit', set: string): RunObservation {
  return { what, set: { id: set } } as unknown as RunObservation;
}

test('a run that has found none of the pages ends, also for the callers of the helper that it is in', () => {
  const search = new Search(new Map(), held);
  expect([search.givesUp(299), search.givesUp(300), search.givesUp(301), search.gaveUp]).toEqual([
    false,
    true,
    true,
    true,
  ]);
});

test('a run that has found one goes on', () => {
  const observations = new Map([['a', observed('access', '0fill#1.0')]]);
  const search = new Search(observations, held);
  expect([search.givesUp(500), search.givesUp(999), search.met]).toEqual([false, false, true]);
});

test('pages of its own, and ends of paths, are not found pages', () => {
  const observations = new Map([
    ['own', observed('access', '0drain#2.0')],
    ['end', observed('exit', '0fill#1.0')],
  ]);
  const search = new Search(observations, held);
  expect([search.met, search.givesUp(500)]).toEqual([false, true]);
});
