/** What the other files of a document's folder add to its diagnostics: on opening and on saving, not for each edit. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EXPLAIN_REQUEST, type ExplainResult } from '#shared/messages.ts';
import { ATTACH, DETACH, PIN } from '../attach-detach.ts';
import { Client, FULL, OLD } from './client.ts';

const FOUND = [`GUP301 ${PIN}`];

/** Files in a folder of their own; answers with the URI of each name. */
function folderOf(files: Readonly<Record<string, string>>): (name: string) => string {
  const folder = mkdtempSync(path.join(tmpdir(), 'gupcheck-around-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  return (name) => pathToFileURL(path.join(folder, name)).href;
}

describe('the other files of the folder', () => {
  it('are read after a document was opened: a wrong release elsewhere is told where the pages are acquired', async () => {
    const uri = folderOf({ 'hsm.c': ATTACH, 'vm.c': DETACH });
    const textDocument = { ...FULL.textDocument, codeAction: { disabledSupport: true } };
    const client = await Client.start({ capabilities: { ...FULL, textDocument } });
    await client.open(uri('hsm.c'), ATTACH);
    expect(await client.found(uri('hsm.c'))).toEqual([]);
    await client.until('a refresh', () => client.refreshes > 0);
    expect(await client.found(uri('hsm.c'))).toEqual(FOUND);
    const [diagnostic] = await client.diagnostics(uri('hsm.c'));
    expect(diagnostic!.message).toMatch(/put_page\(\).*This is in vm\.c, line 4\.\nRun: /s);
    expect(diagnostic!.relatedInformation![0]).toMatchObject({
      location: { uri: uri('vm.c'), range: { start: { line: 3, character: 2 } } },
      message: 'what is wrong stands here',
    });
    const actions = await client.actions(uri('hsm.c'), [diagnostic!]);
    expect(actions.filter(({ edit }) => edit !== undefined)).toEqual([]);
    expect(actions.map(({ disabled }) => disabled?.reason).join()).toContain('several files');
    const trace: ExplainResult = await client.connection.sendRequest(EXPLAIN_REQUEST, {
      textDocument: { uri: uri('hsm.c') },
      fingerprint: diagnostic!.data.fingerprint,
    });
    expect(trace.text).toContain('vm.c:4');
    expect(trace.steps.filter(({ range }) => range !== undefined)).toHaveLength(1);
  });

  it('move along with edits, and are forgotten where an edit touches their places', async () => {
    const uri = folderOf({ 'hsm.c': ATTACH, 'vm.c': DETACH });
    const client = await Client.start();
    await client.open(uri('hsm.c'), ATTACH);
    await client.until('a refresh', () => client.refreshes > 0);
    await client.replace(uri('hsm.c'), 'int attach', '/* first */\nint attach');
    expect(await client.found(uri('hsm.c'))).toEqual(FOUND);
    await client.replace(uri('hsm.c'), '\treturn 0;\n', '\treturn m->id;\n');
    expect(await client.found(uri('hsm.c'))).toEqual([]);
    await client.save(uri('hsm.c'));
    await client.until('another refresh', () => client.refreshes > 1);
    expect(await client.found(uri('hsm.c'))).toEqual(FOUND);
  });

  it('count as they are in the editor, when one of them is saved', async () => {
    const uri = folderOf({ 'hsm.c': ATTACH, 'vm.c': DETACH });
    const client = await Client.start();
    await client.open(uri('vm.c'), DETACH);
    await client.open(uri('hsm.c'), ATTACH);
    await client.until('a refresh', () => client.refreshes > 0);
    expect(await client.found(uri('hsm.c'))).toEqual(FOUND);
    await client.replace(uri('vm.c'), 'put_page', 'unpin_user_page');
    await client.save(uri('vm.c'));
    await client.until('another refresh', () => client.refreshes > 1);
    expect(await client.found(uri('hsm.c'))).toEqual([]);
  });

  it('add to what is pushed to a client that cannot pull', async () => {
    const uri = folderOf({ 'hsm.c': ATTACH, 'vm.c': DETACH });
    const client = await Client.start({ capabilities: OLD });
    await client.open(uri('hsm.c'), ATTACH);
    await client.until('a diagnostic', () => client.published.get(uri('hsm.c'))?.diagnostics.length === 1);
  });
});
