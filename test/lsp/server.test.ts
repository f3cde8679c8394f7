/** The language server as a process, over standard input and output: every handler. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  CodeActionRequest,
  DidChangeConfigurationNotification,
  DidChangeWatchedFilesNotification,
  type Hover,
  HoverRequest,
  type WorkspaceEdit,
} from 'vscode-languageserver-protocol/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { EXPLAIN_REQUEST, type ExplainResult } from '#shared/messages.ts';
import { Client, FULL, OLD, root } from './client.ts';

/** A function that writes to user pages under a plain reference: GUP201. */
const BAD = `int fill(unsigned long addr)
{
	struct page *page;
	char *p;
	int ret = get_user_pages_fast(addr, 1, FOLL_WRITE, &page);

	if (ret != 1)
		return -EFAULT;
	p = kmap_local_page(page);
	memset(p, 0, PAGE_SIZE);
	kunmap_local(p);
	set_page_dirty_lock(page);
	put_page(page);
	return 0;
}
`;
const CALL = 'get_user_pages_fast(addr, 1, FOLL_WRITE, &page)';
const FOUND = [`GUP201 ${CALL}`];
const URI = 'untitled:a.c';

/** So many functions that their analysis takes several turns of the server. */
const FUNCTIONS = 80;
const MANY = Array.from({ length: FUNCTIONS }, (_, i) => BAD.replace('fill', `fill${i}`)).join('\n');

async function opened(text = BAD, options = {}): Promise<Client> {
  const client = await Client.start(options);
  await client.open(URI, text);
  return client;
}

function edited(client: Client, edit: WorkspaceEdit | undefined): string {
  const change = edit?.documentChanges?.[0];
  const edits = change !== undefined && 'edits' in change ? change.edits : (edit?.changes?.[URI] ?? []);
  return TextDocument.applyEdits(
    client.document(URI),
    edits.map((each) => ({ range: each.range, newText: 'newText' in each ? each.newText : '' })),
  );
}

describe('initialize', () => {
  it('offers what it can do', async () => {
    const client = await Client.start();
    expect(client.initialized.serverInfo).toEqual({
      name: 'gupcheck',
      version: expect.stringMatching(/^\d+\./),
    });
    expect(client.initialized.capabilities).toMatchInlineSnapshot(`
      {
        "codeActionProvider": {
          "codeActionKinds": [
            "quickfix",
          ],
        },
        "diagnosticProvider": {
          "identifier": "gupcheck",
          "interFileDependencies": false,
          "workspaceDiagnostics": false,
        },
        "hoverProvider": true,
        "positionEncoding": "utf-16",
        "textDocumentSync": {
          "change": 2,
          "openClose": true,
        },
      }
    `);
  });

  it('offers no diagnostics for pulling to a client that cannot pull', async () => {
    const client = await Client.start({ capabilities: OLD });
    expect(client.initialized.capabilities).toMatchInlineSnapshot(`
      {
        "codeActionProvider": {
          "codeActionKinds": [
            "quickfix",
          ],
        },
        "hoverProvider": true,
        "positionEncoding": "utf-16",
        "textDocumentSync": {
          "change": 2,
          "openClose": true,
        },
      }
    `);
  });

  it('asks for the notifications that it needs', async () => {
    const client = await Client.start();
    await client.until('registrations', () => client.registered.length === 2);
    expect(client.registered).toEqual([
      'workspace/didChangeConfiguration',
      'workspace/didChangeWatchedFiles',
    ]);
  });

  it('serves from the bundle of the extension as well, without the native parser', async () => {
    const client = await opened(BAD, {
      command: [path.join(root, 'dist/server.cjs'), '--stdio'],
      env: { GUPCHECK_PARSER: 'wasm' },
    });
    expect(await client.found(URI)).toEqual(FOUND);
  });

  it('ends when it is told to', async () => {
    const client = await Client.start();
    expect(await client.stop()).toBe(0);
  });
});

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

