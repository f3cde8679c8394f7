/// <reference types="mocha" />
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { codeOf, codes, equal, eventually, findings, folder, found, replace, show } from './support.ts';

const BAD = 'status_page.c';

/** Processes that run the extension's server, started by this extension host. */
function servers(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        return command.includes('dist/server.cjs') && status.includes(`PPid:\t${process.pid}\n`);
      } catch {
        return false;
      }
    });
}

function actionsFor(uri: vscode.Uri): Thenable<vscode.CodeAction[]> {
  const { range } = findings(uri)[0]!;
  return vscode.commands.executeCommand('vscode.executeCodeActionProvider', uri, range, 'quickfix');
}

suite('gupcheck', () => {
  suiteTeardown(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));

  test('starts with the first C file, at once', async () => {
    const extension = vscode.extensions.getExtension('gupcheck.gupcheck')!;
    equal(extension.isActive, false);
    const start = performance.now();
    await extension.activate();
    const took = performance.now() - start;
    console.log(`  info activation: ${took.toFixed(0)} ms`);
    // The bench has the figure; here it must only not wait for the server.
    equal(took < 1_000, true);
  });

  test('shows a finding with its page and the places that it speaks of', async () => {
    const start = performance.now();
    const document = await show(BAD);
    await found(document.uri, ['GUP201']);
    console.log(`  info first finding: ${(performance.now() - start).toFixed(0)} ms after opening`);
    const finding = findings(document.uri)[0]!;
    equal(finding.severity, vscode.DiagnosticSeverity.Error);
    equal(document.getText(finding.range), 'get_user_pages_fast(sp->uaddr, 1, FOLL_WRITE, &page)');
    const page = (finding.code as { target: vscode.Uri }).target;
    equal(/GUP201\.md$/.test(page.path), true);
    const lines = finding.relatedInformation!.map(({ location }) => location.range.start.line + 1);
    equal(lines, [26, 30, 21, 26, 29, 30]);
  });

  test('says in a hover what a function does to the counters', async () => {
    const document = await show(BAD);
    const at = document.positionAt(document.getText().indexOf('get_user_pages_fast') + 3);
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
      'vscode.executeHoverProvider',
      document.uri,
      at,
    );
    const text = hovers
      .flatMap(({ contents }) => contents.map((part) => (typeof part === 'string' ? part : part.value)))
      .join('\n');
    equal(/refcount.*\+1 for each page/.test(text), true);
  });

  test('fixes the finding, and has it again after undo', async () => {
    const document = await show(BAD);
    await found(document.uri, ['GUP201']);
    const actions = await actionsFor(document.uri);
    const fix = actions.find(({ title }) => title.startsWith('Use pin_user_pages_fast()'))!;
    equal(fix.isPreferred, true);
    equal(await vscode.workspace.applyEdit(fix.edit!), true);
    await found(document.uri, []);
    equal(document.getText().includes('unpin_user_pages_dirty_lock(&page, 1, true);'), true);
    await vscode.commands.executeCommand('undo');
    await found(document.uri, ['GUP201']);
  });

  test('explains the finding in a document of its own, with links to the source', async () => {
    const document = await show(BAD);
    await found(document.uri, ['GUP201']);
    const explain = (await actionsFor(document.uri)).find(({ title }) => title === 'Explain this finding')!;
    await vscode.commands.executeCommand(explain.command!.command, ...explain.command!.arguments!);
    const trace = vscode.window.activeTextEditor!.document;
    equal([trace.uri.scheme, trace.languageId], ['gupcheck-trace', 'gup-trace']);
    equal(trace.getText().includes('What happens'), true);
    const links = await vscode.commands.executeCommand<vscode.DocumentLink[]>(
      'vscode.executeLinkProvider',
      trace.uri,
    );
    const targets = links.map(({ target }) => JSON.parse(target!.query) as [string, number, number]);
    equal(
      targets.map(([source, line]) => [source, line + 1]),
      [21, 26, 30, 21, 26, 29, 30].map((line) => [document.uri.toString(), line]),
    );
    await vscode.commands.executeCommand(links[2]!.target!.path, ...targets[2]!);
    const editor = vscode.window.activeTextEditor!;
    equal([editor.document.uri.toString(), editor.selection.active.line], [document.uri.toString(), 29]);
    equal(vscode.window.visibleTextEditors.length, 2);
    await vscode.window.showTextDocument(trace);
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });

  test('explains what is at the cursor, by command', async () => {
    const document = await show(BAD);
    await found(document.uri, ['GUP201']);
    const { start } = findings(document.uri)[0]!.range;
    vscode.window.activeTextEditor!.selection = new vscode.Selection(start, start);
    await vscode.commands.executeCommand('gupcheck.explain');
    equal(vscode.window.activeTextEditor!.document.languageId, 'gup-trace');
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });

  test('follows its settings, and takes no harm from nonsense in them', async () => {
    const document = await show(BAD);
    await found(document.uri, ['GUP201']);
    const settings = vscode.workspace.getConfiguration('gupcheck');
    const set = (name: string, value: unknown) =>
      settings.update(name, value, vscode.ConfigurationTarget.Workspace);
    await set('rules', { GUP201: 'off' });
    await found(document.uri, []);
    await set('rules', 'GUP201');
    await set('level', 17);
    await found(document.uri, ['GUP201']);
    await set('rules', undefined);
    await set('level', undefined);
  });

  test('keeps up with typing, and with code that is half typed', async () => {
    const document = await show(BAD);
    await found(document.uri, ['GUP201']);
    await replace(document, 'put_page(page)', 'put_page(pa');
    await replace(document, 'put_page(pa', 'put_page(page)');
    await replace(document, 'get_user_pages_fast', 'pin_user_pages_fast');
    await found(document.uri, ['GUP301']);
    await replace(document, 'pin_user_pages_fast', 'get_user_pages_fast');
    await found(document.uri, ['GUP201']);
    await vscode.commands.executeCommand('workbench.action.files.revert');
  });

  test('starts its server again when that is killed', async () => {
    const document = await show(BAD);
    await found(document.uri, ['GUP201']);
    const [before, ...others] = servers();
    equal([typeof before, others], ['number', []]);
    process.kill(before!, 'SIGKILL');
    await found(document.uri, []);
    await found(document.uri, ['GUP201']);
    equal(servers().includes(before!), false);
    equal(servers().length, 1);
  });

  test('is restarted by command', async () => {
    const document = await show(BAD);
    const [before] = servers();
    await vscode.commands.executeCommand('gupcheck.restart');
    await eventually(servers, (now) => now.length === 1 && now[0] !== before);
    await found(document.uri, ['GUP201']);
  });

  test('has nothing to say of a file that is deleted while it is open', async () => {
    const name = 'deleted.c';
    const file = path.join(folder().fsPath, name);
    writeFileSync(file, readFileSync(path.join(folder().fsPath, BAD)));
    const document = await show(name);
    await found(document.uri, ['GUP201']);
    rmSync(file);
    await found(document.uri, []);
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });

  test('leaves a file of 5 MB alone', async () => {
    const bad = readFileSync(path.join(folder().fsPath, BAD), 'utf8');
    writeFileSync(path.join(folder().fsPath, 'large.c'), bad + '/* padding */\n'.repeat(360_000));
    const document = await show('large.c');
    await replace(document, 'struct page *page', 'struct page  *page');
    const small = await show(BAD);
    await found(small.uri, ['GUP201']);
    equal(codes(document.uri), []);
  });

  test('finds in the other example what the command line finds', async () => {
    const document = await show('ring_buffer.c');
    await found(document.uri, ['GUP301', 'GUP101']);
    equal(
      findings(document.uri).map((finding) => `${codeOf(finding)} ${finding.range.start.line + 1}`),
      ['GUP301 19', 'GUP101 45'],
    );
  });
});
