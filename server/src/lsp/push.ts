/** Diagnostics for clients that cannot pull them: sent when a document opens, and when its user pauses. */

import { toDiagnostic } from './diagnostics.ts';
import type { Session } from './session.ts';
import { analysedDocument } from './session.ts';

/** Milliseconds without an edit before a document is analysed. */
export const PAUSE = 100;

export class Pusher {
  readonly #session: Session;
  readonly #waiting = new Map<string, NodeJS.Timeout>();

  constructor(session: Session) {
    this.#session = session;
  }

  soon(uri: string, delay = PAUSE): void {
    clearTimeout(this.#waiting.get(uri));
    const timer = setTimeout(() => {
      this.#waiting.delete(uri);
      this.#send(uri).catch((error: unknown) => this.#session.log.failed('publishing diagnostics', error));
    }, delay);
    this.#waiting.set(uri, timer);
  }

  clear(uri: string): void {
    clearTimeout(this.#waiting.get(uri));
    this.#waiting.delete(uri);
    void this.#session.connection.sendDiagnostics({ uri, diagnostics: [] });
  }

  async #send(uri: string): Promise<void> {
    const { connection, client, documents } = this.#session;
    const found = await analysedDocument(this.#session, uri);
    const document = documents.get(uri);
    if (document === undefined) return;
    const findings = found?.analysed.findings ?? [];
    const diagnostics = findings.map((finding) => toDiagnostic(document, finding, client));
    await connection.sendDiagnostics({ uri, version: document.version, diagnostics });
  }
}
