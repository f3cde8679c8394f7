/** What the formats print, with an analyzer that reports every get_user_pages_fast(). */
import { readFileSync } from 'node:fs';
import Ajv from 'ajv-draft-04';
import addFormats from 'ajv-formats';
import type { Log } from 'sarif';
import { describe, expect, it } from 'vitest';
import { folderWith, gupcheck } from './harness.ts';

const CALL = 'get_user_pages_fast(a, 1, FOLL_WRITE, &page);';
const driver = `int f(void)\n{\n\tret = ${CALL}\n\tput_page(page);\n}\n`;

const schema = JSON.parse(
  readFileSync(new URL('../schemas/sarif-2.1.0-rtm.5.json', import.meta.url), 'utf8'),
) as object;
const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
addFormats(ajv);
const isSarif = ajv.compile(schema);

async function sarifOf(folder: string, ...args: string[]): Promise<Log> {
  const { out } = await gupcheck(folder, ['lint', '--format', 'sarif', ...args]);
  const log = JSON.parse(out) as Log;
  isSarif(log);
  expect(isSarif.errors ?? []).toEqual([]);
  return log;
}

describe('text', () => {
  it('shows the place, the source line with carets, the run and the related place', async () => {
    const { out } = await gupcheck(folderWith({ 'drv/a.c': driver }), ['lint', 'drv']);
    expect(out).toBe(
      [
        'drv/a.c:3:8: error GUP201 write-under-get: The page is written under a plain reference.',
        '  |',
        `3 |         ret = ${CALL}`,
        '  |               ^^^^^^^^^^^^^^^^^^^',
        '  = run: With a fork in between, the bytes never reach the process.',
        '  = note: drv/a.c:4:2: released here',
        '',
        '1 error in 1 file (1 function analysed)',
        '',
      ].join('\n'),
    );
  });

  it.each([
    ['tabs between tokens', `int f(void)\n{\n\tx\t=\t${CALL}\n}\n`, '3:6', 24],
    ['wide characters', `/* 漢字 */ ${CALL}\n`, '1:10', 11],
    ['characters outside the BMP', `/* 😀 */ ${CALL}\n`, '1:9', 9],
    ['combining marks', `/* e\u0301 */ ${CALL}\n`, '1:10', 8],
    ['CRLF', `int x;\r\n\t${CALL}\r\n`, '2:2', 8],
    ['a byte order mark', `\ufeff${CALL}\n`, '1:1', 0],
  ])('keeps the caret under the call with %s', async (_what, text, place, caret) => {
    const { out } = await gupcheck(folderWith({ 'a.c': text }), ['lint', 'a.c']);
    const lines = out.split('\n');
    expect(lines[0]).toMatch(new RegExp(`^a\\.c:${place}: `));
    expect(lines[3]!.indexOf('^') - lines[3]!.indexOf('|') - 2).toBe(caret);
    expect(lines.join('')).not.toContain('\r');
  });

  it('cuts a long line around the call', async () => {
    const text = `${'x '.repeat(50_000)}${CALL}${' y'.repeat(50_000)}\n`;
    const { out } = await gupcheck(folderWith({ 'a.c': text }), ['lint', 'a.c']);
    const lines = out.split('\n');
    expect(lines[0]).toMatch(/^a\.c:1:100001: /);
    const at = lines[3]!.indexOf('^');
    expect(lines[2]!.slice(at, at + 19)).toBe('get_user_pages_fast');
    expect(lines[2]!.length).toBeLessThan(160);
    expect(lines[2]).toMatch(/^1 \| ….*…$/);
  });

  it('prints no escape sequence that the source contains', async () => {
    const { out } = await gupcheck(folderWith({ 'a.c': `/* \u001b[31m \u202e */ ${CALL}\n` }), [
      'lint',
      'a.c',
    ]);
    expect(out).toContain('/* \ufffd[31m \ufffd */');
  });

  it('counts what --level hides, and shows it at the level named', async () => {
    const folder = folderWith({ 'a.c': `/* note */ ${CALL}\n` });
    const hidden = await gupcheck(folder, ['lint', 'a.c']);
    expect(hidden).toEqual({
      status: 0,
      out: 'no findings in 1 file (1 function analysed); not shown: 1 note (--level note)\n',
      err: '',
    });
    const visible = await gupcheck(folder, ['lint', '--level', 'note', 'a.c']);
    expect(visible.status).toBe(1);
    expect(visible.out).toContain('a.c:1:12: note GUP201');
  });

  it.each([
    ['partly', '1 of them read only in part'],
    ['budget', '1 not followed to the end'],
  ])('counts functions that were not seen in full (%s)', async (what, words) => {
    const folder = folderWith({ 'a.c': `/* ${what} */ x = _user_page;\n` });
    expect(await gupcheck(folder, ['lint', 'a.c'])).toEqual({
      status: 0,
      out: `no findings in 1 file (1 function analysed, ${words})\n`,
      err: '',
    });
  });
});

