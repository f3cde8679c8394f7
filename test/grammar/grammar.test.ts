/** The TextMate grammars: their patterns compile, and give the scopes they should to lines as they occur. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ACQUIRE_APIS, RELEASE_APIS } from '#engine/protocol/steps.ts';
import { PROPERTIES } from '#engine/protocol/trace.ts';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import { lintText } from '#server/linter/file/service.ts';
import { plain } from '#server/linter/text/style.ts';
import { whyText } from '#server/linter/text/why.ts';
import { HOVER_ENTRIES } from '#server/lsp/hover/text.ts';
import { RULES } from '#server/rules/index.ts';
import { LineIndex } from '#server/syntax/lines.ts';

const folder = new URL('../../syntaxes/', import.meta.url);

interface Pattern {
  readonly include?: string;
  readonly match?: string;
  /** Begin and end of what may span lines. */
  readonly begin?: string;
  readonly end?: string;
  readonly name?: string;
  readonly captures?: Readonly<Record<string, Pattern>>;
  readonly patterns?: readonly Pattern[];
}

interface Grammar {
  readonly scopeName: string;
  readonly patterns: readonly Pattern[];
  readonly repository: Readonly<Record<string, Pattern>>;
}

function load(name: string): Grammar {
  return JSON.parse(readFileSync(new URL(`${name}.tmLanguage.json`, folder), 'utf8')) as Grammar;
}

/** A part of a line and its innermost scope. */
type Token = readonly [text: string, scope: string];

/** The tokens of one line: a TextMate engine for grammars whose patterns never span lines. */
function tokens(grammar: Grammar, line: string): Token[] {
  return scan(grammar, grammar.patterns, line, '');
}

function scan(grammar: Grammar, patterns: readonly Pattern[], text: string, scope: string): Token[] {
  const flat = patterns.flatMap((pattern) => expand(grammar, pattern));
  const found: Token[] = [];
  for (let at = 0; at < text.length; ) {
    // The leftmost match counts; of several, that of the first pattern.
    const matches = flat.flatMap((pattern) => {
      const match = pattern.match === undefined ? null : matchFrom(pattern.match, text, at);
      return match === null || match[0] === '' ? [] : [{ pattern, match }];
    });
    const first = matches.sort((a, b) => a.match.index - b.match.index)[0];
    const end = first?.match.index ?? text.length;
    if (end > at && scope !== '') found.push([text.slice(at, end), scope]);
    if (first === undefined) break;
    found.push(...captured(grammar, first.pattern, first.match, scope));
    at = first.match.index + first.match[0].length;
  }
  return found;
}

