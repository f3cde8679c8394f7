import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { outline, outlineLike } from '#server/syntax/outline.ts';
import { type Edit, edited } from '../lsp/edits.ts';
import { open } from './support.ts';

const names = (text: string) => open(text).functions.map((found) => found.name);

describe('the outline', () => {
  test.each([
    ['int f(void)\n{\n}\n', ['f']],
    ['int f(void) {\n}\nint g(void) { return 1; }\n', ['f', 'g']],
    ['static inline struct page *f(struct page **p)\n{\n}\n', ['f']],
    ['static enum state __f(struct x *x)\n{\n}\nint g(void)\n{\n}\n', ['__f', 'g']],
    ['int f(void);\nextern int g(int);\n', []],
    ['int f(int (*cb)(void *), void *arg)\n{\n}\n', ['f']],
    ['static __printf(1, 2) void f(const char *s, ...)\n{\n}\n', ['f']],
    ['void f(void) __acquires(x) __must_hold(y)\n{\n}\n', ['f']],
    ['int f(void) __attribute__((cold));\nint f(void)\n{\n}\n', ['f']],
    ['SYSCALL_DEFINE3(mlock, int, a, int, b, int, c)\n{\n}\n', ['mlock']],
    ['COMPAT_SYSCALL_DEFINE1(tune, int, a)\n{\n}\n', ['tune']],
    ['BPF_CALL_1(bpf_pin, struct x *, p)\n{\n}\n', ['bpf_pin']],
    ['TEST_F(suite, grows)\n{\n}\nTEST_F(suite, shrinks)\n{\n}\n', ['suite_grows', 'suite_shrinks']],
    ['EXPORT_SYMBOL(f)\nint g(void)\n{\n}\n', ['g']],
    ['MODULE_LICENSE("GPL")\n\nstatic int g(void)\n{\n}\n', ['g']],
    ['DEFINE_LIST(x)\nstatic int g(void)\n{\n}\n', ['g']],
    ['DEBUG(\nstatic void f(void)\n{\n}\n)\nstatic void g(void)\n{\n}\n', ['f', 'g']],
    ['extern "C" {\nint f(void)\n{\n}\n}\n', ['f']],
    ['int a = 1;\nint b[] = { 1, 2 };\nint f(void)\n{\n}\n', ['f']],
    ['char *s = "int f(void) {";\nchar c = \'{\';\nint f(void)\n{\n}\n', ['f']],
    ['/* int f(void) { */ int g(void)\n{\n}\n', ['g']],
    ['int f(void)\n{\n\tint g(void);\n\treturn ({ g(); });\n}\n', ['f']],
    ['struct a { int (*f)(void); };\nint g(void)\n{\n}\n', ['g']],
    ['FIXTURE_VARIANT_ADD(suite, small) {\n\t.size = 1,\n};\nint g(void)\n{\n}\n', ['g']],
    ['int é(void)\n{\n}\nint f(void)\n{\n}\n', ['f']],
  ])('of %j is %j', (text, expected) => {
    expect(names(text).filter((name) => name !== 'é')).toEqual(expected);
  });

  test.each([
    ['an unclosed brace', 'int f(void)\n{\n\tif (a) {\n}\nint g(void)\n{\n}\n'],
    ['a brace too many', 'int f(void)\n{\n}\n}\nint g(void)\n{\n}\n'],
    ['an unclosed bracket', 'int f(void)\n{\n\ta(b;\n}\nint g(void)\n{\n}\n'],
    ['a bracket too many', 'int f(void)\n{\n\ta(b));\n}\nint g(void)\n{\n}\n'],
    ['an unclosed string', 'int f(void)\n{\n\ta("b);\n}\nint g(void)\n{\n}\n'],
    [
      'a brace in the first column that is not the last',
      'int f(void)\n{\n\tif (a) {\n\t\tb();\n}\nout:\n\tc();\n}\nint g(void)\n{\n}\n',
    ],
    [
      'inner braces in the first column',
      'int f(void)\n{\nif (a)\n{\nb();\n}\nelse\n{\nc();\n}\n}\nint g(void)\n{\n}\n',
    ],
    [
      'a text without indentation',
      'int f(void)\n{\nint n;\nwhile (n) {\nif (a)\nbreak;\nif (b) {\nc();\n}\nd();\n}\ne();\n}\nint g(void)\n{\n}\n',
    ],
    [
      'a brace opened in both branches',
      'int f(void)\n{\n#ifdef A\n\tif (a) {\n#else\n\tif (b) {\n#endif\n\t}\n}\nint g(void)\n{\n}\n',
    ],
  ])('survives %s', (_name, text) => {
    expect(names(text)).toEqual(['f', 'g']);
  });

  test('a truncated function ends with the text', () => {
    const text = 'int f(void)\n{\n\tif (a) {\n\t\tb(';
    const [found] = open(text).functions;
    expect(found).toMatchObject({ name: 'f', start: 0, bodyStart: 12, end: text.length });
  });

  test('gives the places of a function', () => {
    const text = '/* c */\nstatic int\nprobe(int a)\n{\n\treturn a;\n}\n';
    const [found] = open(text).functions;
    expect(found?.isStatic).toBe(true);
    expect(text.slice(found?.start, found?.end)).toBe('static int\nprobe(int a)\n{\n\treturn a;\n}');
    expect(text.slice(found?.nameStart, found?.bodyStart)).toBe('probe(int a)\n');
  });

  test('knows types by tag and by typedef', () => {
    const text = [
      'struct a { int x; };',
      'typedef struct { int y; } b_t;',
      'union c\n{\n\tint x;\n};',
      'enum d { ONE };',
      'struct __attribute__((packed)) e { int x; };',
      'struct f { int x; } __packed;',
    ].join('\n');
    const { structs } = open(text);
    expect([...structs.keys()]).toEqual(['a', 'b_t', 'c', 'd', 'e', 'f']);
    expect([...structs.values()].map((type) => type.keyword)).toEqual([
      'struct',
      'struct',
      'union',
      'enum',
      'struct',
      'struct',
    ]);
    const a = structs.get('a')!;
    expect(text.slice(a.start, a.end)).toBe('struct a { int x; }');
  });

  test('knows tables', () => {
    const text =
      'static const struct file_operations fops = {\n\t.release = drop,\n};\nint n[2] = { 1, 2 };\n';
    const { tables } = open(text);
    expect(tables.map((table) => table.name)).toEqual(['fops', 'n']);
    expect(text.slice(tables[0]?.bodyStart, tables[0]?.end)).toBe('{\n\t.release = drop,\n}');
  });
});

describe('the outline of an edited text', () => {
  const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const anyEdit: fc.Arbitrary<Edit> = fc.record({ kind: share, at: share, what: share });
  const driver = readFileSync(path.join(import.meta.dirname, '../drivers/register_buffer.c'), 'utf8');
  const code = `typedef struct pair { int a; } pair_t;\n${driver}\n#define X(\nenum e { A, B };\n${driver}`;

  it('is that of a fresh text, whatever the edits', () => {
    fc.assert(
      fc.property(fc.array(anyEdit, { minLength: 1, maxLength: 12 }), (edits) => {
        let before = code;
        for (const edit of edits) {
          const after = edited(before, edit);
          expect(outlineLike(after, before, outline(before))).toEqual(outline(after));
          before = after;
        }
        expect(outlineLike(code, before, outline(before))).toEqual(outline(code));
      }),
      { numRuns: 100 },
    );
  });
});
