/** The server's log: lines in the client's output channel, never a message box. */
import type { RemoteConsole } from 'vscode-languageserver';

export class Log {
  readonly #console: RemoteConsole;

  constructor(console: RemoteConsole) {
    this.#console = console;
  }

  info(line: string): void {
    this.#console.info(line);
  }

  warn(line: string): void {
    this.#console.warn(line);
  }

  /** Something that must not happen: one line, and the stack for whoever reports it. */
  failed(what: string, error: unknown): void {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#console.error(`${what} failed: ${why}`);
  }
}
