import { expect, test } from 'vitest';
import { sparedParameters } from '#server/flow/facts/spares.ts';

function spared(code: string): number[] {
  return [...sparedParameters(code, code.indexOf('f('), code.indexOf('{'))];
}

test('a parameter that is not mentioned, or only asked, is spared', () => {
  expect(spared('int f(struct a *a, struct b *b)\n{ return b->n; }')).toEqual([0, 1]);
  expect(spared('int f(struct a *a)\n{ if (!a || a->n > 3) return -EINVAL; return 0; }')).toEqual([0]);
  expect(spared('int f(struct a *a, int n)\n{ while (a->b->n == n) cpu_relax(); return 0; }')).toEqual([
    0, 1,
  ]);
});

test('one that is written through, handed on or named otherwise is not', () => {
  expect(spared('int f(struct a *a)\n{ a->n = 0; return a->n; }')).toEqual([]);
  expect(spared('int f(struct a *a)\n{ if (a->n++) return 1; return 0; }')).toEqual([]);
  expect(spared('int f(struct a *a)\n{ if (g(a)) return 1; return 0; }')).toEqual([]);
  expect(spared('int f(struct a *a)\n{ memset(a->name, 0, 8); return 0; }')).toEqual([]);
  expect(spared('int f(struct a *a)\n{ struct a *b = a; b->n = 1; return 0; }')).toEqual([]);
  expect(spared('int f(struct a *a)\n{ if ((a)->n = g()) return 1; return 0; }')).toEqual([]);
  expect(spared('int f(struct a *a)\n{ return !a->ops->get(a); }')).toEqual([]);
});

test('parameters are those of the list behind the name', () => {
  expect(spared('int f(struct a *a) OWNS(a->lock)\n{ a->n = 1; return 0; }')).toEqual([]);
  expect(spared('int f(int (*g)(void), int n)\n{ return n; }')).toEqual([]);
});
