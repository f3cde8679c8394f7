/** Settings by resource: asked for once, and again after the client says that they changed. */
import type { Connection } from 'vscode-languageserver';
import type { Client } from './client.ts';
import type { Log } from './log.ts';
import { DEFAULT_SETTINGS, readSettings, type Settings } from './settings.ts';

const SECTION = 'gupcheck';

export class SettingsStore {
  readonly #connection: Connection;
  readonly #client: Client;
  readonly #codes: ReadonlySet<string>;
  readonly #log: Log;
  #byResource = new Map<string, Promise<Settings>>();
  /** For clients that send settings instead of answering for them. */
  #pushed: Settings = DEFAULT_SETTINGS;
  #complaints = new Set<string>();

  constructor(connection: Connection, client: Client, codes: ReadonlySet<string>, log: Log) {
    this.#connection = connection;
    this.#client = client;
    this.#codes = codes;
    this.#log = log;
  }

  /** Never rejects: a client that does not answer gets the defaults. */
  of(uri: string): Promise<Settings> {
    if (!this.#client.configuration) return Promise.resolve(this.#pushed);
    let settings = this.#byResource.get(uri);
    if (settings === undefined) {
      settings = this.#ask(uri);
      this.#byResource.set(uri, settings);
    }
    return settings;
  }

  forget(uri: string): void {
    this.#byResource.delete(uri);
  }

  /** The client's notification: with its settings, or only that something changed. */
  changed(settings: unknown): void {
    this.#byResource = new Map();
    this.#complaints = new Set();
    const section = (settings as Record<string, unknown> | null | undefined)?.[SECTION];
    if (!this.#client.configuration) this.#pushed = this.#read(section);
  }

  async #ask(uri: string): Promise<Settings> {
    try {
      const raw: unknown = await this.#connection.workspace.getConfiguration({
        scopeUri: uri,
        section: SECTION,
      });
      return this.#read(raw);
    } catch (error) {
      this.#log.failed('workspace/configuration', error);
      return DEFAULT_SETTINGS;
    }
  }

  /** Each complaint is logged once, whatever the number of files. */
  #read(raw: unknown): Settings {
    return readSettings(raw, this.#codes, (line) => {
      if (this.#complaints.has(line)) return;
      this.#complaints.add(line);
      this.#log.warn(line);
    });
  }
}