describe('code actions', () => {
  it('fix a finding so that it is gone, and explain it', async () => {
    const client = await opened();
    const actions = await client.actions(URI, await client.diagnostics(URI));
    expect(actions.map(({ title, kind, isPreferred }) => [title, kind, isPreferred])).toEqual([
      ['Use pin_user_pages_fast() and unpin_user_pages_dirty_lock()', 'quickfix', true],
      ['Explain this finding', 'quickfix', undefined],
    ]);
    const text = edited(client, actions[0]!.edit);
    expect(text).toBe(
      BAD.replace('get_user_pages_fast', 'pin_user_pages_fast').replace(
        '\tset_page_dirty_lock(page);\n\tput_page(page);',
        '\tunpin_user_pages_dirty_lock(&page, 1, true);',
      ),
    );
    expect(actions[0]!.edit!.documentChanges).toMatchObject([{ textDocument: { uri: URI, version: 1 } }]);
    const data = actions[0]!.diagnostics![0]!.data as { fingerprint: string };
    expect(actions[1]!.command).toEqual({
      title: 'Explain this finding',
      command: 'gupcheck.explain',
      arguments: [{ textDocument: { uri: URI }, fingerprint: data.fingerprint }],
    });
    await client.open('untitled:fixed.c', text);
    expect(await client.found('untitled:fixed.c')).toEqual([]);
  });

  it('are plain changes, without the explanation, for a client that knows neither', async () => {
    const client = await Client.start({ capabilities: OLD, initializationOptions: {} });
    await client.open(URI, BAD);
    await client.until('diagnostics', () => client.published.get(URI)?.diagnostics.length === 1);
    const actions = await client.actions(URI, client.published.get(URI)!.diagnostics);
    expect(actions.map(({ edit }) => Object.keys(edit?.changes ?? {}))).toEqual([[URI]]);
  });

  it('are none for what others found, for other kinds of actions, and after the finding is gone', async () => {
    const client = await opened();
    const [diagnostic] = await client.diagnostics(URI);
    expect(await client.actions(URI, [{ ...diagnostic!, source: 'clang' }])).toEqual([]);
    const refactorings = await client.connection.sendRequest(CodeActionRequest.type, {
      textDocument: { uri: URI },
      range: diagnostic!.range,
      context: { diagnostics: [diagnostic!], only: ['refactor'] },
    });
    expect(refactorings).toEqual([]);
    await client.replace(URI, 'get_user_pages_fast', 'something');
    expect(await client.actions(URI, [diagnostic!])).toEqual([]);
  });
});

describe('hover', () => {
  const hoverOn = async (client: Client, name: string): Promise<Hover | null> =>
    client.connection.sendRequest(HoverRequest.type, {
      textDocument: { uri: URI },
      position: client.at(URI, name),
    });

  it.each(['get_user_pages_fast', 'FOLL_WRITE', 'put_page', 'set_page_dirty_lock'])(
    'explains %s',
    async (name) => {
      const client = await opened();
      const hover = await hoverOn(client, name);
      expect(client.document(URI).getText(hover!.range)).toBe(name);
      expect(hover!.contents).toMatchObject({ kind: 'markdown', value: expect.stringContaining(name) });
    },
  );

  it('says nothing of other names, and nothing where there is no name', async () => {
    const client = await opened();
    expect(await hoverOn(client, 'memset')).toBeNull();
    expect(await hoverOn(client, '\n\n')).toBeNull();
  });

  it('is plain text for a client that wants it', async () => {
    const client = await opened(BAD, { capabilities: OLD });
    const hover = await hoverOn(client, 'put_page');
    expect(hover!.contents).toEqual({
      kind: 'plaintext',
      value: expect.stringMatching(/^void put_page.*refcount: -1/s),
    });
  });
});

