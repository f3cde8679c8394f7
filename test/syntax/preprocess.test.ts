import { describe, expect, test } from 'vitest';
import type { ConditionalOptions } from '#server/syntax/preprocess/conditionals.ts';
import { Environment } from '#server/syntax/preprocess/environment.ts';
import { evaluate } from '#server/syntax/preprocess/expression.ts';
import { preprocess } from '#server/syntax/preprocess/preprocess.ts';
import {
  compareKernelVersions,
  formatKernelVersion,
  parseKernelVersion,
} from '#server/syntax/preprocess/version.ts';
import { V6_12 } from './support.ts';

/** Words that are left of a text's code, in order. */
function left(text: string, options: Partial<ConditionalOptions> = {}): string {
  return preprocess('driver.c', text, { kernelVersion: V6_12, ...options })
    .code.split(/\s+/)
    .filter(Boolean)
    .join(' ');
}

describe('#if expressions', () => {
  test.each([
    ['1', 1],
    ['0', 0],
    ['0x10 + 010 - 2', 22],
    ["'A'", 65],
    ['1 + 2 * 3 == 7 && !(4 < 3)', 1],
    ['1 ? 2 : 3', 2],
    ['-1 < 0', 1],
    ['10 / 3 % 2', 1],
    ['(1 << 4) | 3 ^ 1 & 5', 18],
    ['1 / 0', 'unknown'],
    ['LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)', 1],
    ['LINUX_VERSION_CODE < KERNEL_VERSION(5,6,0)', 0],
    ['defined(CONFIG_CMA) && !defined CONFIG_CMA_MODULE', 1],
    ['IS_ENABLED(CONFIG_X) || IS_MODULE(CONFIG_Y)', 1],
    ['IS_MODULE(CONFIG_Y)', 0],
    ['CONFIG_CMA', 'some'],
    ['CONFIG_CMA != 0', 1],
    ['CONFIG_PGTABLE_LEVELS > 3', 'unknown'],
    ['defined(RHEL_RELEASE_CODE) && RHEL_RELEASE_CODE > RHEL_RELEASE_VERSION(8, 4)', 0],
    ['RHEL_RELEASE_VERSION(8, 4)', 2052],
    ['defined(HAVE_PIN)', 'unknown'],
    ['defined(HAVE_PIN) || 1', 1],
    ['HAVE_PIN && 0', 0],
    ['__has_include(<linux/dma-buf.h>)', 'unknown'],
    ['__has_attribute(cold)', 1],
    ['PAGE_SHIFT == 12', 1],
    ['', 'unknown'],
    ['1 +', 'unknown'],
    ['(1', 'unknown'],
    ['@', 'unknown'],
    ['('.repeat(5000), 'unknown'],
    ['!'.repeat(5000), 'unknown'],
  ])('%s is %s', (text, value) => {
    expect(evaluate(text, new Environment(V6_12))).toBe(value);
  });

  test('see the macros of the file', () => {
    const environment = new Environment(V6_12);
    environment.define('LEVEL', '(BASE + 1)');
    environment.define('BASE', '2');
    environment.define('SELF', 'SELF');
    expect(evaluate('LEVEL == 3 && defined(LEVEL)', environment)).toBe(1);
    expect(evaluate('SELF', environment)).toBe(0);
    environment.undefine('BASE');
    expect(evaluate('defined(BASE) || BASE', environment)).toBe(0);
  });
});

