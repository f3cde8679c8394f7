/** From bytes to pages and back, where the bytes are known. */
import type { Rounding } from '../kernel/effects.ts';
import { constantValue } from '../lower/constants.ts';
import type { Value, Values } from './value.ts';

/** PAGE_SIZE of the small world. */
export const PAGE_BYTES = constantValue('PAGE_SIZE')!;

/** Numbers below this are counts of the small world, which stand for any count: they are not bytes. */
const FIRST_BYTES = 4;

/** The rounding of a number of bytes; undefined where it is not known, or is no number of bytes. */
export function rounded(values: Values, how: Rounding, args: readonly Value[]): Value | undefined {
  const [v, by] = args;
  if (v?.t !== 'int' || v.n < 0 || (v.n > 0 && v.n < FIRST_BYTES)) return undefined;
  const unit = by === undefined ? PAGE_BYTES : by.t === 'int' ? by.n : 0;
  if (unit <= 0) return undefined;
  return values.int(round(how, v.n, unit));
}

function round(how: Rounding, n: number, unit: number): number {
  switch (how) {
    case 'count-up':
      return Math.ceil(n / unit);
    case 'count-down':
      return Math.floor(n / unit);
    case 'multiple-up':
      return Math.ceil(n / unit) * unit;
    case 'multiple-down':
      return Math.floor(n / unit) * unit;
    case 'rest':
      return n % unit;
  }
}
