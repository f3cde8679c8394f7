/** Exit statuses, errors of use, and the commands besides lint. */
import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderWith, gupcheck } from './harness.ts';

const found = 'x = get_user_pages_fast(a, 1, FOLL_WRITE, &page);\n';
const clean = 'int x;\n';

describe('exit status', () => {
  it.each([
    [0, 'nothing is found', { 'a.c': clean }, ['lint', '.']],
    [1, 'something is found', { 'a.c': found }, ['lint', '.']],
    [0, 'something is found, with --exit-zero', { 'a.c': found }, ['lint', '--exit-zero', '.']],
    [0, 'all is below --level', { 'a.c': `/* note */ ${found}` }, ['lint', '.']],
    [
      1,
      'a note is found, with --level note',
      { 'a.c': `/* note */ ${found}` },
      ['lint', '--level', 'note', '.'],
    ],
    [1, 'a cache is not wanted', { 'a.c': found }, ['lint', '--no-cache', '.']],
    [2, 'a path is missing beside a good one', { 'a.c': found }, ['lint', 'a.c', 'b.c']],
    [
      2,
      'a rule threw, even with --exit-zero',
      { 'a.c': `/* rule-threw */ ${found}` },
      ['lint', '--exit-zero', '.'],
    ],
    [2, 'the analysis threw', { 'a.c': `/* crash */ ${found}` }, ['lint', '.']],
    [2, 'the run of a finding threw', { 'a.c': `/* explain-crash */ ${found}` }, ['lint', '.']],
  ])('is %i when %s', async (status, _what, files, args) => {
    expect((await gupcheck(folderWith(files), args)).status).toBe(status);
  });
});

describe('wrong use is one line that says place, what and cure', () => {
  it.each([
    [
      'an unknown option',
      ['lint', '--frmat', 'x'],
      "lint: unknown option '--frmat' (Did you mean --format?); see",
    ],
    [
      'an unknown format',
      ['lint', '--format', 'xml', '.'],
      "lint: option '--format <format>' argument 'xml' is invalid.",
    ],
    [
      'an unknown level',
      ['lint', '--level', 'info', '.'],
      "lint: option '--level <level>' argument 'info' is invalid.",
    ],
    [
      'a bad kernel version',
      ['lint', '--kernel', 'six', '.'],
      'It must look like 6.12; see gupcheck lint --help',
    ],
    [
      'an unknown command',
      ['lnt'],
      "command line: unknown command 'lnt' (Did you mean lint?); see gupcheck --help",
    ],
    ['no path', ['lint'], "lint: missing required argument 'paths'; see gupcheck lint --help"],
    ['standard input and a file', ['lint', '-', 'a.c'], '-: standard input and files in one run; lint them'],
    [
      'a name for no input',
      ['lint', '--stdin-filename', 'x.c', 'a.c'],
      '--stdin-filename: there is no standard input',
    ],
    ['a missing path', ['lint', 'nope'], 'nope: no such file or folder; check the path'],
    [
      'a folder without C',
      ['lint', 'empty'],
      'empty: no .c or .h file in this folder; name a folder with C code',
    ],
    ['a binary file', ['lint', 'binary.c'], 'binary.c: is a binary file; name C source files'],
    [
      'an output that cannot be written',
      ['lint', 'a.c', '--output', 'no/x'],
      'no/x: cannot be written (ENOENT); check',
    ],
    ['a place without a line', ['why', 'a.c'], 'a.c: not a place; write FILE:LINE or FILE:LINE:COLUMN'],
    [
      'a line without a finding',
      ['why', 'a.c:7'],
      'a.c:7: no finding here; this file has 1 finding, on line 1',
    ],
    ['a missing file', ['why', 'nope.c:7'], 'nope.c: no such file or folder; check the path'],
    [
      'a file without pinning',
      ['why', 'b.c:1'],
      'b.c: does not mention page pinning; name a finding of gupcheck lint',
    ],
    ['an unknown rule', ['explain', 'GUP999'], 'GUP999: no such rule; gupcheck rules lists them'],
  ])('%s', async (_what, args, message) => {
    const folder = folderWith({
      'a.c': found,
      'b.c': clean,
      'empty/readme.txt': 'x',
      'binary.c': Uint8Array.of(0x7f, 0x45, 0, 0),
    });
    const { status, out, err } = await gupcheck(folder, args);
    expect(status).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(/^gupcheck: [^\n]+; [^\n]+\n$/);
    expect(err).toContain(message);
  });

  it('shows a stack trace only when asked', async () => {
    const folder = folderWith({ 'a.c': `/* crash */ ${found}` });
    expect((await gupcheck(folder, ['lint', '.'])).err).toBe(
      'gupcheck: a.c: the analysis failed: the sky fell; please report this (GUPCHECK_DEBUG=1 shows where it happened)\n',
    );
    expect((await gupcheck(folder, ['lint', '.'], { debug: true })).err).toContain('    at ');
  });
});

