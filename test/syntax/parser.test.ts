import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { editBetween } from '#server/syntax/edit.ts';
import { Field, fieldName, fieldOf, Kind, kindName, kindOf } from '#server/syntax/kinds.ts';
import { MAX_SLICE } from '#server/syntax/limits.ts';
import { createParser, type Parser } from '#server/syntax/parser.ts';
import { NodeFlag, type SyntaxTree } from '#server/syntax/tree.ts';
import { backends, find, open, plain, shape } from './support.ts';

let parsers: Parser[];
beforeAll(async () => {
  parsers = await backends();
});

/** Parses with every back end; all must agree. */
function parse(code: string, text = code, from = 0): SyntaxTree {
  const [first, ...others] = parsers.map((parser) => parser.parse({ text, code, from }));
  for (const other of others) expect(plain(other)).toEqual(plain(first!));
  return first!;
}

describe('the parser', () => {
  test('gives nodes in preorder with kinds, fields and places', () => {
    const tree = parse('int f(void) { return a + 1; }');
    expect(shape(tree)).toBe(
      '(translation_unit (function_definition primitive_type (function_declarator identifier (parameter_list ' +
        '(parameter_declaration primitive_type))) (compound_statement (return_statement (binary_expression identifier ' +
        'number_literal)))))',
    );
    const sum = find(tree, 'binary_expression');
    const plus = find(tree, '+');
    expect(tree.parent[plus]).toBe(sum);
    expect(tree.field[plus]).toBe(Field.operator);
    expect(tree.text.slice(tree.start[sum], tree.end[sum])).toBe('a + 1');
    expect(tree.flags[plus]! & NodeFlag.named).toBe(0);
    expect(tree.hasError).toBe(false);
  });

  test('gives places of the whole file for a slice', () => {
    const text = 'int é = 1; /* 𝄞 */\nint f(void) { g(); }\n';
    const from = text.indexOf('int f');
    const tree = parse(text.slice(from), text, from);
    const call = find(tree, 'call_expression');
    expect(text.slice(tree.start[call], tree.end[call])).toBe('g()');
    expect(tree.text).toBe(text);
  });

  test('marks errors and missing tokens up to the root', () => {
    const tree = parse('int f(void) { if (a { b(); } c(;) }');
    expect(tree.hasError).toBe(true);
    expect(tree.flags[0]! & NodeFlag.hasError).not.toBe(0);
    const marked = [...tree.flags].filter((flags) => flags & (NodeFlag.error | NodeFlag.missing));
    expect(marked.length).toBeGreaterThan(0);
    const missing = parse('int f(void) { return 1 }');
    expect([...missing.flags].some((flags) => flags & NodeFlag.missing)).toBe(true);
  });

  test.each(['', ' \n', '}', '(', '"', '\0', '\ud800', '#', '/*', '㐀\t𐊀\0𐀀\0', 'int f('.repeat(50)])(
    'reads %j',
    (text) => {
      const tree = parse(text);
      expect(tree.count).toBeGreaterThan(0);
    },
  );

  test('agrees on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        parse(text);
      }),
      { numRuns: 300 },
    );
  });

  test('reads deep nesting', () => {
    const depth = 3000;
    const tree = parse(`int a = ${'('.repeat(depth)}1${')'.repeat(depth)};`);
    expect(tree.hasError).toBe(false);
    expect(tree.count).toBeGreaterThan(3 * depth);
  });
});

describe('an open slice', () => {
  test.each([
    ['a changed argument', 'int f(void) { g(1); h(); }', 'int f(void) { g(1, x); h(); }'],
    ['a removed statement', 'int f(void) { g(1); h(); }', 'int f(void) { h(); }'],
    ['a broken and mended brace', 'int f(void) { if (a) { b(); } }', 'int f(void) { if (a)  b(); } }'],
    ['new lines', 'int f(void) { g(); }', 'int f(void)\n{\n\tg();\n}'],
    ['nothing', 'int f(void) { g(); }', 'int f(void) { g(); }'],
  ])('reads %s as a fresh parse does', (_name, before, after) => {
    for (const parser of parsers) {
      const slice = parser.open({ text: before, code: before, from: 0 });
      const again = slice.reparse({ text: after, code: after, from: 0 });
      expect(plain(again), parser.backend).toEqual(plain(parse(after)));
      expect(slice.tree).toBe(again);
      slice.dispose();
      slice.dispose();
    }
  });

  test('follows edits through broken states back to what a fresh parse reads', () => {
    const pieces = ['g(a, b);', 'if (a)', '{', '}', 'return 1;', '\n', 'x = y;', 'while (x--) {'];
    const broken = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((list) => list.join(' '));
    fc.assert(
      fc.property(fc.array(broken, { minLength: 1, maxLength: 4 }), (bodies) => {
        const last = 'int f(void) { if (a) { g(a, b); } return 1; }';
        const fresh = plain(parse(last));
        for (const parser of parsers) {
          const slice = parser.open({ text: last, code: last, from: 0 });
          for (const body of bodies) {
            const code = `int f(void) { ${body} }`;
            slice.reparse({ text: code, code, from: 0 });
          }
          slice.reparse({ text: last, code: last, from: 0 });
          expect(plain(slice.tree)).toEqual(fresh);
          slice.dispose();
        }
      }),
      { numRuns: 200 },
    );
  });

  test('moves with its place in the file', () => {
    const code = 'int f(void) { g(); }';
    const [parser] = parsers;
    const slice = parser!.open({ text: code, code, from: 0 });
    const moved = slice.reparse({ text: `\n\n${code}`, code, from: 2 });
    expect(moved.start[1]).toBe(2);
    slice.dispose();
  });
});

