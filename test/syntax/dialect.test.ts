import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Parser } from '#server/syntax/parser.ts';
import { isCaseRange, macroOfStatement } from '#server/syntax/rewritten.ts';
import { backends, find, open, rewrittenBody, shape, withBody } from './support.ts';

let parsers: Parser[];
beforeAll(async () => {
  parsers = await backends();
});

/** Statements, what the parser sees of them, and the concern that makes it so. */
const REWRITTEN: readonly [concern: string, written: string, seen: string][] = [
  ['an annotation', 'void __user *p = arg;', 'void        *p = arg;'],
  ['an annotation with arguments', 'int x __aligned(8) = 1;', 'int x              = 1;'],
  ['an attribute', 'int x __attribute__((unused));', 'int x                        ;'],
  ['an unlisted annotation', 'struct foo __myspace *p;', 'struct foo           *p;'],
  ['a type whose name has underscores', 'const __le32 x = 1;', 'const __le32 x = 1;'],
  ['a cleanup attribute', 'char *p __free(kfree) = NULL;', 'char *p               = NULL;'],
  ['a class declaration', 'CLASS(fd, f)(n);', 'CLASS     f=(n);'],
  ['a class declaration without arguments', 'CLASS(cred, c)();', 'CLASS       c=0 ;'],
  ['a type that is left to the compiler', 'auto x = f();', 'aut_ x = f();'],
  ['a pointer type that is left to the compiler', 'const auto *x = f();', 'const aut_ *x = f();'],
  ['a storage class', 'auto int x = 1;', 'auto int x = 1;'],
  ['a guard', 'guard(mutex)(&m);', 'guard(mutex)(&m);'],
  ['a scoped guard', 'scoped_guard(mutex, &m) {}', 'if          (mutex, &m) {}'],
  ['a loop macro', 'for_each_sg(sgl, sg, n, i) {}', 'while      (sgl, sg, n, i) {}'],
  ['a loop macro before a statement', 'list_for_each(p, h)\n\t\tuse(p);', 'while        (p, h)\n\t\tuse(p);'],
  ['a loop macro before another', 'for_each_a(x) for_each_b(y) {}', 'while     (x) while     (y) {}'],
  ['a loop macro with a type', 'for_each_x(p, struct foo, m) {}', 'while     (p, struct_foo, m) {}'],
  ['a loop macro without arguments', 'for_each_lane() {}', 'while(1       ) {}'],
  ['a loop macro that ends a do block', 'do {} for_each_x(p);', 'do {} while     (p);'],
  ['a loop macro before an increment', 'for_each_x(p)\n\t\t++n;', 'while     (p)\n\t\t++n;'],
  ['an unknown macro before a block', 'WITH_LOCKED(x) { f(); }', 'while      (x) { f(); }'],
  ['a macro call that is changed in place', 'COUNTER(p)++;', 'COUNTER(p)++;'],
  ['a type argument of two words', 'n = min_t(unsigned long, a, b);', 'n = min_t(unsigned_long, a, b);'],
  ['a type argument of one word', 'n = min_t(int, a, b);', 'n = min_t(in_, a, b);'],
  ['a struct argument', 'p = container_of(w, struct foo, work);', 'p = container_of(w, struct_foo, work);'],
  ['a pointer type argument', 'p = va_arg(ap, char *);', 'p = va_arg(ap, cha_  );'],
  ['a typedef pointer argument', 'p = va_arg(ap, foo_t *);', 'p = va_arg(ap, foo_t  );'],
  ['a multiplied argument', 'f(a * b, *c);', 'f(a * b, *c);'],
  ['a type argument that spans lines', 'f(struct\nfoo, a);', 'f(_     \n   , a);'],
  ['sizeof', 'n = sizeof(struct foo);', 'n = sizeof(struct foo);'],
  ['a prototype', 'void f(struct foo *p, int n);', 'void f(struct foo *p, int n);'],
  ['an operator argument', 'ASSERT3U(a, ==, b);', 'ASSERT3U(a, __, b);'],
  ['a jump argument', 'CHECK(rc, goto out);', 'CHECK(rc, goto_out);'],
  ['an empty argument', 'f(a, , b);', 'f(a,_, b);'],
  ['an initializer argument', 'f(p, {1, 2});', 'f(p, (1, 2));'],
  ['a compound literal argument', 'f((struct a) { 0 });', 'f((struct a) { 0 });'],
  ['statements as an argument', 'DEBUG(a = 1; b = 2;)', '     {a = 1; b = 2;}'],
  ['a block as an argument', 'DEBUG(if (a) { b(); })', '     {if (a) { b(); }}'],
  ['half an expression as an argument', 'if (DEBUG(a || ) b) c();', 'if (      a ||   b) c();'],
  ['a macro that hides a jump', 'GOTO(out, rc = -EINVAL);', 'GOTO(out, rc = -EINVAL);'],
  ['a statement macro without semicolon', '\tENTER(x)\n\tf();', '\tENTER(x)\n;f();'],
  ['a value alone in an initializer', 'int a[] = {\n\tDEFAULT\n\t};', 'int a[] = {\n\tDEFAULT\n\t};'],
  ['a value alone on its line', 'f((struct a){ a ? b : NULL\n\t});', 'f((struct a){ a ? b : NULL\n\t});'],
  ['a macro without semicolon in a block', 'if (a) {\n\tLEAVE\n\t}', 'if (a) {\n\tLEAVE\n;}'],
  ['a declaring macro', 'static DEFINE_MUTEX(m);', '       DEFINE_MUTEX(m);'],
  ['a declaring macro with a value', 'DECLARE_BITMAP(b, N) = { 0 };', 'DECLARE_BITMAP b[ N] = { 0 };'],
  ['a macro that is a type', 'DARRAY(int) l = {};', 'DARRAY_____ l = {};'],
  ['a case range', 'switch (a) { case 1 ... 5: f(); }', 'switch (a) { case 1 ||  5: f(); }'],
  ['a case range without blanks', 'switch (a) { case A...B: f(); }', 'switch (a) { case A|| B: f(); }'],
  ['typeof in a cast', 'x = (typeof(y))-1;', 'x = (struct T_)-1;'],
  ['alignof of an expression', 'x = __alignof__(*p);', 'x = sizeof     (*p);'],
  ['offsetof of a path', 'x = offsetof(struct a, b.c);', 'x = offseto_(struct_a, b.c);'],
  ['offsetof of a field', 'x = offsetof(struct a, b);', 'x = offsetof(struct a, b);'],
  ['a computed goto', 'goto *p[1];', 'goto  p[1];'],
  ['a label at the end', 'out:\n\t', 'out:\n;'],
  ['strings after several words', 'printk(KERN_INFO PREFIX "x");', 'printk(          PREFIX "x");'],
  ['a call among strings', 'f("a" __stringify(X) "b");', 'f("a" __stringify___ "b");'],
  ['pasted names that start with a digit', 'f(REG(1371_RATE));', 'f(REG(_371_RATE));'],
  ['assembly made by macros', 'asm volatile(OP(%0) : : "r"(x));', '                               ;'],
];

