/** The language status item of C files: whether the server runs, with its log one click away. */
import * as vscode from 'vscode';
import { C_DOCUMENTS, type Server, type ServerState } from './server.ts';

const TEXT: Readonly<Record<ServerState, string>> = {
  starting: 'gupcheck: starting',
  running: 'gupcheck',
  waiting: 'gupcheck: restarting',
  failed: 'gupcheck: not running',
  stopped: 'gupcheck: stopped',
};

export function registerStatus(server: Server): vscode.Disposable {
  const item = vscode.languages.createLanguageStatusItem('gupcheck', C_DOCUMENTS);
  item.name = 'gupcheck';
  const show = (state: ServerState) => {
    item.text = TEXT[state];
    item.busy = state === 'starting' || state === 'waiting';
    item.severity =
      state === 'failed' ? vscode.LanguageStatusSeverity.Error : vscode.LanguageStatusSeverity.Information;
    item.command =
      state === 'failed'
        ? { command: 'gupcheck.restart', title: 'Restart' }
        : { command: 'gupcheck.showLog', title: 'Show the log' };
  };
  show(server.state);
  return vscode.Disposable.from(item, server.onDidChangeState(show));
}
