import { expect, test } from 'vitest';
import { graphOf, lower } from '../flow.ts';

const body = (statements: string): string => `int f(int a, int b)\n{\n${statements}\n}\n`;

const graphs: readonly (readonly [string, string, readonly string[]])[] = [
  ['if without else', 'if (a) g(); return b;', ['a -> g() | return', 'g() -> return']],
  [
    '&& becomes two branches',
    'if (a && b) g(); return 0;',
    ['a -> b | return', 'b -> g() | return', 'g() -> return'],
  ],
  [
    '|| becomes two branches',
    'if (a || b) g(); return 0;',
    ['a -> g() | b', 'b -> g() | return', 'g() -> return'],
  ],
  ['! swaps the branches', 'if (!a) g(); return 0;', ['a -> return | g()', 'g() -> return']],
  ['while returns to its condition', 'while (a) g(); return 0;', ['a -> g() | return', 'g() -> a']],
  ['do runs its body first', 'do g(); while (a); return 0;', ['g() -> a', 'a -> g() | return']],
  [
    'for has all its parts',
    'for (a = 0; a < b; a++) g(); return 0;',
    ['a = 0 -> a < b', 'a < b -> g() | return', 'g() -> a++', 'a++ -> a < b'],
  ],
  [
    'break and continue leave the body',
    'while (a) { if (b) break; if (g()) continue; h(); } return 0;',
    ['a -> b | return', 'b -> return | g()', 'g() -> a | h()', 'h() -> a'],
  ],
  ['goto forwards skips', 'if (a) goto out; g(); out: return b;', ['a -> return | g()', 'g() -> return']],
  ['goto backwards loops', 'again: g(); if (a) goto again; return 0;', ['g() -> a', 'a -> g() | return']],
  [
    'switch falls through',
    'switch (a) { case 1: g(); case 2: h(); break; default: k(); } return 0;',
    [
      'switch (a) { case 1: g(); case 2: h(); break; default: k(); } -> g() | h() | k()',
      'g() -> h()',
      'h() -> return',
      'k() -> return',
    ],
  ],
  [
    'a case range is no constant',
    'switch (a) { case 1 ... 3: g(); } return 0;',
    ['switch (a) { case 1 ... 3: g(); } -> g() | return', 'g() -> return'],
  ],
  [
    'a switch on a condition is an if',
    'switch (!!a) { case true: g(); break; default: h(); } return b;',
    ['a -> g() | h()', 'g() -> return', 'h() -> return'],
  ],
  ['BUG_ON stops where it holds', 'BUG_ON(a); g(); return 0;', ['a -> stop | g()', 'g() -> return']],
  ['likely() is seen through', 'if (likely(a)) g(); return 0;', ['a -> g() | return', 'g() -> return']],
  [
    'an early return ends its branch',
    'if (a) return 1; g(); return 0;',
    ['a -> return | g()', 'g() -> return'],
  ],
];

test.each(graphs)('%s', (_name, statements, expected) => {
  expect(graphOf(body(statements))).toEqual(expected);
});

test('every node but returns and stops leads somewhere, and predecessors are counted', () => {
  for (const [, statements] of graphs) {
    const { nodes } = lower(body(statements));
    const preds = nodes.map(() => 0);
    for (const n of nodes) for (const s of n.succ) preds[s]!++;
    expect(nodes.map((n) => n.preds)).toEqual(preds);
    for (const n of nodes) expect(n.succ.length === 0).toBe(n.kind === 'return' || n.kind === 'stop');
  }
});
