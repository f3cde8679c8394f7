/** Operators on values of the small world. */
import { MAX_ERRNO } from '../lower/constants.ts';
import { compare, convert, usualConversion } from '../lower/ctypes.ts';
import type { BinaryOp, IntType } from '../lower/ir.ts';
import { byName } from './named.ts';
import { allocationOf } from './names.ts';
import { certainBits, TOP, type Value, type Values } from './value.ts';

/** Counts above this are unknown: loops then repeat a state and end. */
const SMALL = 3;

/** Numbers of bytes above this are unknown: two pages, and one to round up by. */
const MOST_BYTES = 3 * 4096;

/** Numbers from here on are bytes or addresses, not counts. */
export const LEAST_BYTES = 512;

const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);

/** `a op b`, with C's conversions of the operands' types. */
export function binary(
  values: Values,
  op: BinaryOp,
  a: Value,
  b: Value,
  types: { readonly l?: IntType | undefined; readonly r?: IntType | undefined },
): Value {
  if (a.t === 'int' && b.t === 'int') return integers(values, op, a.n, b.n, types);
  if (a.t === 'ptr' || b.t === 'ptr') return pointers(values, op, a, b);
  if (a.t === 'page' || a.t === 'data' || a.t === 'handle') return references(values, op, a, b);
  if (b.t === 'page' || b.t === 'data' || b.t === 'handle') return references(values, op, b, a);
  if (op === '&' && b.t === 'int' && (certainBits(a) & b.n) === b.n) return b;
  if ((op === '+' || op === '-' || op === '|' || op === '<<' || op === '>>') && b.t === 'int' && b.n === 0)
    return a;
  if (op === '+' && a.t === 'int' && a.n === 0) return b;
  if (op === '&' && a.t === 'int' && a.n === 0) return a;
  // So many bytes more than an unknown, and the sum of what two calls returned, are unknowns; but not a part of an array.
  if (op === '+' && (isBytes(a) !== isBytes(b) || (isResult(a) && isResult(b) && !isAllocated(a))))
    return TOP;
  if (op === '-' && a === b && a.t === 'sym') return values.int(0);
  const named = byName(values, op, a, b);
  if (named !== undefined) return named;
  if (a === b && a.t === 'sym' && COMPARISONS.has(op))
    return values.int(op === '==' || op === '<=' || op === '>=' ? 1 : 0);
  const apart = COMPARISONS.has(op) || op === '-' ? distance(a, b) : undefined;
  if (apart !== undefined)
    return op === '-' ? values.int(apart) : values.int(comparisonHolds(op, apart) ? 1 : 0);
  return values.operation(op, [a, b]);
}

function isBytes(v: Value): boolean {
  return v.t === 'int' && v.n >= LEAST_BYTES;
}

/** What a call returned that is not modelled. */
function isResult(v: Value): boolean {
  return v.t === 'sym' && v.op === undefined && v.key.startsWith('@');
}

/** Memory that the path has allocated. */
function isAllocated(v: Value): boolean {
  return allocationOf(v.key) !== undefined;
}

/** a - b, where both are the same unknown plus a number. */
function distance(a: Value, b: Value): number | undefined {
  const [x, m] = sum(a);
  const [y, n] = sum(b);
  return x === y && x.t === 'sym' ? m - n : undefined;
}

function sum(v: Value): [Value, number] {
  if (v.t !== 'sym' || v.args === undefined || (v.op !== '+' && v.op !== '-')) return [v, 0];
  const [a, b] = v.args;
  if (b?.t !== 'int') return [v, 0];
  const [inner, n] = sum(a!);
  return [inner, v.op === '+' ? n + b.n : n - b.n];
}

function integers(
  values: Values,
  op: BinaryOp,
  a: number,
  b: number,
  types: { readonly l?: IntType | undefined; readonly r?: IntType | undefined },
): Value {
  // One number stands for every errno: which one it is, is not known.
  if ((op === '==' || op === '!=') && isErrno(a) && isErrno(b)) return TOP;
  if (COMPARISONS.has(op)) {
    const order = compare(a, b, usualConversion(types.l, types.r));
    return values.int(comparisonHolds(op, order) ? 1 : 0);
  }
  const n = arithmetic(op, a, b);
  if (n === undefined) return TOP;
  const counting = (op === '+' || op === '-') && Math.abs(a) <= SMALL + 1 && Math.abs(b) <= SMALL + 1;
  if (counting && n > SMALL) return TOP;
  if (op === '+' && a < MOST_BYTES && b < MOST_BYTES && n > MOST_BYTES) return TOP;
  const known = types.l !== undefined && types.r !== undefined;
  return values.int(known ? convert(n, usualConversion(types.l, types.r)) : n);
}

