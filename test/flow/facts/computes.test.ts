import { expect, test } from 'vitest';
import { computes } from '#server/flow/facts/computes.ts';

const answer = (code: string): boolean => computes(code, code.indexOf('{'));

test.each([
  'static u32 pages(unsigned long a, u32 n)\n{\n\tu32 first, last;\n\n\tfirst = (a & PAGE_MASK) >> PAGE_SHIFT;\n\tlast = ((a + n - 1) & PAGE_MASK) >> PAGE_SHIFT;\n\treturn last - first + 1;\n}',
  'int pages(size_t n)\n{\n\tif (n == 0)\n\t\treturn 0;\n\treturn DIV_ROUND_UP(n, PAGE_SIZE);\n}',
  'static inline unsigned int span(void *p, size_t n)\n{\n\tconst unsigned long at = (unsigned long)p;\n\treturn min(n, at);\n}',
])('only computes: %s', (code) => {
  expect(answer(code)).toBe(true);
});

test.each([
  ['a global', 'int next(int n)\n{\n\treturn counter + n;\n}'],
  ['a member', 'int size(struct buf *b)\n{\n\treturn b->size;\n}'],
  ['what a pointer leads to', 'int size(int *p)\n{\n\treturn *p;\n}'],
  ['an element', 'int size(int *p)\n{\n\treturn p[0];\n}'],
  ['a call', 'int size(int n)\n{\n\treturn n + read_counter();\n}'],
  ['a static', 'int size(int n)\n{\n\tstatic int last;\n\treturn last += n;\n}'],
  ['the process', 'int size(int n)\n{\n\treturn n + current;\n}'],
])('does more: %s', (_what, code) => {
  expect(answer(code)).toBe(false);
});
