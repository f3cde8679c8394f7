import { expect, test } from 'vitest';
import { isAccessor } from '#server/flow/facts/accessor.ts';

const functions: readonly (readonly [string, string, boolean])[] = [
  ['a getter', '{ return c->flags & F; }', true],
  ['a setter', '{ c->count = 0; c->owned = false; INIT_LIST_HEAD(&c->list); }', true],
  ['a question with a test', '{ if (!c->dev) return false; return c->dev->ready; }', true],
  ['a counter goes on', '{ c->count++; return c->count == 1; }', true],
  ['no member', '{ return n == 1; }', false],
  ['a loop', '{ while (c->next) c = c->next; return c; }', false],
  ['a loop of a macro', '{ list_for_each_entry(e, &c->list, node) e->seen = 0; }', false],
  [
    'an allocation',
    '{ c->pages = kcalloc(n, sizeof(*c->pages), GFP_KERNEL); return c->pages != NULL; }',
    false,
  ],
  ['how full a ring is', '{ return c->tail - c->head; }', false],
  ['many branches', '{ if (c->a) return 1; if (c->b) return 2; return c->c ? 3 : 4; }', false],
  ['too long', `{ c->a = 0; ${'c->b = 1; '.repeat(50)} }`, false],
];

test.each(functions)('%s', (_name, body, expected) => {
  const head = 'static int f(struct ctx *c, int n) ';
  expect(isAccessor(head + body, head.length)).toBe(expected);
});
