/** The VS Code extension: starts the language server, shows its state and its explanations. */
import type * as vscode from 'vscode';
import { registerExplain } from './explain.ts';
import { Channels } from './log.ts';
import { registerServerCommands, Server } from './server.ts';
import { registerStatus } from './status.ts';
import { registerTraces } from './trace-document.ts';

let running: Server | undefined;

/** Returns before the server runs, so that opening a C file waits for nothing. */
export function activate(context: vscode.ExtensionContext): void {
  const channels = new Channels();
  const server = new Server(context, channels);
  running = server;
  context.subscriptions.push(
    channels,
    ...registerServerCommands(server, channels),
    registerStatus(server),
    ...registerTraces(server),
    registerExplain(),
  );
  server.start();
}

export async function deactivate(): Promise<void> {
  await running?.stop();
}
