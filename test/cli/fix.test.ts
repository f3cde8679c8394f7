/** `lint --fix`, `--diff` and `--show-fixes`: what is printed with an analyzer without analysis, and files with the real one. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { folderWith, gupcheck } from './harness.ts';

const program = path.join(fileURLToPath(new URL('../..', import.meta.url)), 'dist/gupcheck.cjs');

function run(cwd: string, args: readonly string[], shell?: string) {
  const command = [process.execPath, program, ...args];
  const { status, stdout, stderr } =
    shell === undefined
      ? spawnSync(command[0]!, command.slice(1), { cwd })
      : spawnSync('sh', ['-c', `${shell}; exec "$@"`, 'sh', ...command], { cwd });
  return { status, out: stdout, err: stderr.toString() };
}

const bad = `int fill(unsigned long addr)
{
	struct page *page;

	if (get_user_pages_fast(addr, 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	memset(page_address(page), 0, PAGE_SIZE);
	set_page_dirty_lock(page);
	put_page(page);
	return 0;
}
`;
const good = bad
  .replace('get_user', 'pin_user')
  .replace(
    '	set_page_dirty_lock(page);\n	put_page(page);\n',
    '	unpin_user_pages_dirty_lock(&page, 1, true);\n',
  );

describe('options', () => {
  it.each([
    [['--fix', '--diff'], '--diff: --fix changes the files'],
    [['--unsafe-fixes'], '--unsafe-fixes: nothing is fixed'],
    [['--diff', '--format', 'json'], '--diff: prints a patch, not json'],
  ])('%j are refused', async (args, message) => {
    const cwd = folderWith({ 'a.c': bad });
    const ran = await gupcheck(cwd, ['lint', ...args, 'a.c']);
    expect(ran.status).toBe(2);
    expect(ran.err).toContain(message);
    expect(readFileSync(path.join(cwd, 'a.c'), 'utf8')).toBe(bad);
  });

  it('say for standard input that it cannot be rewritten', async () => {
    const ran = await gupcheck(folderWith({}), ['lint', '--fix', '-'], { input: bad });
    expect(ran).toMatchObject({ status: 2, out: '' });
    expect(ran.err).toContain('standard input cannot be rewritten');
  });
});

describe('what is printed', () => {
  it('names each fix, and what is left', async () => {
    const cwd = folderWith({ 'a.c': bad, 'b.c': `/* unsafe */ ${bad}`, 'c.c': `/* refuse */ ${bad}` });
    const ran = await gupcheck(cwd, ['lint', '--fix', '.']);
    expect(ran.status).toBe(1);
    expect(ran.out).toContain('a.c: fixed GUP201 in f(): Use pin_user_pages_fast()\n');
    expect(ran.out).toContain('= fix: Use pin_user_pages_fast() (--fix --unsafe-fixes)\n');
    expect(ran.out).toContain('= help: Pin the page. No edit is offered: the text says so.\n');
    expect(ran.out).toContain('1 fixed, 1 left for --unsafe-fixes, 1 refused; 2 errors in 3 files');
    expect(readFileSync(path.join(cwd, 'b.c'), 'utf8')).toBe(`/* unsafe */ ${bad}`);
  });

  it('is clean when all is fixed, and then changes nothing', async () => {
    const cwd = folderWith({ 'b.c': `/* unsafe */ ${bad}` });
    const ran = await gupcheck(cwd, ['lint', '--fix', '--unsafe-fixes', 'b.c']);
    expect(ran.status).toBe(0);
    const once = readFileSync(path.join(cwd, 'b.c'));
    expect((await gupcheck(cwd, ['lint', '--fix', '--unsafe-fixes', 'b.c'])).status).toBe(0);
    expect(readFileSync(path.join(cwd, 'b.c'))).toEqual(once);
  });

  it('tells which branch of an #if stays as it is', async () => {
    const cwd = folderWith({ 'a.c': `/* remark */ ${bad}` });
    const ran = await gupcheck(cwd, ['lint', '--show-fixes', 'a.c']);
    expect(ran.out).toContain('= note: the branch B of the #if at line 1 was not read\n');
  });

  it('has fixes as data', async () => {
    const cwd = folderWith({ 'a.c': bad, 'c.c': `/* refuse */ ${bad}` });
    const ran = await gupcheck(cwd, ['lint', '--show-fixes', '--format', 'json', '.']);
    const { findings, fixes } = JSON.parse(ran.out);
    expect(findings[0].fix).toEqual({
      title: 'Use pin_user_pages_fast()',
      safety: 'safe',
      remarks: [],
      edits: [{ line: 5, column: 6, endLine: 5, endColumn: 9, newText: 'pin' }],
    });
    expect(findings[1].help).toEqual({ title: 'Pin the page', reason: 'the text says so' });
    expect(fixes).toEqual({ mode: 'none', applied: [] });
    const sarif = JSON.parse((await gupcheck(cwd, ['lint', '--show-fixes', '--format', 'sarif', 'a.c'])).out);
    expect(sarif.runs[0].results[0].fixes[0].artifactChanges[0].replacements).toEqual([
      {
        deletedRegion: { startLine: 5, startColumn: 6, endLine: 5, endColumn: 9 },
        insertedContent: { text: 'pin' },
      },
    ]);
  });
});

describe('files', () => {
  it('are fixed by the real analysis, and keep mode, encoding, byte order mark and line ends', () => {
    const bytes = (text: string) =>
      Buffer.concat([
        Buffer.from([0xef, 0xbb, 0xbf]),
        Buffer.from(`/* \xe9 */\r\n${text.replaceAll('\n', '\r\n')}`, 'latin1'),
      ]);
    const cwd = folderWith({ 'a.c': bytes(bad) });
    const file = path.join(cwd, 'a.c');
    chmodSync(file, 0o640);
    expect(run(cwd, ['lint', '--fix', 'a.c']).status).toBe(0);
    expect(readFileSync(file)).toEqual(bytes(good));
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(cwd)).toEqual(['a.c']);
  });

  it('stay symbolic links', () => {
    const cwd = folderWith({ 'real/a.c': bad });
    symlinkSync('real/a.c', path.join(cwd, 'link.c'));
    expect(run(cwd, ['lint', '--fix', 'link.c']).status).toBe(0);
    expect(lstatSync(path.join(cwd, 'link.c')).isSymbolicLink()).toBe(true);
    expect(readFileSync(path.join(cwd, 'real/a.c'), 'utf8')).toBe(good);
  });

  it('that are read-only are left, with one line and exit status 2', () => {
    const cwd = folderWith({ 'a.c': bad });
    chmodSync(path.join(cwd, 'a.c'), 0o444);
    const ran = run(cwd, ['lint', '--fix', 'a.c']);
    expect(ran.status).toBe(2);
    expect(ran.err).toBe('gupcheck: a.c: is read-only, so it was not fixed; make it writable\n');
    expect(readFileSync(path.join(cwd, 'a.c'), 'utf8')).toBe(bad);
  });

  it('are as they were when the disk is full', () => {
    // A limit of one block on the size of files stands for the disk: the write of the draft fails half way.
    const long = `${'/* a comment that fills the file */\n'.repeat(100)}${bad}`;
    const cwd = folderWith({ 'a.c': long });
    const ran = run(cwd, ['lint', '--fix', 'a.c'], 'trap "" XFSZ; ulimit -f 1');
    expect(ran.status).toBe(2);
    expect(ran.err).toMatch(
      /^gupcheck: a\.c: cannot be rewritten and is as it was \(E\w+\); check the space[^\n]*\n$/,
    );
    expect(readFileSync(path.join(cwd, 'a.c'), 'utf8')).toBe(long);
    expect(readdirSync(cwd)).toEqual(['a.c']);
  });
});

describe('a patch', () => {
  const second = `${'\n'.repeat(30)}${bad.replace('fill', 'again')}`;
  const files: Record<string, string | Uint8Array> = {
    'a.c': bad + second,
    'sub/name with blanks.c': Buffer.from(`/* \xe9 */\n${bad.trimEnd()}`, 'latin1'),
    'sub/é"quoted".c': bad.replaceAll('\n', '\r\n'),
  };

  const tools = [
    { tool: 'patch', args: ['-p1', '--binary', '-s'] },
    { tool: 'git', args: ['apply', '-'] },
  ].filter(({ tool }) => spawnSync(tool, ['--version']).error === undefined);

  it.each(tools)('is accepted by $tool', ({ tool, args }) => {
    const cwd = folderWith(files);
    const ran = run(cwd, ['lint', '--diff', '.']);
    expect(ran.status).toBe(1);
    expect(ran.err).toBe(
      'gupcheck: 4 fixes in 3 files; 0 findings would be left (--show-fixes says what to do about them)\n',
    );
    for (const name of Object.keys(files))
      expect(readFileSync(path.join(cwd, name))).toEqual(Buffer.from(files[name]!));
    const applied = spawnSync(tool, args, { cwd, input: ran.out });
    expect(`${applied.stdout}${applied.stderr}`).toBe('');
    const copy = folderWith(files);
    expect(run(copy, ['lint', '--fix', '.']).status).toBe(0);
    for (const name of Object.keys(files))
      expect(readFileSync(path.join(cwd, name))).toEqual(readFileSync(path.join(copy, name)));
  });

  it('is empty where nothing is to be changed', () => {
    const cwd = folderWith({ 'a.c': good });
    const ran = run(cwd, ['lint', '--diff', 'a.c']);
    expect(ran).toMatchObject({ status: 0 });
    expect(ran.out.toString()).toBe('');
  });

  it('is not made for a file outside the working directory', () => {
    const cwd = folderWith({ 'a.c': bad, 'inner/b.c': '' });
    const ran = run(path.join(cwd, 'inner'), ['lint', '--diff', '../a.c']);
    expect(ran.status).toBe(2);
    expect(ran.err).toContain('is outside the working directory');
    expect(ran.out.toString()).toBe('');
  });

  it('of standard input has the name that is given', async () => {
    const cwd = folderWith({});
    writeFileSync(path.join(cwd, 'in.c'), bad);
    const ran = await gupcheck(cwd, ['lint', '--diff', '--stdin-filename', 'drivers/x.c', '-'], {
      input: bad,
    });
    expect(ran.out).toMatch(/^--- a\/drivers\/x\.c\n\+\+\+ b\/drivers\/x\.c\n@@ -2,7 \+2,7 @@\n/);
  });
});