describe('lint', () => {
  it('goes on after a missing path', async () => {
    const { out, err } = await gupcheck(folderWith({ 'a.c': found }), ['lint', 'nope', 'a.c']);
    expect(out).toContain('a.c:1:5: error GUP201');
    expect(err).toBe('gupcheck: nope: no such file or folder; check the path\n');
  });

  it('skips a binary file inside a folder, and says so', async () => {
    const binary = Buffer.from(`\0${found}`);
    const { status, err } = await gupcheck(folderWith({ 'a/x.c': binary, 'a/y.c': clean }), ['lint', 'a']);
    expect({ status, err }).toEqual({
      status: 0,
      err: 'gupcheck: a/x.c: is a binary file; name C source files\n',
    });
  });

  it('reads standard input under a name', async () => {
    const { status, out } = await gupcheck('/', ['lint', '-', '--stdin-filename', 'drivers/x.c'], {
      input: found,
    });
    expect(status).toBe(1);
    expect(out).toContain('drivers/x.c:1:5: error GUP201');
  });

  it('writes a file in one go, without colours, and prints nothing', async () => {
    const folder = folderWith({ 'a.c': found, 'out.txt': 'old' });
    const { status, out } = await gupcheck(folder, ['lint', '--output', 'out.txt', 'a.c']);
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(readFileSync(path.join(folder, 'out.txt'), 'utf8')).toContain('GUP201');
    expect(readdirSync(folder).sort()).toEqual(['a.c', 'out.txt']);
  });

  it('writes through a symbolic link', async () => {
    const folder = folderWith({ 'a.c': found, 'real.json': '' });
    symlinkSync('real.json', path.join(folder, 'link.json'));
    await gupcheck(folder, ['lint', '--format', 'json', '--output', 'link.json', 'a.c']);
    expect(JSON.parse(readFileSync(path.join(folder, 'real.json'), 'utf8')).findings).toHaveLength(1);
  });
});

describe('why', () => {
  it('shows assumptions, steps with source lines and pages, the damage and the better form', async () => {
    const { status, out } = await gupcheck(folderWith({ 'd/a.c': `\n\t${found}` }), ['why', 'd/a.c:2']);
    expect(status).toBe(0);
    expect(out.slice(out.indexOf('Assumed'))).toBe(
      [
        'Assumed',
        '  - The buffer is private anonymous memory, 1 page.',
        '  - The process may fork at any moment.',
        '',
        'What happens',
        '  Every folio is uptodate, lru throughout.',
        '',
        '  Before',
        '     folio  refcount  pincount  mapcount  flags           content   mapped by',
        '     A      1         -         1         anon-exclusive  old       parent:0',
        '',
        '  1  driver             get_user_pages_fast(p, 1, FOLL_WRITE, pages) = 1               a.c:2',
        `     2 | ${found.trimEnd()}`,
        '     driver takes its turn.',
        '     folio  refcount  pincount  mapcount  flags           content   mapped by',
        '     A      1→2       -         1         anon-exclusive  old       parent:0',
        '',
        '  2  fork-parent-write  fork(); *p = 1',
        '     fork-parent-write takes its turn.',
        '     folio  refcount  pincount  mapcount  flags           content   mapped by',
        '     A      2→1       -         1→0       -               driver#1  nobody',
        '     B      1         -         1         anon-exclusive  old       parent:0',
        '',
        'Damage (lost-write)',
        '  the bytes written to folio A never reach the process: it now maps folio B.',
        '',
        "The document's form",
        '  With pin_user_pages_fast() the child gets the copy, and the process sees the bytes.',
        '',
        'Explored',
        '  12 states and 3 executions of the path as written. That is all there are.',
        '',
      ].join('\n'),
    );
  });

  it('takes the finding at a column', async () => {
    const folder = folderWith({ 'a.c': `${found.trim()} ${found}` });
    expect((await gupcheck(folder, ['why', 'a.c:1'])).out.match(/^a\.c:1:\d+/gm)).toEqual([
      'a.c:1:5',
      'a.c:1:55',
    ]);
    expect((await gupcheck(folder, ['why', 'a.c:1:60'])).out.match(/^a\.c:1:\d+/gm)).toEqual(['a.c:1:55']);
    expect((await gupcheck(folder, ['why', 'a.c:1:2'])).status).toBe(2);
  });

  it('gives the same as Markdown', async () => {
    const { out } = await gupcheck(folderWith({ 'a.c': found }), ['why', 'a.c:1', '--format', 'markdown']);
    expect(out).toMatch(/^## GUP201 write-under-get \(error\)\n\n`a\.c:1:\d+` in `f\(\)`\n/);
    expect(out).toContain(
      '\n| folio | refcount | pincount | mapcount | flags | content | mapped by |\n| --- |',
    );
    expect(out).toContain('\n| **B** | 1 | - | 1 | anon-exclusive | old | parent:0 |\n');
    expect(out).toContain('**2. fork-parent-write** `fork(); *p = 1`');
  });

  it('gives the steps as JSON', async () => {
    const { out } = await gupcheck(folderWith({ 'a.c': found }), ['why', 'a.c:1', '--format', 'json']);
    const [finding] = JSON.parse(out);
    expect(finding).toMatchObject({
      code: 'GUP201',
      steps: [{ actor: 'driver', line: 1 }, { actor: 'fork-parent-write' }],
    });
    expect(finding.steps[1]).not.toHaveProperty('line');
  });
});

describe('rules and explain', () => {
  it('lists the rules as a table and as JSON', async () => {
    const { out } = await gupcheck('/', ['rules']);
    expect(out).toMatch(/^GUP201 {2}write-under-get {2}error {4}The CPU writes/);
    const rows = JSON.parse((await gupcheck('/', ['rules', '--format', 'json'])).out);
    expect(rows.map(({ code }: { code: string }) => code)).toEqual(['GUP201', 'GUP303']);
  });

  it.each(['GUP201', 'gup201', 'write-under-get'])('explains a rule called %s', async (name) => {
    const { status, out } = await gupcheck('/', ['explain', name]);
    expect(status).toBe(0);
    expect(out).toMatch(/^# GUP201/);
  });

  it('prints help and the version', async () => {
    for (const args of [['--help'], ['help', 'lint'], ['lint', '--help'], ['--version']]) {
      const { status, out, err } = await gupcheck('/', args);
      expect({ args, status, err }).toEqual({ args, status: 0, err: '' });
      expect(out).not.toBe('');
    }
  });
});