describe('the dialect', () => {
  test.each(REWRITTEN)('rewrites %s', (_concern, written, seen) => {
    expect(rewrittenBody(withBody(written))).toBe(seen);
  });

  test.each(REWRITTEN.filter(([concern]) => concern !== 'a computed goto'))(
    'makes %s parse',
    (_concern, written) => {
      for (const parser of parsers) {
        const tree = withBody(written).parse(0, parser);
        expect(shape(tree), parser.backend).not.toMatch(/ERROR/);
        expect(tree.hasError, parser.backend).toBe(false);
      }
    },
  );

  test.each([
    [
      'SYSCALL_DEFINE2(tune, int, fd, char __user *, p)\n{\n}',
      'tune',
      'long            tune( int  fd, char        *  p)\n{\n}',
    ],
    ['SYSCALL_DEFINE0(idle)\n{\n}', 'idle', 'int           F(idle)\n{\n}'],
    ['TEST_F(ring, grows)\n{\n}', 'ring_grows', 'int  F(ring, grows)\n{\n}'],
    ['static __init int start(void)\n{\n}', 'start', 'static        int start(void)\n{\n}'],
    ['STATIC int start(void)\n{\n}', 'start', '       int start(void)\n{\n}'],
    ['static int start(int x UNUSED)\n{\n}', 'start', 'static int start(int x UNUSED)\n{\n}'],
    [
      'static void drop(void)\n\t__releases(&lock)\n{\n}',
      'drop',
      'static void drop(void)\n\t                 \n{\n}',
    ],
    ['__printf(1, 2) void say(char *f, ...)\n{\n}', 'say', '               void say(char *f, ...)\n{\n}'],
  ])('rewrites the head of %j', (text, name, code) => {
    const source = open(text);
    expect(source.functions.map((found) => found.name)).toEqual([name]);
    expect(source.slice(0).code).toBe(code);
  });

  test.each([
    ['for_each_sg(a, b, n, i) {}', 'while_statement', 'for_each_sg'],
    ['scoped_guard(mutex, &m) {}', 'if_statement', 'scoped_guard'],
    ['while (a) {}', 'while_statement', undefined],
    ['if (a) {}', 'if_statement', undefined],
  ] as const)('tells which macro %j is', (written, kind, macro) => {
    const tree = withBody(written).parse(0, parsers[0]!);
    expect(macroOfStatement(tree, find(tree, kind))).toBe(macro);
  });

  test('takes (name) && x for no cast', () => {
    const tree = withBody('if ((a) && b > 0) f();').parse(0, parsers[0]!);
    expect(find(tree, 'cast_expression')).toBe(-1);
    expect(find(tree, '&&')).toBeGreaterThan(0);
  });

  test('tells a case range from a disjunction', () => {
    const tree = withBody('switch (a) { case 1 ... 5: case 6 || 7: f(); }').parse(0, parsers[0]!);
    const first = find(tree, '||');
    expect(isCaseRange(tree, first)).toBe(true);
    expect(isCaseRange(tree, find(tree, '||', first))).toBe(false);
  });

  test("sees a file's own macros: loops, annotations, debugging code", () => {
    const source = open(
      [
        '#define walk(x) for (; x; x--)',
        '#define QUIET',
        '#define DEBUG(x)',
        'static QUIET int f(int n)',
        '{',
        '\twalk(n)',
        '\t\tg(n);',
        '\tDEBUG(n = 1;)',
        '}',
      ].join('\n'),
    );
    expect(source.slice(0).code).toBe(
      ['static       int f(int n)', '{', '\tif  (n)', '\t\tg(n);', '\t             ', '}'].join('\n'),
    );
  });
});

