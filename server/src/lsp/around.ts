/** When the other files of a document's folder are read: after it was opened, and after one of them was saved. */
import path from 'node:path';
import { fileOf } from './analyses.ts';
import { analysedDocument, type Session } from './session.ts';

/** Milliseconds after opening or saving: what is asked for first is answered first. */
const REST = 300;

export class AroundPass {
  readonly #session: Session;
  readonly #changed: (uri: string) => void;
  readonly #waiting = new Map<string, NodeJS.Timeout>();

  /** `changed` is told of documents of which something else is said now. */
  constructor(session: Session, changed: (uri: string) => void) {
    this.#session = session;
    this.#changed = changed;
  }

  /** Looks around a document when nothing has been opened or saved for a while. */
  soon(uri: string): void {
    this.forget(uri);
    const timer = setTimeout(() => {
      this.#waiting.delete(uri);
      this.#look(uri).catch((error: unknown) =>
        this.#session.log.failed('the other files of a folder', error),
      );
    }, REST);
    this.#waiting.set(uri, timer);
  }

  /** Looks around all open documents of the folder that a document is in. */
  folderOf(uri: string): void {
    const saved = fileOf(uri);
    if (saved === undefined) return;
    for (const each of this.#session.documents.keys()) {
      const file = fileOf(each);
      if (file !== undefined && path.dirname(file) === path.dirname(saved)) this.soon(each);
    }
  }

  forget(uri: string): void {
    clearTimeout(this.#waiting.get(uri));
    this.#waiting.delete(uri);
  }

  async #look(uri: string): Promise<void> {
    const settings = await this.#session.settings.of(uri);
    const found = await analysedDocument(this.#session, uri);
    if (found !== undefined && this.#session.analyses.lookAround(found.document, settings))
      this.#changed(uri);
  }
}
