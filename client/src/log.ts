/** The output channels: what gupcheck says, and the protocol's messages (made when first asked for). */
import * as vscode from 'vscode';

export class Channels implements vscode.Disposable {
  readonly log = vscode.window.createOutputChannel('gupcheck', { log: true });
  #trace: vscode.LogOutputChannel | undefined;

  /** Filled while its level is Trace. */
  get trace(): vscode.LogOutputChannel {
    this.#trace ??= vscode.window.createOutputChannel('gupcheck: protocol', { log: true });
    return this.#trace;
  }

  dispose(): void {
    this.log.dispose();
    this.#trace?.dispose();
  }
}
