/** Macros replaced by what they stand for: the text, and where it leads back to. */
import { describe, expect, test } from 'vitest';
import { open } from './support.ts';

const means = (word: string): boolean => /^(?:pin|put|goto|FOLL_WRITE)$/.test(word);

/** The body of `f` behind macros, and the uses that were replaced. */
function expanded(macros: string, body: string): { code: string; uses: string[] } {
  const source = open(`${macros}\nint f(void)\n{ ${body} }\n`, { means });
  const { bodyStart, start, end } = source.functions[0]!;
  const code = source.expandedCode(0).slice(bodyStart - start + 2, -2);
  const uses: string[] = [];
  for (let at = start; at < end; at++) {
    const use = source.macroUseAt({ start: at, end: at });
    if (use !== undefined) uses.push(source.text.slice(use.range.start, use.range.end));
  }
  return { code, uses };
}

describe('a macro of interest', () => {
  test.each([
    ['#define PIN(a, n) pin(a, n, 1)', 'r = PIN(x, y);', 'r = pin(x, y, 1);'],
    ['#define my_pin pin', 'my_pin (x);', 'pin (x);'],
    ['#define FLAGS (FOLL_WRITE | X)', 'go(FLAGS);', 'go((FOLL_WRITE | X));'],
    ['#define PUT(p) do { \\\n\tput(p); \\\n} while (0)', 'PUT(*p);', 'do {   \tput(*p);   } while (0);'],
    ['#define A(x) B(x, 1)\n#define B(x, y) pin(y, x)', 'A(z);', 'pin(1, z);'],
    ['#define ALIAS REAL\n#define REAL(x) pin(x)', 'ALIAS(z);', 'pin(z);'],
    ['#define PIN(a, ...) pin(a, ## __VA_ARGS__)', 'PIN(x); PIN(x, y, z);', 'pin(x); pin(x,y, z);'],
    ['#define PIN(a, rest...) pin(a, rest)', 'PIN(x, y, z);', 'pin(x, y, z);'],
    ['#define PIN(a, b) pin(a##b, #a)', 'PIN(x, y);', 'pin(xy, "x");'],
    ['#define PIN(a) pin(a)', 'PIN(PIN(x));', 'pin(pin(x));'],
    ['#define pin(a, b) pin(a, b, 0)', 'pin(x, y);', 'pin(x, y, 0);'],
    ['#define pin(a) other(a)', 'pin(x);', 'other(x);'],
    ['#define PIN() pin(0)', 'PIN();', 'pin(0);'],
    ['#define RET return pin', 'RET x;', 'return pin x;'],
    ['#define PIN(a) pin(a)', 'PIN(f(x, "),"), y);', 'PIN(f(x, "),"), y);'],
    ['#define PIN(a) pin(a)', 'go(PIN, "PIN(x)");', 'go(PIN, "PIN(x)");'],
    ['#define N 4', 'go(N);', 'go(N);'],
    ['#define LOOP LOOP2\n#define LOOP2 LOOP', 'go(LOOP);', 'go(LOOP);'],
  ])('%s: %s', (macros, body, code) => {
    expect(expanded(macros, body).code).toBe(code);
  });

  test('leads back to its use, and its arguments to themselves', () => {
    const source = open('#define PIN(a, n) pin(a, n, 1)\nint f(void)\n{ r = PIN(x, y); }\n', { means });
    expect(expanded('#define PIN(a, n) pin(a, n, 1)', 'r = PIN(x, y);').uses).toEqual(['PIN(x, y)']);
    const code = source.expandedCode(0);
    const of = (text: string): string => {
      const { start, end } = source.placeIn(0, code.indexOf(text), code.indexOf(text) + text.length);
      return source.text.slice(start, end);
    };
    expect(of('pin(x, y, 1)')).toBe('PIN(x, y)');
    expect(of('x, y')).toBe('x, y');
    expect(of('y, 1')).toBe('PIN(x, y)');
    expect(of('y')).toBe('y');
    expect(of('r = pin(x, y, 1)')).toBe('r = PIN(x, y)');
    expect(of('{ r')).toBe('{ r');
  });

  test('is not what is defined behind the use', () => {
    const source = open('int f(void)\n{ PIN(x); }\n#define PIN(a) pin(a)\n', { means });
    expect(source.expandedCode(0)).toContain('PIN(x)');
  });

  test('stays as it is where it would become too long', () => {
    const doubling = Array.from({ length: 16 }, (_, i) => `#define M${i + 1} M${i} M${i}`).join('\n');
    expect(expanded(`#define M0 pin(x)\n${doubling}`, 'M16;').code).toBe('M16;');
  });
});