describe('an edit', () => {
  test.each([
    ['abc', 'abXc', [2, 2, 3]],
    ['abc', 'ac', [1, 2, 1]],
    ['aaa', 'aaaa', [3, 3, 4]],
    ['', 'x', [0, 0, 1]],
    ['x', '', [0, 1, 0]],
  ])('from %j to %j', (before, after, [start, oldEnd, newEnd]) => {
    expect(editBetween(before, after)).toMatchObject({
      startIndex: start,
      oldEndIndex: oldEnd,
      newEndIndex: newEnd,
    });
  });

  test('knows rows and columns', () => {
    expect(editBetween('a\nbc\nd', 'a\nbX\nY\nd')).toMatchObject({
      startPosition: { row: 1, column: 1 },
      oldEndPosition: { row: 1, column: 2 },
      newEndPosition: { row: 2, column: 1 },
    });
  });

  test('is none between equal texts', () => {
    expect(editBetween('a', 'a')).toBeUndefined();
  });
});

describe('back ends', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test('the environment chooses wasm', async () => {
    vi.stubEnv('GUPCHECK_PARSER', 'wasm');
    expect((await createParser()).backend).toBe('wasm');
  });

  test('given assets mean wasm', async () => {
    const { findWasmAssets } = await import('#server/syntax/assets.ts');
    const parser = await createParser({ assets: findWasmAssets() });
    expect(parser.backend).toBe('wasm');
    expect(parser.parse({ text: 'int a;', code: 'int a;', from: 0 }).hasError).toBe(false);
  });

  test('assets that are no grammar are refused', async () => {
    const { findWasmAssets } = await import('#server/syntax/assets.ts');
    const assets = { ...findWasmAssets(), grammar: Uint8Array.of(1, 2, 3) };
    await expect(createParser({ assets })).rejects.toThrow();
  });
});

describe('kinds', () => {
  test('names and numbers lead to each other', () => {
    for (const [name, kind] of Object.entries(Kind)) {
      expect(kindOf(name)).toBe(kind);
      expect(kindName(kind)).toBe(name);
    }
    for (const [name, field] of Object.entries(Field)) {
      expect(fieldOf(name)).toBe(field);
      expect(fieldName(field)).toBe(name);
    }
  });

  test('an unlisted name gets a number of its own', () => {
    const kind = kindOf('some_new_node');
    expect(Object.values(Kind)).not.toContain(kind);
    expect(kindOf('some_new_node')).toBe(kind);
    expect(kindName(kind)).toBe('some_new_node');
  });
});

describe('a source file', () => {
  const text = [
    'struct ring { struct page **pages; };',
    'static void drop(struct ring *r)',
    '{',
    '\tput_page(r->pages[0]); /* pin_user_pages */',
    '}',
    '#if 0',
    'static void gone(void) { pin_user_pages(); }',
    '#endif',
    'static int grab(struct ring *r)',
    '{',
    '\treturn pin_user_pages(0, 1, 0, r->pages);',
    '}',
  ].join('\r\n');

  test('finds the functions whose code matches', () => {
    const source = open(text);
    const matching = (pattern: RegExp) =>
      source.functionsMatching(pattern).map((index) => source.functions[index]?.name);
    expect(matching(/pin_user_pages/)).toEqual(['grab']);
    expect(matching(/r->pages/)).toEqual(['drop', 'grab']);
    expect(matching(/nowhere/)).toEqual([]);
    expect(source.functionAt(text.indexOf('put_page'))).toBe(0);
    expect(source.functionAt(0)).toBe(-1);
    expect(source.functionAt(text.length)).toBe(-1);
  });

  test('parses a function once, in places of the file', () => {
    const source = open(text);
    for (const parser of parsers) {
      const again = open(text);
      const tree = again.parse(1, parser);
      expect(again.parse(1, parser)).toBe(tree);
      const call = find(tree, 'call_expression');
      expect(text.slice(tree.start[call], tree.end[call])).toBe('pin_user_pages(0, 1, 0, r->pages)');
      expect(source.lines.placeOf(tree.start[call]!)).toMatchObject({ line: 11, column: 9 });
    }
  });

  test('parses a struct', () => {
    const source = open(text);
    const ring = source.structs.get('ring')!;
    const tree = source.parseRange({ start: ring.start, end: ring.end + 1 }, parsers[0]!);
    expect(shape(tree)).toContain('field_declaration');
    expect(tree.hasError).toBe(false);
  });

  test('does not parse what is too long to be a function', () => {
    const statement = 'x = y; ';
    const source = open(`int f(void)\n{\n${statement.repeat(MAX_SLICE / statement.length)}\n}\n`);
    const tree = source.parse(0, parsers[0]!);
    expect([tree.count, tree.kind[0], tree.hasError]).toEqual([1, Kind.ERROR, true]);
    expect([tree.start[0], tree.end[0]]).toEqual([0, source.text.length - 1]);
  });

  test.each([
    '',
    '\0',
    '#if',
    '#ifdef A\n#ifdef B\n',
    '{{{{',
    '}}}}',
    'x'.repeat(100_000),
    '('.repeat(20_000),
  ])('opens any text', (content) => {
    const source = open(content);
    source.functions.forEach((_found, index) => {
      expect(source.parse(index, parsers[0]!).count).toBeGreaterThan(0);
    });
    expect(source.code.length).toBe(content.length);
  });
});
