/** The bundled program as a process: bad input, real analysis, pipes. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { BAD } from '../write-under-get.ts';
import { folderWith } from './harness.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = path.join(root, 'dist/gupcheck.cjs');

interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function run(
  cwd: string,
  args: readonly string[],
  input = '',
  env: Readonly<Record<string, string>> = {},
): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd,
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: { ...process.env, ...env },
  });
  return { status, out: stdout, err: stderr };
}

/** `line:column code` of each finding. */
function found(ran: Ran): string[] {
  return [...ran.out.matchAll(/^[^\s:]+:(\d+:\d+): \w+ (GUP\d+)/gm)].map(
    (match) => `${match[1]} ${match[2]}`,
  );
}

describe('real code', () => {
  it('is linted, and the finding explained by a run', () => {
    const ran = run(folderWith({ 'a.c': BAD }), ['lint', 'a.c']);
    expect(found(ran)).toEqual(['5:12 GUP201']);
    expect(ran.out).toMatch(/ = run: \S/);
    expect(ran).toMatchObject({ status: 1, err: '' });
  });

  it('can be asked why', () => {
    const folder = folderWith({ 'a.c': BAD });
    const ran = run(folder, ['why', 'a.c:5']);
    expect(ran).toMatchObject({ status: 0, err: '' });
    expect(ran.out).toContain('What happens');
    expect(ran.out).toContain('lost-write');
    for (const line of ran.out.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  it('gives the same answer with the wasm parser', () => {
    const folder = folderWith({ 'a.c': BAD });
    const args = ['lint', '--format', 'json', '.'];
    expect(run(folder, args, '', { GUPCHECK_PARSER: 'wasm' }).out).toBe(
      run(folder, args, '', { GUPCHECK_PARSER: 'native' }).out,
    );
  });

  it('comes from standard input as well', () => {
    const ran = run(root, ['lint', '-', '--stdin-filename', 'drivers/a.c'], BAD);
    expect(ran.out).toMatch(/^drivers\/a\.c:5:12: /);
  });
});

describe('positions', () => {
  it.each([
    ['CRLF', BAD.replaceAll('\n', '\r\n'), '5:12 GUP201'],
    ['multi-byte characters before the call', BAD.replace('int ret', '/* 漢字😀 */ int ret'), '5:22 GUP201'],
    ['a byte order mark', `\ufeff${BAD}`, '5:12 GUP201'],
    ['tabs before the call', BAD.replace('int ret =', '\tint\tret\t=\t'), '5:14 GUP201'],
  ])('stay right with %s', (_what, text, place) => {
    expect(found(run(folderWith({ 'a.c': text }), ['lint', 'a.c']))).toEqual([place]);
  });

  it('stay right in bytes that are not UTF-8', () => {
    const text = Buffer.from(
      BAD.replace('int ret', '/* @@ */ int ret').replace('@@', '\u00e9\u00ff'),
      'latin1',
    );
    const ran = run(folderWith({ 'a.c': text }), ['lint', 'a.c']);
    expect(found(ran)).toEqual(['5:21 GUP201']);
    expect(ran.err).toBe('');
  });
});

describe('bad input', () => {
  it.each([
    ['a missing path', 'gone', 'gone: no such file or folder; check the path'],
    ['a folder without C files', 'text', 'text: no .c or .h file in this folder; name a folder with C code'],
    ['a binary file', 'binary.c', 'binary.c: is a binary file; name C source files'],
  ])('%s is one clear line and exit status 2', (_what, name, message) => {
    const folder = folderWith({
      'text/notes.txt': 'x',
      'binary.c': Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0, 1),
    });
    expect(run(folder, ['lint', name])).toEqual({ status: 2, out: '', err: `gupcheck: ${message}\n` });
  });

  it.each([
    ['an empty file', ''],
    ['a file that is all #ifdef', `#ifdef A\n${'#ifdef B\n'.repeat(2000)}${BAD}`],
    ['a truncated function', BAD.slice(0, BAD.indexOf('memset'))],
    ['a truncated call', BAD.slice(0, BAD.indexOf('FOLL_WRITE'))],
    ['only closing brackets', `get_user_pages_fast(${')}]'.repeat(5000)}`],
    ['deep nesting', `int f(void)\n{\n\treturn get_user_pages_fast(${'('.repeat(20_000)}`],
    ['a comment that does not end', `/* get_user_pages ${'x'.repeat(1000)}`],
    ['a string that does not end', `char *s = "get_user_pages\n${BAD}`],
    ['a lone surrogate and control characters', `/* get_user_pages \u0001\u001b[2J\u2028 */\n${BAD}`],
  ])('%s is no crash', (_what, text) => {
    const ran = run(folderWith({ 'a.c': text }), ['lint', 'a.c']);
    expect(ran.err).toBe('');
    expect([0, 1]).toContain(ran.status);
    expect(ran.out).toMatch(/ in 1 file \(/);
  });

  it('a file of 10 MB on a single line is no crash, and its output stays small', () => {
    const line = BAD.replaceAll('\n', ' ');
    const many = Array.from({ length: 50 }, (_, index) => line.replace('fill', `fill_${index}`));
    const folder = folderWith({ 'a.c': `int x; ${'y '.repeat(5 << 20)}; ${line}`, 'b.c': many.join('') });
    const ran = run(folder, ['lint', '--no-explain', '.']);
    expect(ran.err).toBe('');
    expect(ran.status).toBe(1);
    for (const shown of ran.out.split('\n')) expect(shown.length).toBeLessThan(600);
    expect(found(ran)).toHaveLength(51);
  });
});

describe('output', () => {
  it('has no colours unless it goes to a terminal', () => {
    expect(run(folderWith({ 'a.c': BAD }), ['lint', 'a.c'], '', { FORCE_COLOR: '' }).out).not.toContain(
      '\u001b[',
    );
  });

  it('may be closed early by its reader', async () => {
    const folder = folderWith({ 'a.c': BAD.repeat(300).replace(/fill/g, (name, at) => `${name}_${at}`) });
    const command = `"$0" "$1" lint --format json . | head -n 1; echo "status \${PIPESTATUS[0]}"`;
    const { out, err } = await new Promise<Ran>((resolve) => {
      const options = { cwd: folder, encoding: 'utf8' } as const;
      execFile('bash', ['-c', command, process.execPath, program], options, (error, stdout, stderr) =>
        resolve({ status: error === null ? 0 : 1, out: stdout, err: stderr }),
      );
    });
    expect(out).toBe('{\nstatus 1\n');
    expect(err).toBe('');
  });

  it('needs nothing of the repository around it but the two wasm files', () => {
    const folder = folderWith({ 'a.c': BAD });
    const elsewhere = path.join(folder, 'installed');
    mkdirSync(elsewhere);
    for (const file of ['gupcheck.cjs', 'web-tree-sitter.wasm', 'tree-sitter-c.wasm']) {
      const copied = spawnSync('cp', [path.join(root, 'dist', file), elsewhere]);
      expect(copied.status).toBe(0);
    }
    const { status, stdout } = spawnSync(process.execPath, ['installed/gupcheck.cjs', 'lint', 'a.c'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect({ status, places: found({ status, out: stdout, err: '' }) }).toEqual({
      status: 1,
      places: ['5:12 GUP201'],
    });
    rmSync(path.join(elsewhere, 'tree-sitter-c.wasm'));
    const broken = spawnSync(process.execPath, ['installed/gupcheck.cjs', 'lint', 'a.c'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(broken.status).toBe(2);
    expect(broken.stderr).toMatch(/^gupcheck: internal error: tree-sitter-c\.wasm was not found[^\n]*\n$/);
  });
});

describe('Ctrl-C', () => {
  it('ends a long run at once', async () => {
    const many = Array.from({ length: 3000 }, (_, i) => BAD.replace('fill', `fill${i}`)).join('\n');
    const child = spawn(process.execPath, [program, 'lint', '.'], { cwd: folderWith({ 'a.c': many }) });
    await new Promise((resume) => setTimeout(resume, 600));
    const pressed = performance.now();
    child.kill('SIGINT');
    const signal = await new Promise((resume) => child.on('close', (_code, by) => resume(by)));
    expect(signal).toBe('SIGINT');
    expect(performance.now() - pressed).toBeLessThan(2_000);
  });
});
