/** Diagnostics of the language server as a process, over standard input and output. */
import { describe, expect, it } from 'vitest';
import { DidChangeWatchedFilesNotification } from 'vscode-languageserver-protocol/node';
import { BAD } from '../write-under-get.ts';
import { Client, OLD } from './client.ts';
import { CALL, FOUND, FUNCTIONS, MANY, opened, URI } from './opened.ts';

describe('diagnostics', () => {
  it('carry the place, the code with its page, the run, and what an action needs', async () => {
    const client = await opened();
    const [diagnostic, ...others] = await client.diagnostics(URI);
    expect(others).toEqual([]);
    expect(diagnostic).toMatchObject({
      range: { start: { line: 4, character: 11 }, end: { line: 4, character: 11 + CALL.length } },
      severity: 1,
      code: 'GUP201',
      codeDescription: { href: expect.stringMatching(/^https:.*GUP201\.md$/) },
      source: 'gupcheck',
      data: { fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/) },
    });
    expect(diagnostic!.message).toMatch(/CASE 5.*\nRun: private anonymous memory/s);
    const related = diagnostic!.relatedInformation!.map(
      ({ location, message }) => `${location.range.start.line + 1}: ${message}`,
    );
    expect(related.slice(0, 2)).toEqual([
      '10: the data is written here',
      '13: the reference is dropped here',
    ]);
    expect(related.slice(2)).toEqual([
      expect.stringMatching(/^5: run, step 1: get_user_pages_fast\(.*\) = 1: /),
      expect.stringMatching(/^10: run, step \d: write to pages\[0\]: /),
      expect.stringMatching(/^12: run, step \d: set_page_dirty_lock/),
      expect.stringMatching(/^13: run, step \d: put_page/),
    ]);
  });

  it('are unchanged while the document is', async () => {
    const client = await opened();
    const first = await client.pull(URI);
    const again = await client.pull(URI, first.kind === 'full' ? first.resultId : undefined);
    expect(again).toEqual({ kind: 'unchanged', resultId: first.resultId });
    await client.replace(URI, 'char *p', 'u8 *p');
    expect((await client.pull(URI, first.resultId)).kind).toBe('full');
  });

  it('follow each edit', async () => {
    const client = await opened();
    expect(await client.found(URI)).toEqual(FOUND);
    await client.replace(URI, 'int fill', '/* new\n lines */\nint fill');
    expect(await client.found(URI)).toEqual(FOUND);
    await client.replace(
      URI,
      '\tset_page_dirty_lock(page);\n\tput_page(page);',
      '\tunpin_user_pages_dirty_lock(&page, 1, true);',
    );
    await client.replace(URI, 'get_user', 'pin_user');
    expect(await client.found(URI)).toEqual([]);
    await client.replace(
      URI,
      'unpin_user_pages_dirty_lock(&page, 1, true)',
      'set_page_dirty_lock(page);put_page(page)',
    );
    expect(await client.found(URI)).toEqual(['GUP301 put_page(page)']);
  });

  it('survive every half of a text that is typed', async () => {
    const client = await opened('');
    for (let at = 0; at < BAD.length; at += 7) {
      const end = client.document(URI).positionAt(at);
      await client.change(URI, [{ range: { start: end, end }, newText: BAD.slice(at, at + 7) }]);
      await client.found(URI);
    }
    expect(client.document(URI).getText()).toBe(BAD);
    expect(await client.found(URI)).toEqual(FOUND);
    expect(client.log).toEqual([]);
  });

  it.each([
    ['CRLF', BAD.replaceAll('\n', '\r\n'), [4, 11]],
    ['lone CR', BAD.replaceAll('\n', '\r'), [4, 11]],
    ['characters of two UTF-16 units', BAD.replace('int ret', '/* 𝄞😀 */ int ret'), [4, 11 + 11]],
    ['a character of three bytes', BAD.replace('int ret', '/* 漢 */ int ret'), [4, 11 + 8]],
    ['a byte order mark', `\ufeff${BAD}`, [4, 11]],
  ] as const)('stand at the right place with %s', async (_what, text, [line, character]) => {
    const client = await opened(text);
    expect((await client.diagnostics(URI)).map(({ range }) => range.start)).toEqual([{ line, character }]);
  });

  it('are pushed to a client that does not pull, and cleared when the document closes', async () => {
    const client = await opened(BAD, { capabilities: OLD });
    await client.until('diagnostics', () => client.published.get(URI)?.diagnostics.length === 1);
    await client.replace(URI, 'get_user', 'pin_user');
    await client.until('diagnostics of version 2', () => client.published.get(URI)?.version === 2);
    expect(client.published.get(URI)!.diagnostics.map(({ code }) => code)).toEqual(['GUP301']);
    expect(client.published.get(URI)!.diagnostics[0]).not.toHaveProperty('relatedInformation');
    await client.close(URI);
    await client.until('no diagnostics', () => client.published.get(URI)?.diagnostics.length === 0);
  });

  it.each([0, 7])('are pushed whatever the number of the first version: %i', async (version) => {
    const client = await Client.start({ capabilities: OLD });
    await client.open(URI, BAD, version);
    await client.until('diagnostics', () => client.published.get(URI)?.version === version);
    await client.replace(URI, 'get_user', 'pin_user');
    await client.until('the next', () => client.published.get(URI)?.version === version + 1);
  });

  it('of a file that is deleted go, and come back with it', async () => {
    const client = await opened(BAD, { capabilities: OLD });
    const told = (type: 1 | 3) =>
      client.connection.sendNotification(DidChangeWatchedFilesNotification.type, {
        changes: [{ uri: URI, type }],
      });
    await client.until('diagnostics', () => client.published.get(URI)?.diagnostics.length === 1);
    await told(3);
    await client.until('no diagnostics', () => client.published.get(URI)?.diagnostics.length === 0);
    await told(1);
    await client.until('diagnostics', () => client.published.get(URI)?.diagnostics.length === 1);
  });

  it('of a document that is not open are none', async () => {
    const client = await Client.start();
    expect(await client.pull('untitled:nowhere.c')).toMatchObject({ items: [] });
    expect(client.log).toEqual([]);
  });

  it('of a document of more than 2 MB are none, with one line in the log', async () => {
    const client = await opened(`${BAD}${'/* padding */\n'.repeat(400_000)}`);
    expect(await client.found(URI)).toEqual([]);
    await client.replace(URI, 'char *p', 'u8 *p');
    expect(await client.found(URI)).toEqual([]);
    expect(client.log).toEqual([`${URI}: larger than 2 MB, not analysed`]);
  });

  it('are not made for a request that is cancelled', async () => {
    const client = await opened(MANY);
    const { CancellationTokenSource, DocumentDiagnosticRequest } = await import(
      'vscode-languageserver-protocol/node'
    );
    const source = new CancellationTokenSource();
    const answer = client.connection.sendRequest(
      DocumentDiagnosticRequest.type,
      { textDocument: { uri: URI } },
      source.token,
    );
    source.cancel();
    await expect(answer).rejects.toMatchObject({ code: -32800 });
    expect(await client.found(URI)).toHaveLength(FUNCTIONS);
    expect(client.log).toEqual([]);
  });

  it('are about the newest text when it is edited while they are made', async () => {
    const client = await opened(MANY);
    const answer = client.diagnostics(URI);
    await client.replace(URI, 'get_user_pages_fast', 'get_user_pages_slow');
    expect(await answer).toHaveLength(FUNCTIONS - 1);
    expect(client.log).toEqual([]);
  });
});
