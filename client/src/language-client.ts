/** The client library, set up so that nothing it meets becomes a message box. */
import path from 'node:path';
import type * as vscode from 'vscode';
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  type LanguageClientOptions,
  RevealOutputChannelOn,
  type ServerOptions,
  TransportKind,
} from 'vscode-languageclient/node';
import type { ClientAbilities } from '#shared/messages.ts';
import type { Channels } from './log.ts';

/** A client that is not started yet. `died` is called once, when its server ends without having been told to. */
export function createLanguageClient(
  context: vscode.ExtensionContext,
  channels: Channels,
  documents: { readonly language: string; readonly scheme: string }[],
  died: () => void,
): LanguageClient {
  const module = context.asAbsolutePath(path.join('dist', 'server.cjs'));
  const run = { module, transport: TransportKind.ipc } as const;
  const serverOptions: ServerOptions = { run, debug: run };
  const abilities: ClientAbilities = { explainCommand: 'gupcheck.explain' };
  let closed = false;
  const options: LanguageClientOptions = {
    documentSelector: documents,
    initializationOptions: abilities,
    outputChannel: channels.log,
    traceOutputChannel: channels.trace,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    diagnosticPullOptions: { onChange: true },
    initializationFailedHandler: () => false,
    errorHandler: {
      error: () => ({ action: ErrorAction.Continue, handled: true }),
      closed: () => {
        if (!closed) died();
        closed = true;
        return { action: CloseAction.DoNotRestart, handled: true, message: 'the language server is gone' };
      },
    },
  };
  return new LanguageClient('gupcheck', 'gupcheck', serverOptions, options);
}