describe('conditional code', () => {
  test.each([
    ['#if 0\na\n#else\nb\n#endif\nc', 'b c'],
    ['#ifdef CONFIG_X\na\n#endif', 'a'],
    ['#ifndef CONFIG_X\na\n#endif', ''],
    ['#ifdef __KERNEL__\na\n#else\nb\n#endif', 'a'],
    ['#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 6, 0)\nget\n#else\npin\n#endif', 'pin'],
    ['#if 0\na\n#elif LINUX_VERSION_CODE > 0\nb\n#elif 1\nc\n#endif', 'b'],
    ['#if 1\na\n#elsif LINUX_VERSION_CODE > 0\nb\n#else\nc\n#endif', 'a'],
    ['#if 0\n#if 1\na\n#else\nb\n#endif\n#else\nc\n#endif', 'c'],
    ['#if 1\n#if 0\na\n#else\nb\n#endif\n#else\nc\n#endif', 'b'],
    ['#define FAST 0\n#if FAST\na\n#else\nb\n#endif', 'b'],
    ['#define FAST\n#ifdef FAST\na\n#endif\n#undef FAST\n#ifdef FAST\nb\n#endif', 'a'],
    ['# if 1 /* why */\na\n# endif // done', 'a'],
    ['#if 1 && \\\n    0\na\n#else\nb\n#endif', 'b'],
    ['/* #if 0 */ a', 'a'],
    ['"#if 0" a', '"#if 0" a'],
    ["#if 0\ndon't\n#endif\nb", 'b'],
    ['/* c */ #if 0\na\n#endif', ''],
    ['#if 0\r\na\r\n#else\r\nb\r\n#endif\r\nc', 'b c'],
    ['a\n#endif\nb\n#else\nc', 'a b c'],
    ['#if 0\na', ''],
    ['#if 1\na', 'a'],
    ['#include <linux/mm.h>\n#pragma once\n#\na', 'a'],
    ['#ifdef\na\n#endif', 'a'],
    ['#if\na\n#else\nb\n#endif', 'b'],
  ])('%j keeps %j', (text, kept) => {
    expect(left(text)).toBe(kept);
  });

  test('an undecided name counts the same throughout the file', () => {
    const text =
      '#ifdef HAVE_A\nx\n#else\ny\n#endif\n#ifndef HAVE_A\nz\n#endif\n#if !defined(HAVE_A)\nw\n#endif';
    expect(left(text)).toBe('x');
    expect(left(text, { prefer: /\by\b/ })).toBe('y z w');
  });

  test('an undecided expression counts the same throughout the file', () => {
    expect(left('#if HAVE(A, 1)\nx\n#else\ny\n#endif\n#if HAVE( A,1 )\nz\n#endif', { prefer: /\by\b/ })).toBe(
      'y',
    );
  });

  test('a branch of interest is preferred even if the name was tested before', () => {
    const text = '#ifdef HAVE_A\n#define X 1\n#endif\n#ifdef HAVE_A\nold\n#else\npin\n#endif';
    expect(left(text, { prefer: /pin/ })).toBe('pin');
    expect(preprocess('driver.c', text, { kernelVersion: V6_12, prefer: /pin/ }).macros.size).toBe(0);
  });

  test('an undecided name counts as what defines a name that a branch of interest needs', () => {
    const text =
      '#ifndef KERNELS_OWN\n#undef MY_PIN\n#else\n#define MY_PIN\n#endif\n#ifdef MY_PIN\npin\n#endif';
    expect(left(text, { prefer: /\bpin\b/ })).toBe('pin');
    expect(left(text)).toBe('');
    const other = '#ifdef A\n#define NO_PIN\n#else\n#define B\n#endif\n#ifndef NO_PIN\npin\n#endif';
    expect(left(other, { prefer: /\bpin\b/ })).toBe('');
  });

  test.each([
    [5, 1, 'b'],
    [5, 2, 'a'],
    [6, 2, 'a'],
    [6, 3, 'b'],
  ])('a name that %i.%i has or has not', (major, minor, kept) => {
    const since = { major: 5, minor: 2, patch: 0 };
    const until = { major: 6, minor: 3, patch: 0 };
    const options: Partial<ConditionalOptions> = {
      kernelVersion: { major, minor, patch: 0 },
      lifeOf: (name) => (name === 'FLAG' ? { since, until } : undefined),
    };
    expect(left('#ifdef FLAG\na\n#else\nb\n#endif', options)).toBe(kept);
  });

  test('groups tell their branches, and choices overrule', () => {
    const text = '#ifdef HAVE_A\nx\n#elif defined(HAVE_B)\ny\n#else\nz\n#endif\n';
    const [group] = preprocess('driver.c', text, { kernelVersion: V6_12 }).conditionals;
    expect(group).toMatchObject({ taken: 0, decided: false, range: { start: 0, end: text.length - 1 } });
    expect(
      group?.branches.map((branch) => [
        branch.condition,
        text.slice(branch.range.start, branch.range.end).trim(),
      ]),
    ).toEqual([
      ['defined(HAVE_A)', 'x'],
      ['defined(HAVE_B)', 'y'],
      ['', 'z'],
    ]);
    const chosen = [0, 1, 2, -1].map((branch) => left(text, { choices: new Map([[0, branch]]) }));
    expect(chosen).toEqual(['x', 'y', 'z', '']);
  });

  test('the kernel version decides', () => {
    const text = '#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 6, 0)\nget\n#else\npin\n#endif';
    expect(left(text, { kernelVersion: { major: 5, minor: 5, patch: 300 } })).toBe('get');
    expect(left(text, { kernelVersion: { major: 5, minor: 6, patch: 0 } })).toBe('pin');
  });
});