function matchFrom(source: string, text: string, at: number): RegExpExecArray | null {
  const pattern = new RegExp(source, 'dg');
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function captured(grammar: Grammar, pattern: Pattern, match: RegExpExecArray, outer: string): Token[] {
  const scope = pattern.name ?? outer;
  if (pattern.captures === undefined) return scope === '' ? [] : [[match[0], scope]];
  return Object.entries(pattern.captures).flatMap(([group, capture]): Token[] => {
    const text = match[Number(group)];
    if (text === undefined) return [];
    if (capture.patterns !== undefined) return scan(grammar, capture.patterns, text, capture.name ?? '');
    return capture.name === undefined ? [] : [[text, capture.name]];
  });
}

function expand(grammar: Grammar, pattern: Pattern): readonly Pattern[] {
  if (pattern.include === undefined) return [pattern];
  // Another language's grammar is not this test's concern.
  if (!pattern.include.startsWith('#')) return [];
  const target = grammar.repository[pattern.include.slice(1)];
  if (target === undefined) throw new Error(`${pattern.include} is not in the repository`);
  const whole = target.match !== undefined || target.begin !== undefined;
  return (whole ? [target] : target.patterns!).flatMap((each) => expand(grammar, each));
}

/** Tokens without the language at the end of their scopes. */
function shown(grammar: Grammar, line: string): string[] {
  return tokens(grammar, line).map(([text, scope]) => `${text} ${scope.split('.').slice(0, -1).join('.')}`);
}

it.each(readdirSync(folder).filter((name) => name.endsWith('.tmLanguage.json')))('%s compiles', (name) => {
  const grammar = load(name.replace('.tmLanguage.json', ''));
  const patterns = Object.keys(grammar.repository).flatMap((key) => expand(grammar, { include: `#${key}` }));
  expect(patterns.length).toBeGreaterThan(0);
  for (const { match, begin, end } of patterns)
    for (const source of match === undefined ? [begin!, end!] : [match])
      expect(() => new RegExp(source)).not.toThrow();
});

describe('inside C', () => {
  const grammar = load('gup-c');
  const suppression = load('gup-suppression');

  it.each([
    [
      'pin_user_pages_fast(addr, 1, FOLL_WRITE | FOLL_LONGTERM, &page)',
      [
        'pin_user_pages_fast support.function.gup.pin',
        'FOLL_WRITE support.constant.gup.flag',
        'FOLL_LONGTERM support.constant.gup.flag',
      ],
    ],
    ['put_page (page);', ['put_page support.function.gup.get']],
    [
      'unpin_user_pages_dirty_lock(pages, 1, true);',
      ['unpin_user_pages_dirty_lock support.function.gup.pin'],
    ],
    ['int my_put_page(void); put_page_later(x); fput(page); MY_FOLL_WRITE', []],
  ] as const)('%s', (line, expected) => {
    expect(shown(grammar, line)).toEqual(expected);
  });

  it('knows every function that acquires or releases', () => {
    for (const api of [...ACQUIRE_APIS, ...RELEASE_APIS.filter((name) => name !== '__free_page')]) {
      const kind = /pin_|extract/.test(api) ? 'pin' : 'get';
      expect(shown(grammar, `${api}(`)).toEqual([`${api} support.function.gup.${kind}`]);
    }
  });

  it.each([
    [
      '/* gupcheck-disable-next-line GUP201, GUP303 -- kept by hand */',
      [
        'gupcheck-disable-next-line keyword.control.directive.gupcheck',
        'GUP201, GUP303 constant.other.rule.gupcheck',
      ],
    ],
    ['// gupcheck-disable-file', ['gupcheck-disable-file keyword.control.directive.gupcheck']],
    ['/* see gupcheck */', []],
  ] as const)('%s', (line, expected) => {
    expect(shown(suppression, line)).toEqual(expected);
  });
});

describe('a trace', () => {
  const grammar = load('gup-trace');

  it('has a scope for each line of each rule’s trace that is not prose', async () => {
    const analyzer = await createAnalyzer();
    const options = { kernel: { major: 6, minor: 12, patch: 0 }, explanations: true, levels: {} };
    for (const { code, name, bad } of RULES) {
      const report = lintText(analyzer, 'drivers/a.c', bad, options);
      const finding = report.findings.find((each) => each.code === code)!;
      const lines = whyText(report, new LineIndex(bad), finding, name, plain).split('\n');
      expect(shown(grammar, lines[0]!)[0]).toMatch(/^drivers\/a\.c:\d+:\d+ string\.unquoted\.place$/);
      const steps = finding.explanation?.steps ?? [];
      const numbered = lines.filter((line) => shown(grammar, line)[0]?.endsWith('constant.numeric.step'));
      expect(numbered.length).toBe(steps.length);
      const driver = numbered.filter((line) => shown(grammar, line)[1] === 'driver entity.name.type.driver');
      expect(driver.length).toBe(steps.filter(({ actor }) => actor === 'driver').length);
      const folios = lines.filter((line) => /^ {5}[A-Z]+ .* (?:nobody|\w+:[\d,]+)/.test(line));
      for (const line of folios) expect(shown(grammar, line)[0]).toMatch(/ variable\.other\.folio$/);
    }
  });

  it.each([
    [
      '  4  driver             write to pages[0]                                           status_page.c:26',
      [
        '4 constant.numeric.step',
        'driver entity.name.type.driver',
        '0 constant.numeric',
        'status_page.c:26 string.unquoted.place',
      ],
    ],
    [
      '  2  fork-parent-write  fork()',
      ['2 constant.numeric.step', 'fork-parent-write keyword.other.actor', 'fork entity.name.function'],
    ],
    [
      '     A      3→2       -         2→1       -               old             child:0',
      ['A variable.other.folio', '3→2 markup.changed.count', '2→1 markup.changed.count'],
    ],
    ['     26 | memcpy(a, b, c);', ['26 comment.line-number', 'memcpy(a, b, c); meta.embedded.line']],
    [
      '     nr_foll_pin_acquired: 0→2   nr_foll_pin_released: 0→1',
      [
        'nr_foll_pin_acquired variable.other.counter',
        '0→2 markup.changed.count',
        'nr_foll_pin_released variable.other.counter',
        '0→1 markup.changed.count',
      ],
    ],
    ['Damage (lost-write)', ['lost-write constant.other.property']],
    ['  Before', ['Before markup.italic.before']],
    [
      "  - a hugetlb page: references or pins remain for ever; the document's form repairs it",
      ["the document's form repairs it markup.inserted.outcome"],
    ],
    ['  A page of prose, at 3 places.', []],
  ] as const)('%s', (line, expected) => {
    expect(shown(grammar, line)).toEqual(expected);
  });
});

/** The lines of a text outside its block comments: the comment's part of a line becomes blanks. */
function withoutComments(grammar: Grammar, text: string): string[] {
  const { begin, end, name } = grammar.repository.comment!;
  expect(name).toMatch(/^comment\.block\./);
  const comment = new RegExp(`${begin}[^]*?${end}`, 'g');
  return text.replace(comment, (all) => all.replace(/[^\n]/g, ' ')).split('\n');
}

describe('a litmus test', () => {
  const grammar = load('gup-litmus');
  const folder = new URL('../../examples/litmus/', import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith('.litmus'));

  it.each(files)('%s: every call, number and constant has a scope', (file) => {
    const lines = withoutComments(grammar, readFileSync(new URL(file, folder), 'utf8'));
    expect(shown(grammar, lines[0]!)).toEqual([
      'C keyword.other.language',
      `${file.replace('.litmus', '')} entity.name.section`,
    ]);
    for (const line of lines.slice(1)) {
      const scoped = tokens(grammar, line).map(([text]) => text);
      const code = line.replace(/\/\/.*$/, '');
      const wanted = [
        ...[...code.matchAll(/\b[a-z_]\w*(?= *\()/g)].map(([word]) => word),
        ...[...code.matchAll(/\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b/g)].map(([word]) => word),
        ...[...code.matchAll(/(?<![\w-])\d+\b/g)].map(([digits]) => digits),
      ];
      for (const word of wanted) expect(scoped, line).toContainEqual(expect.stringContaining(word));
    }
  });

  it('knows every function, flag, property and kind of memory', () => {
    for (const api of [...ACQUIRE_APIS, ...RELEASE_APIS, 'bio_release_pages']) {
      const kind = /pin_|extract|bio_/.test(api) ? 'pin' : 'get';
      expect(shown(grammar, `${api}(pages)`)[0]).toBe(`${api} support.function.gup.${kind}`);
    }
    for (const name of PROPERTIES)
      expect(shown(grammar, `exists (${name})`)).toEqual([
        'exists keyword.control.quantifier',
        `${name} constant.other.property`,
      ]);
    for (const kind of [
      'anon',
      'thp',
      'hugetlb',
      'file',
      'file-private',
      'shmem',
      'fsdax',
      'zero',
      'kvec',
      'bvec',
    ])
      expect(shown(grammar, `  p = ${kind}[2], mapped 1;`)).toEqual([
        'p variable.other.buffer',
        `${kind} storage.type.memory`,
        '2 constant.numeric',
        'mapped storage.modifier.memory',
        '1 constant.numeric',
      ]);
  });

  it.each([
    ['driver(A)', ['driver keyword.control.actor', 'A entity.name.type.task']],
    ['kernel', ['kernel keyword.control.actor']],
    [
      '  n0 = pin_user_pages_fast(p, 2, FOLL_WRITE | FOLL_LONGTERM, pages);',
      [
        'n0 variable.other.register',
        '= keyword.operator',
        'pin_user_pages_fast support.function.gup.pin',
        '2 constant.numeric',
        'FOLL_WRITE support.constant.gup.flag',
        '| keyword.operator',
        'FOLL_LONGTERM support.constant.gup.flag',
      ],
    ],
    [
      '  assume(n0 == -EFAULT);',
      [
        'assume keyword.control',
        'n0 variable.other.register',
        '== keyword.operator',
        '-EFAULT constant.other.errno',
      ],
    ],
    [
      '  again: seq = mmu_interval_read_begin(notifier);',
      [
        'again entity.name.label',
        'seq variable.other.register',
        '= keyword.operator',
        'mmu_interval_read_begin entity.name.function',
      ],
    ],
    ['    goto again;', ['goto keyword.control.goto', 'again entity.name.label']],
    ['expect Sometimes', ['expect keyword.control.expect', 'Sometimes constant.language.observation']],
    [
      'forall (~lost-write /\\ sees(A, p[0], driver))',
      [
        'forall keyword.control.quantifier',
        '~ keyword.operator',
        'lost-write constant.other.property',
        '/\\ keyword.operator',
        'sees entity.name.function',
        '0 constant.numeric',
        'driver constant.other.content',
      ],
    ],
    ['// a remark', ['// a remark comment.line']],
  ] as const)('%s', (line, expected) => {
    expect(shown(grammar, line)).toEqual(expected);
  });
});

it('hovers know every function that acquires or releases, except the allocator’s', () => {
  const missing = [...ACQUIRE_APIS, ...RELEASE_APIS].filter((name) => !HOVER_ENTRIES.has(name));
  expect(missing).toEqual(['__free_page']);
});
