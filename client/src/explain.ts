/** The command "GUP: Explain this finding". */
import * as vscode from 'vscode';
import type { DiagnosticData, ExplainParams } from '#shared/messages.ts';
import { traceUri } from './trace-uri.ts';

/** How long the status bar says that there is nothing to explain, in milliseconds. */
const NOTICE = 5_000;

export function registerExplain(): vscode.Disposable {
  return vscode.commands.registerCommand('gupcheck.explain', async (given?: ExplainParams) => {
    const params = given ?? atCursor();
    if (params === undefined) {
      vscode.window.setStatusBarMessage('gupcheck: no finding here', NOTICE);
      return;
    }
    const document = await vscode.workspace.openTextDocument(traceUri(params));
    await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preview: true });
  });
}

/** The narrowest finding at the cursor, else the first on its line. */
function atCursor(): ExplainParams | undefined {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) return undefined;
  const { uri } = editor.document;
  const { active } = editor.selection;
  const onLine = vscode.languages
    .getDiagnostics(uri)
    .filter(
      ({ source, range }) =>
        source === 'gupcheck' && range.start.line <= active.line && active.line <= range.end.line,
    );
  const finding = onLine.find(({ range }) => range.contains(active)) ?? onLine[0];
  if (finding === undefined) return undefined;
  const fingerprint = (finding as { data?: Partial<DiagnosticData> }).data?.fingerprint;
  const { line, character } = finding.range.start;
  return {
    textDocument: { uri: uri.toString() },
    ...(fingerprint === undefined ? { position: { line, character } } : { fingerprint }),
  };
}
