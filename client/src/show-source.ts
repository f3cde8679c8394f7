/** Shows a place of the source in the editor that has it open, so that a trace beside it stays where it is. */
import * as vscode from 'vscode';
import type { Range } from '#shared/messages.ts';

const COMMAND = 'gupcheck.showSource';

/** A link's target: the command, with the place. */
export function showSourceUri(source: string, range: Range): vscode.Uri {
  return vscode.Uri.from({
    scheme: 'command',
    path: COMMAND,
    query: JSON.stringify([source, range.start.line, range.start.character]),
  });
}

export function registerShowSource(): vscode.Disposable {
  return vscode.commands.registerCommand(COMMAND, async (source: string, line: number, character: number) => {
    const uri = vscode.Uri.parse(source);
    const open = vscode.window.visibleTextEditors.find(({ document }) => document.uri.toString() === source);
    const at = new vscode.Position(line, character);
    await vscode.window.showTextDocument(uri, {
      viewColumn: open?.viewColumn ?? vscode.ViewColumn.One,
      selection: new vscode.Range(at, at),
    });
  });
}