describe('gupcheck/explain', () => {
  const explain = (client: Client, params: object): Promise<ExplainResult | null> =>
    client.connection.sendRequest(EXPLAIN_REQUEST, { textDocument: { uri: URI }, ...params });

  it('answers with the text of gupcheck why, its steps and their places', async () => {
    const client = await opened();
    const [diagnostic] = await client.diagnostics(URI);
    const result = await explain(client, {
      fingerprint: (diagnostic!.data as { fingerprint: string }).fingerprint,
    });
    expect(result).toMatchObject({ code: 'GUP201', title: expect.stringMatching(/^GUP201 .*a\.c:5$/) });
    expect(result!.text).toContain('What happens');
    expect(result!.text).toContain('Damage (lost-write)');
    const lines = result!.text.split('\n');
    for (const { range, target } of result!.links) {
      const place = lines[range.start.line]!.slice(range.start.character, range.end.character);
      expect(place).toMatch(new RegExp(`a\\.c:${target.start.line + 1}(:\\d+)?$`));
    }
    expect(result!.links.map(({ target }) => target.start.line + 1)).toEqual([5, 10, 13, 5, 10, 12, 13]);
    const driver = result!.steps.filter(({ actor }) => actor === 'driver');
    expect(driver.map(({ range }) => range?.start.line)).toEqual([4, 9, 11, 12, undefined]);
  });

  it('finds the finding at a place, or on its line', async () => {
    const client = await opened();
    expect((await explain(client, { position: client.at(URI, CALL, 5) }))?.code).toBe('GUP201');
    expect((await explain(client, { position: client.at(URI, 'int ret', 0) }))?.code).toBe('GUP201');
    expect(await explain(client, { position: client.at(URI, 'memset') })).toBeNull();
    expect(await explain(client, { fingerprint: '0123456789abcdef' })).toBeNull();
    expect(await explain(client, {})).toBeNull();
  });
});

describe('settings', () => {
  const changed = (client: Client) =>
    client.connection.sendNotification(DidChangeConfigurationNotification.type, { settings: null });

  it('are those of the resource', async () => {
    const client = await Client.start({
      settings: (uri) => (uri === URI ? { rules: { GUP201: 'off' } } : { rules: { GUP201: 'warning' } }),
    });
    await client.open(URI, BAD);
    await client.open('untitled:b.c', BAD);
    expect(await client.found(URI)).toEqual([]);
    expect((await client.diagnostics('untitled:b.c')).map(({ severity }) => severity)).toEqual([2]);
  });

  it('count from when they change', async () => {
    const client = await opened();
    expect(await client.found(URI)).toEqual(FOUND);
    client.settings = () => ({ level: 'error', rules: { GUP201: 'note' } });
    await changed(client);
    expect(await client.found(URI)).toEqual([]);
    await client.until('a refresh', () => client.refreshes === 1);
  });

  it('of the wrong type are replaced by the defaults, with one line each', async () => {
    const client = await opened(BAD, {
      settings: () => ({ kernel: 6.12, level: 'loud', rules: { GUP201: true, GUP999: 'off' } }),
    });
    await client.open('untitled:b.c', BAD);
    expect(await client.found(URI)).toEqual(FOUND);
    expect(await client.found('untitled:b.c')).toEqual(FOUND);
    expect(client.log).toEqual([
      'setting gupcheck.kernel: 6.12 is not a release such as "6.12"; taking that of the tree around the file',
      'setting gupcheck.level: "loud" is none of error, warning, note; using warning',
      "setting gupcheck.rules: true for GUP201 is none of off, error, warning, note; using the rule's own level",
      'setting gupcheck.rules: there is no rule "GUP999"; ignoring it',
    ]);
  });

  it.each([
    ['nothing', null],
    ['a list', []],
    ['a number', 7],
    ['rules that are no object', { rules: 'GUP201' }],
  ])('may be %s', async (_what, settings) => {
    const client = await opened(BAD, { settings: () => settings });
    expect(await client.found(URI)).toEqual(FOUND);
    expect(client.log.length).toBeLessThanOrEqual(1);
  });

  it('may come with the notification, from a client that does not answer for them', async () => {
    const client = await opened(BAD, { capabilities: OLD });
    await client.until('diagnostics', () => client.published.get(URI)?.diagnostics.length === 1);
    await client.connection.sendNotification(DidChangeConfigurationNotification.type, {
      settings: { gupcheck: { rules: { GUP201: 'off' } } },
    });
    await client.until('no diagnostics', () => client.published.get(URI)?.diagnostics.length === 0);
  });

  it('choose the kernel release; without one the tree decides', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'gupcheck-lsp-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(path.join(folder, 'drivers'));
    const makefile = path.join(folder, 'Makefile');
    writeFileSync(makefile, 'VERSION = 5\nPATCHLEVEL = 4\nSUBLEVEL = 0\n');
    const uri = pathToFileURL(path.join(folder, 'drivers', 'a.c')).href;
    // Pins exist since 5.6: nothing is to be said of their release before.
    const pinned = BAD.replace('get_user', 'pin_user');
    const client = await Client.start();
    const mismatched = async () => (await client.found(uri)).filter((each) => each.startsWith('GUP301'));
    await client.open(uri, pinned);
    expect(await mismatched()).toEqual([]);
    writeFileSync(makefile, 'VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 0\n');
    await client.connection.sendNotification(DidChangeWatchedFilesNotification.type, {
      changes: [{ uri: pathToFileURL(makefile).href, type: 2 }],
    });
    expect(await mismatched()).toEqual(['GUP301 put_page(page)']);
    client.settings = () => ({ kernel: '5.4' });
    await changed(client);
    expect(await mismatched()).toEqual([]);
  });
});