describe('macros', () => {
  test.each([
    ['#define A', { name: 'A', body: '' }],
    ['#define A 1', { name: 'A', body: ' 1' }],
    ['#define A (1)', { name: 'A', body: ' (1)' }],
    ['#define PIN(a, n) pin(a, n, 0)', { name: 'PIN', params: ['a', 'n'], body: ' pin(a, n, 0)' }],
    ['#define LOG(f, ...) printk(f)', { name: 'LOG', params: ['f', '...'], body: ' printk(f)' }],
    ['#define LOG(a...) printk(a)', { name: 'LOG', params: ['a...'], body: ' printk(a)' }],
    ['#define F() g()', { name: 'F', params: [], body: ' g()' }],
    ['#define A b /* c */ d // e', { name: 'A', body: ' b         d     ' }],
    ['#define S "/* no comment */"', { name: 'S', body: ' "/* no comment */"' }],
  ])('%j is read', (text, macro) => {
    const [found] = preprocess('driver.c', `${text}\n`, { kernelVersion: V6_12 }).macros.values();
    expect(found).toMatchObject(macro);
    expect(found).toHaveProperty('range', { start: 0, end: text.length });
  });

  test('a body keeps the offsets of the file, over continued lines too', () => {
    const text = 'int a;\n#define PUT(p) do { \\\n\tput_page(p); \\\n} while (0)\nint b;\n';
    const { macros, code } = preprocess('driver.c', text, { kernelVersion: V6_12 });
    const macro = macros.get('PUT')!;
    expect(macro.bodyStart + macro.body.indexOf('put_page')).toBe(text.indexOf('put_page'));
    expect(macro.body).not.toContain('\\');
    expect(code.trim().split(/\s+/)).toEqual(['int', 'a;', 'int', 'b;']);
  });

  test('the last definition counts, and those of other branches do not', () => {
    const text = '#define A 1\n#undef A\n#define A 2\n#if 0\n#define A 3\n#define B 1\n#endif\n';
    const { macros } = preprocess('driver.c', text, { kernelVersion: V6_12 });
    expect([...macros.values()].map((macro) => macro.name + macro.body)).toEqual(['A 2']);
  });
});

describe('kernel versions', () => {
  test.each([
    ['6.12', '6.12'],
    ['v6.12.117', '6.12.117'],
    ['6.12.0-rc1', '6.12'],
    ['5.10.0+debian', '5.10'],
  ])('%s is %s', (text, formatted) => {
    expect(formatKernelVersion(parseKernelVersion(text)!)).toBe(formatted);
  });

  test.each(['', 'latest', '6', '6.x', '6.12.', '6.12 or later'])('%j is none', (text) => {
    expect(parseKernelVersion(text)).toBeUndefined();
  });

  test('are ordered', () => {
    const versions = ['6.2', '5.19.1', '6.12', '5.19'].map((text) => parseKernelVersion(text)!);
    expect(versions.sort(compareKernelVersions).map(formatKernelVersion)).toEqual([
      '5.19',
      '5.19.1',
      '6.2',
      '6.12',
    ]);
  });
});