const WORDS = [
  'for_each_sg',
  'struct',
  'unsigned',
  'long',
  'page',
  'typeof',
  'offsetof',
  'SYSCALL_DEFINE2',
  '__user',
  '__free',
  'guard',
  'CLASS',
  'case',
  'default',
  'if',
  'else',
  'while',
  'do',
  'return',
  'asm',
  'static',
  'DEBUG',
  'a',
  'b',
  '1',
  '0x1F',
  '"s"',
  "'c'",
  '(',
  ')',
  '{',
  '}',
  '[',
  ']',
  ';',
  ',',
  ':',
  '*',
  '&',
  '=',
  '==',
  '...',
  '.',
  '->',
  '++',
  '\n',
  '\r\n',
  '\t',
  '#if',
  '#ifdef',
  '#else',
  '#endif',
  '#define',
  '/*',
  '*/',
  '//',
  '\\\n',
  'é',
  '𝄞',
  '\u2028',
] as const;

describe('positions never move', () => {
  const cLike = fc.array(fc.constantFrom(...WORDS), { maxLength: 60 }).map((words) => words.join(' '));

  function expectInPlace(text: string, code: string): void {
    expect(code.length).toBe(text.length);
    const breaks = (from: string) =>
      [...from.matchAll(/[\r\n]/g)].map((found) => `${found.index}${found[0]}`);
    expect(breaks(code)).toEqual(breaks(text));
  }

  test.each([
    ['text like C', cLike],
    ['any text', fc.string({ unit: 'binary', maxLength: 200 })],
    ['a function of text like C', cLike.map((text) => `int f(int a)\n{\n${text}\n}\n`)],
  ])('in %s', (_name, texts) => {
    fc.assert(
      fc.property(texts, (text) => {
        const source = open(text);
        expectInPlace(text, source.code);
        source.functions.forEach((found, index) => {
          expectInPlace(text.slice(found.start, found.end), source.slice(index).code);
        });
      }),
      { numRuns: 2000 },
    );
  });
});