describe('a server that is asked for what is not there', () => {
  it('answers and goes on', async () => {
    const client = await Client.start({ capabilities: FULL });
    await expect(client.connection.sendRequest('gupcheck/nonsense', {})).rejects.toMatchObject({
      code: -32601,
    });
    expect(await client.connection.sendRequest(EXPLAIN_REQUEST, {})).toBeNull();
    expect(client.log).toEqual([expect.stringMatching(/^gupcheck\/explain failed: /)]);
    await client.open(URI, BAD);
    expect(await client.found(URI)).toEqual(FOUND);
  });

  it('says what is missing without --stdio', async () => {
    const { spawnSync } = await import('node:child_process');
    const ran = spawnSync(process.execPath, [path.join(root, 'dist/gupcheck.cjs'), 'lsp'], {
      encoding: 'utf8',
    });
    expect(ran).toMatchObject({
      status: 2,
      stdout: '',
      stderr: 'gupcheck: lsp: no channel; write gupcheck lsp --stdio\n',
    });
  });
});

describe('a header of the project', () => {
  it('counts as it is in the editor, before it is saved', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'gupcheck-header-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const uriOf = (name: string) => pathToFileURL(path.join(folder, name)).href;
    const wrapper = (call: string) => `#define MY_PIN(a, page) ${call}(a, 1, 0, page)\n`;
    const code = `#include "my.h"
int f(unsigned long a)
{
	struct page *page;

	if (MY_PIN(a, &page) != 1)
		return -EFAULT;
	put_page(page);
	return 0;
}
`;
    writeFileSync(path.join(folder, 'my.h'), wrapper('pin_user_pages_fast'));
    writeFileSync(path.join(folder, 'a.c'), code);
    const client = await Client.start();
    await client.open(uriOf('a.c'), code);
    expect(await client.found(uriOf('a.c'))).toEqual(['GUP301 put_page(page)']);
    await client.open(uriOf('my.h'), wrapper('pin_user_pages_fast'));
    await client.replace(uriOf('my.h'), 'pin_user', 'get_user');
    await client.until('a refresh', () => client.refreshes > 0);
    expect(await client.found(uriOf('a.c'))).toEqual([]);
    await client.close(uriOf('my.h'));
    await client.until('another refresh', () => client.refreshes > 1);
    expect(await client.found(uriOf('a.c'))).toEqual(['GUP301 put_page(page)']);
  });
});

describe('a configuration of the project', () => {
  it('counts for its documents, and says what is wrong with it', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'gupcheck-config-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = path.join(folder, '.gupcheck.json');
    const uri = pathToFileURL(path.join(folder, 'a.c')).href;
    const change = async (text: string): Promise<void> => {
      writeFileSync(file, text);
      await client.connection.sendNotification(DidChangeWatchedFilesNotification.type, {
        changes: [{ uri: pathToFileURL(file).href, type: 2 }],
      });
    };
    writeFileSync(file, '{ "rules": { "GUP201": "off" } }');
    const client = await Client.start();
    await client.open(uri, BAD);
    expect(await client.found(uri)).toEqual([]);
    await change('{ "rulez": {} }');
    expect(await client.found(uri)).toEqual(FOUND);
    const complaint = `${file}:1:3: there is no "rulez"; did you mean rules?`;
    expect(client.log.filter((line) => line.startsWith('POP-UP'))).toEqual([
      `POP-UP: gupcheck: ${complaint}`,
    ]);
    await change('{ "exclude": ["*.c"] }');
    expect(await client.found(uri)).toEqual([]);
    expect(client.log.filter((line) => line.startsWith('POP-UP'))).toHaveLength(1);
  });
});
