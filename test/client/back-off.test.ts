import { expect, it } from 'vitest';
import { BackOff, DELAYS, STEADY } from '../../client/src/back-off.ts';

it('waits longer after each death, and then gives up', () => {
  const backOff = new BackOff();
  expect(DELAYS.map(() => backOff.next(0))).toEqual([...DELAYS]);
  expect([...DELAYS].sort((a, b) => a - b)).toEqual([...DELAYS]);
  expect(backOff.next(0)).toBeUndefined();
});

it('begins anew after a life that was long enough, or when the user asks', () => {
  const backOff = new BackOff();
  for (const _delay of DELAYS) backOff.next(0);
  expect(backOff.next(STEADY)).toBe(DELAYS[0]);
  expect(backOff.next(STEADY - 1)).toBe(DELAYS[1]);
  backOff.reset();
  expect(backOff.next(0)).toBe(DELAYS[0]);
});
