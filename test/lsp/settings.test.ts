/** What decides about a document besides its text: settings, headers and the configuration of its project. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  DidChangeConfigurationNotification,
  DidChangeWatchedFilesNotification,
} from 'vscode-languageserver-protocol/node';
import { BAD } from '../write-under-get.ts';
import { Client, OLD } from './client.ts';
import { FOUND, opened, URI } from './opened.ts';

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
