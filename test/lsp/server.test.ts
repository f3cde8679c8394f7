/** The language server as a process, over standard input and output: what it offers, and what it answers. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CodeActionRequest, type Hover, HoverRequest } from 'vscode-languageserver-protocol/node';
import { EXPLAIN_REQUEST, type ExplainResult } from '#shared/messages.ts';
import { BAD } from '../write-under-get.ts';
import { Client, FULL, OLD, root } from './client.ts';
import { CALL, edited, FOUND, opened, URI } from './opened.ts';

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
          "save": true,
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
          "save": true,
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
