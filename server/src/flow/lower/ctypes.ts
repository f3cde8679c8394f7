/** C's integer types and conversions, as far as comparisons of a signed result with an unsigned count need them. */
import type { IntType } from './ir.ts';

export const INT: IntType = { signed: true, bits: 32 };
export const UINT: IntType = { signed: false, bits: 32 };
export const LONG: IntType = { signed: true, bits: 64 };
export const ULONG: IntType = { signed: false, bits: 64 };
export const BOOL: IntType = { signed: false, bits: 8 };

const NAMED: ReadonlyMap<string, IntType> = new Map([
  ['bool', BOOL],
  ['_Bool', BOOL],
  ['u8', { signed: false, bits: 8 }],
  ['__u8', { signed: false, bits: 8 }],
  ['uint8_t', { signed: false, bits: 8 }],
  ['s8', { signed: true, bits: 8 }],
  ['u16', { signed: false, bits: 16 }],
  ['__u16', { signed: false, bits: 16 }],
  ['uint16_t', { signed: false, bits: 16 }],
  ['s16', { signed: true, bits: 16 }],
  ['u32', UINT],
  ['__u32', UINT],
  ['uint32_t', UINT],
  ['uint', UINT],
  ['gfp_t', UINT],
  ['s32', INT],
  ['__s32', INT],
  ['int32_t', INT],
  ['u64', ULONG],
  ['__u64', ULONG],
  ['uint64_t', ULONG],
  ['size_t', ULONG],
  ['uintptr_t', ULONG],
  ['ulong', ULONG],
  ['dma_addr_t', ULONG],
  ['phys_addr_t', ULONG],
  ['pgoff_t', ULONG],
  ['s64', LONG],
  ['__s64', LONG],
  ['int64_t', LONG],
  ['ssize_t', LONG],
  ['loff_t', LONG],
  ['ptrdiff_t', LONG],
]);

/** What a project's own name of a type says where it spells sign and width: `vip_uint32_t`, `NvS32`, `ACME_U16`. */
function spelledOut(name: string): IntType | undefined {
  const match = SPELLED.exec(name);
  if (match === null) return undefined;
  const [, capitals = '', , small = ''] = match;
  const bits = Number(match[2] ?? match[4]) as IntType['bits'];
  return { signed: !/^u/i.test(capitals + small), bits };
}

const SPELLED = /(?:^|_|[a-z])(U?INT|U|S)(8|16|32|64)$|(?:^|_)(u_?int|int|u|s)(8|16|32|64)(?:_t)?$/;

/** Type named by a declaration's specifiers, for instance `unsigned long`; undefined for anything else. */
export function intTypeOf(specifiers: string): IntType | undefined {
  const words = specifiers
    .split(/\s+/)
    .filter((w) => w !== '' && !/^(const|volatile|static|register|extern|inline)$/.test(w));
  if (words.length === 1) {
    const named = NAMED.get(words[0]!) ?? spelledOut(words[0]!);
    if (named !== undefined) return named;
  }
  if (words.length === 0 || !words.every((w) => /^(unsigned|signed|int|long|short|char)$/.test(w)))
    return undefined;
  const signed = !words.includes('unsigned');
  if (words.includes('char')) return { signed, bits: 8 };
  if (words.includes('short')) return { signed, bits: 16 };
  return { signed, bits: words.includes('long') ? 64 : 32 };
}

/** Type in which `a op b` is computed (C11 6.3.1.8, with int of 32 and long of 64 bits). */
export function usualConversion(a: IntType | undefined, b: IntType | undefined): IntType {
  const x = promote(a ?? LONG);
  const y = promote(b ?? LONG);
  if (x.bits === y.bits) return x.signed ? y : x;
  return x.bits > y.bits ? x : y;
}

function promote(t: IntType): IntType {
  return t.bits < 32 ? INT : t;
}

/**
 * The value that `n` has after conversion to `t`. An unsigned 64-bit value keeps its signed spelling (-14 stands for
 * 2^64 - 14), which a double can hold exactly; compare() knows that.
 */
export function convert(n: number, t: IntType | undefined): number {
  if (t === undefined || t.bits === 64) return n;
  if (t === BOOL) return n === 0 ? 0 : 1;
  const span = 2 ** t.bits;
  const m = ((n % span) + span) % span;
  return t.signed && m >= span / 2 ? m - span : m;
}

/** Sign of a - b, both of type `t`. */
export function compare(a: number, b: number, t: IntType): number {
  const x = convert(a, t);
  const y = convert(b, t);
  if (!t.signed && x < 0 !== y < 0) return x < 0 ? 1 : -1;
  return x - y;
}