/** A count as it is asked for: no error, and not one that a conversion made large. */
export function isPositiveCount(n: number): boolean {
  return n >= 0 && signed(n) === n;
}

/** The error that a number was before it was stored as unsigned; any other number as it is. */
function signed(n: number): number {
  for (const bits of [16, 32]) if (isErrno(n - 2 ** bits)) return n - 2 ** bits;
  return n;
}

/** Whether a comparison of an error with a count comes out otherwise than it would with the signs kept. */
export function losesSign(
  op: BinaryOp,
  a: number,
  b: number,
  l: IntType | undefined,
  r: IntType | undefined,
): boolean {
  if (op !== '<' && op !== '<=' && op !== '>' && op !== '>=') return false;
  const [x, y] = [signed(a), signed(b)];
  if (isErrno(x) === isErrno(y)) return false;
  return comparisonHolds(op, compare(a, b, usualConversion(l, r))) !== comparisonHolds(op, x - y);
}

function comparisonHolds(op: BinaryOp, order: number): boolean {
  switch (op) {
    case '==':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    default:
      return order >= 0;
  }
}

function arithmetic(op: BinaryOp, a: number, b: number): number | undefined {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0 ? undefined : Math.trunc(a / b);
    case '%':
      return b === 0 ? undefined : a % b;
    case '<<':
      return b >= 0 && b < 40 ? a * 2 ** b : undefined;
    case '>>':
      return b >= 0 && b < 64 ? Math.floor(a / 2 ** b) : undefined;
    case '&':
      return a & b;
    case '|':
      return a | b;
    case '^':
      return a ^ b;
    default:
      return undefined;
  }
}

function pointers(values: Values, op: BinaryOp, a: Value, b: Value): Value {
  if (a.t === 'ptr' && (op === '+' || op === '-')) {
    const by = b.t === 'int' && a.off !== null ? (op === '+' ? a.off + b.n : a.off - b.n) : null;
    if (b.t === 'ptr') return TOP;
    return values.ptr(a.base, by !== null && Math.abs(by) <= SMALL + 1 ? by : null);
  }
  if (b.t === 'ptr' && op === '+') return pointers(values, op, b, a);
  if (COMPARISONS.has(op)) {
    if (a === b && a.t === 'ptr' && a.off !== null)
      return values.int(op === '==' || op === '<=' || op === '>=' ? 1 : 0);
    if (op === '==' && (isNull(a) || isNull(b))) return values.int(0);
    if (op === '!=' && (isNull(a) || isNull(b))) return values.int(1);
  }
  return TOP;
}

function references(values: Values, op: BinaryOp, ref: Value, other: Value): Value {
  if (op === '==' && isNull(other)) return values.int(0);
  if (op === '!=' && isNull(other)) return values.int(1);
  if (COMPARISONS.has(op)) return handles(values, op, ref, other);
  // Arithmetic on an address leads to the same page's data; on a page or a pfn, to another page of the set.
  if (ref.t === 'data') return ref;
  if (ref.t !== 'page' && ref.t !== 'handle') return TOP;
  if (other.t !== 'int' || ref.slot === null) return values.ref(ref.t, ref.set, null);
  const by = op === '+' ? other.n : op === '-' ? -other.n : Number.NaN;
  return values.ref(
    ref.t,
    ref.set,
    Math.abs(by) <= 1 && ref.slot + by >= 0 && ref.slot + by <= 2 ? ref.slot + by : null,
  );
}

/** Which of two frame numbers of one set is larger, where a loop counts from one to the other. */
function handles(values: Values, op: BinaryOp, a: Value, b: Value): Value {
  if (op === '==' || op === '!=' || a.t !== 'handle' || b.t !== 'handle') return TOP;
  if (a.set !== b.set || a.slot === null || b.slot === null) return TOP;
  return values.int(comparisonHolds(op, a.slot - b.slot) ? 1 : 0);
}

function isNull(v: Value): boolean {
  return v.t === 'int' && v.n === 0;
}

/** Whether a number is an error that a function returned; -1 to -3 may be counters. */
export function isErrno(n: number): boolean {
  return n < -SMALL && n >= -MAX_ERRNO;
}

/** Truth of a value as a condition; undefined where it is not known. */
export function truth(v: Value): boolean | undefined {
  if (v.t === 'int') return v.n !== 0;
  return v.t === 'sym' || v.t === 'top' ? undefined : true;
}
