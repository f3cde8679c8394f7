import { expect, test } from 'vitest';
import {
  BOOL,
  compare,
  convert,
  INT,
  intTypeOf,
  LONG,
  UINT,
  ULONG,
  usualConversion,
} from '#server/flow/lower/ctypes.ts';

test.each([
  ['int', INT],
  ['unsigned', UINT],
  ['unsigned int', UINT],
  ['long', LONG],
  ['unsigned long', ULONG],
  ['const size_t', ULONG],
  ['long long int', LONG],
  ['u32', UINT],
  ['bool', BOOL],
  ['acme_uint32_t', UINT],
  ['acme_int32_t', INT],
  ['ACME_S32', INT],
  ['AcU32', UINT],
  ['acUINT64', ULONG],
  ['u_int16_t', { signed: false, bits: 16 }],
  ['__be32', undefined],
  ['bus32', undefined],
  ['struct page', undefined],
  ['', undefined],
])('%s', (text, type) => {
  expect(intTypeOf(text)).toEqual(type);
});

test.each([
  ['int and unsigned int compare unsigned', INT, UINT, UINT],
  ['long and unsigned int compare signed', LONG, UINT, LONG],
  ['int and unsigned long compare unsigned', INT, ULONG, ULONG],
  ['two bools are ints', BOOL, BOOL, INT],
  ['an unknown type is taken for long', undefined, INT, LONG],
])('%s', (_name, a, b, expected) => {
  expect(usualConversion(a, b)).toEqual(expected);
});

test('an errno is a large number once it is unsigned', () => {
  expect(convert(-14, UINT)).toBe(2 ** 32 - 14);
  expect(compare(-14, 2, UINT)).toBeGreaterThan(0);
  expect(compare(-14, 2, ULONG)).toBeGreaterThan(0);
  expect(compare(-14, 2, LONG)).toBeLessThan(0);
  expect(compare(-14, -12, ULONG)).toBeLessThan(0);
});

test('a value comes back unharmed through a wider type', () => {
  for (const n of [-14, -1, 0, 1, 2, 4095]) {
    expect(convert(convert(n, UINT), INT)).toBe(n);
    expect(convert(convert(n, ULONG), LONG)).toBe(n);
  }
});
