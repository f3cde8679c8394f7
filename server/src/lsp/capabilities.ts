/** What the server tells the client that it can do. */
import { CodeActionKind, type ServerCapabilities, TextDocumentSyncKind } from 'vscode-languageserver';
import type { Client } from './client.ts';

/** Answer to `initialize`. Diagnostics are offered for pulling only to clients that pull; others get them pushed. */
export function capabilitiesFor(client: Client): ServerCapabilities {
  return {
    positionEncoding: 'utf-16',
    textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental, save: true },
    hoverProvider: true,
    codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix] },
    ...(client.pullsDiagnostics && {
      diagnosticProvider: {
        identifier: 'gupcheck',
        interFileDependencies: false,
        workspaceDiagnostics: false,
      },
    }),
  };
}