describe('json', () => {
  it('has positions in characters and what the run showed', async () => {
    const { out } = await gupcheck(folderWith({ 'a.c': `/* 😀 */ ${CALL}\n` }), [
      'lint',
      '--format',
      'json',
      '.',
    ]);
    const { findings, summary } = JSON.parse(out);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({
      code: 'GUP201',
      name: 'write-under-get',
      level: 'error',
      path: 'a.c',
      line: 1,
      column: 9,
      endColumn: 28,
      explanation: { verdict: 'shown', property: 'lost-write' },
    });
    expect(summary).toEqual({
      findings: { error: 1, warning: 0, note: 0 },
      files: 1,
      functions: 1,
      partlyRead: 0,
      cutShort: 0,
    });
  });

  it('has no explanation with --no-explain', async () => {
    const { out } = await gupcheck(folderWith({ 'a.c': CALL }), [
      'lint',
      '--no-explain',
      '--format',
      'json',
      '.',
    ]);
    expect(JSON.parse(out).findings[0]).not.toHaveProperty('explanation');
  });
});

describe('sarif', () => {
  it('is checked by a schema that refuses other documents', () => {
    expect(isSarif({ version: '2.1.0', runs: [{}] })).toBe(false);
  });

  it('is valid, with findings and without', async () => {
    const folder = folderWith({ 'drv/a.c': driver, 'clean/b.c': 'int x;\n' });
    expect((await sarifOf(folder, 'drv')).runs[0]!.results).toHaveLength(1);
    expect((await sarifOf(folder, 'clean')).runs[0]!.results).toEqual([]);
  });

  it('names files relative to the working directory, escaped', async () => {
    const log = await sarifOf(folderWith({ 'my drv/ä#1.c': driver }), '.');
    const run = log.runs[0]!;
    expect(run.results![0]!.locations![0]!.physicalLocation!.artifactLocation).toEqual({
      uri: 'my%20drv/%C3%A4%231.c',
      uriBaseId: 'SRCROOT',
    });
    expect(run.originalUriBaseIds!.SRCROOT!.uri).toMatch(/^file:\/\/\/.*\/$/);
  });

  it('counts columns in characters and says so', async () => {
    const run = (await sarifOf(folderWith({ 'a.c': `/* 😀 */ ${CALL}\n` }), '.')).runs[0]!;
    expect(run.columnKind).toBe('unicodeCodePoints');
    expect(run.results![0]!.locations![0]!.physicalLocation!.region).toEqual({
      startLine: 1,
      startColumn: 9,
      endLine: 1,
      endColumn: 28,
    });
  });

  it('names the enclosing function and the rule', async () => {
    const run = (await sarifOf(folderWith({ 'a.c': driver }), '.')).runs[0]!;
    const result = run.results![0]!;
    expect(result.locations![0]!.logicalLocations).toEqual([{ name: 'f', kind: 'function' }]);
    const rule = run.tool.driver.rules![result.ruleIndex!]!;
    expect(rule).toMatchObject({ id: result.ruleId, defaultConfiguration: { level: 'error' } });
    expect(rule.help!.text).not.toBe('');
    expect(rule.help!.markdown).toContain('# GUP201');
  });

  it('has one thread per actor, in the order of the steps', async () => {
    const run = (await sarifOf(folderWith({ 'a.c': driver }), '.')).runs[0]!;
    const flow = run.results![0]!.codeFlows![0]!;
    expect(flow.threadFlows.map(({ id }) => id)).toEqual(['driver', 'task']);
    expect(flow.threadFlows.map(({ locations }) => locations[0]!.executionOrder)).toEqual([1, 2]);
    // The kernel's step stands where the driver was.
    expect(flow.threadFlows[1]!.locations[0]!.location!.physicalLocation!.region!.startLine).toBe(3);
    expect(flow.threadFlows[1]!.locations[0]!.state!['folio B']!.text).toContain('mapped by parent:0');
  });

  it('gives a finding the same fingerprint when lines move', async () => {
    const of = async (text: string) =>
      (await sarifOf(folderWith({ 'a.c': text }), '.')).runs[0]!.results!.map(
        (each) => each.partialFingerprints,
      );
    const [first, second] = await of(driver + driver);
    expect(await of(`\n\n/* moved */\n${driver}int x;\n${driver}`)).toEqual([first, second]);
    expect(first).not.toEqual(second);
  });

  it('reports what went wrong as notifications', async () => {
    const folder = folderWith({ 'a.c': `/* rule-threw */ ${CALL}\n` });
    const { invocations } = (await sarifOf(folder, 'a.c', 'missing.c')).runs[0]!;
    expect(invocations![0]).toMatchObject({ executionSuccessful: false, exitCode: 2 });
    const texts = invocations![0]!.toolExecutionNotifications!.map(({ message }) => message.text);
    expect(texts).toEqual(['missing.c: no such file or folder; check the path', 'GUP999 failed: oops']);
  });
});
