/** The language server's process: started, restarted with growing pauses, stopped. Failures are logged, never popped up. */
import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import { BackOff } from './back-off.ts';
import type { Channels } from './log.ts';

export type ServerState = 'starting' | 'running' | 'waiting' | 'failed' | 'stopped';

/** Documents that the server sees. Others (a diff's old side, for instance) would get every finding twice. */
export const C_DOCUMENTS = [
  { language: 'c', scheme: 'file' },
  { language: 'c', scheme: 'untitled' },
  { language: 'c', scheme: 'vscode-vfs' },
];

export class Server {
  readonly #context: vscode.ExtensionContext;
  readonly #channels: Channels;
  readonly #changed = new vscode.EventEmitter<ServerState>();
  readonly #backOff = new BackOff();
  #state: ServerState = 'stopped';
  #client: LanguageClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Starts and stops happen one after the other. */
  #queue: Promise<void> = Promise.resolve();

  constructor(context: vscode.ExtensionContext, channels: Channels) {
    this.#context = context;
    this.#channels = channels;
  }

  readonly onDidChangeState = this.#changed.event;

  get state(): ServerState {
    return this.#state;
  }

  start(): void {
    this.#enqueue(() => this.#start());
  }

  /** Also starts a server that has been given up. */
  restart(): Promise<void> {
    this.#backOff.reset();
    return this.#enqueue(async () => {
      await this.#stop();
      await this.#start();
    });
  }

  stop(): Promise<void> {
    return this.#enqueue(() => this.#stop());
  }

  /**
   * Sends a request once the server runs.
   *
   * @throws Error when it does not run, or refuses the request.
   */
  async request<Result>(method: string, params: unknown): Promise<Result> {
    await this.#queue;
    if (this.#client === undefined) throw new Error('the language server is not running');
    return this.#client.sendRequest<Result>(method, params);
  }

  #enqueue(action: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(action).catch((error: unknown) => {
      this.#channels.log.error(`gupcheck: ${messageOf(error)}`);
    });
    return this.#queue;
  }

  async #start(): Promise<void> {
    if (this.#client !== undefined) return;
    clearTimeout(this.#timer);
    this.#set('starting');
    let client: LanguageClient | undefined;
    try {
      client = await this.#create();
      this.#client = client;
      await client.start();
      if (this.#client === client) this.#set('running');
    } catch (error) {
      this.#channels.log.error(`the language server did not start: ${messageOf(error)}`);
      // It may have died meanwhile, and then waits for its next start.
      if (this.#client === client) {
        this.#client = undefined;
        this.#set('failed');
      }
    }
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    this.#set('stopped');
    await client?.dispose();
  }

  /** Loads the language client with the first start, since that takes longer than everything else in the extension. */
  async #create(): Promise<LanguageClient> {
    const { createLanguageClient } = await import('./language-client.ts');
    const born = Date.now();
    const client = createLanguageClient(this.#context, this.#channels, C_DOCUMENTS, () =>
      this.#died(client, Date.now() - born),
    );
    return client;
  }

  #died(client: LanguageClient, lived: number): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    // Its diagnostics would otherwise stay until the next server has answered.
    client.diagnostics?.clear();
    const delay = this.#backOff.next(lived);
    if (delay === undefined) {
      this.#channels.log.error(
        'the language server died too often; "GUP: Restart the language server" starts it',
      );
      this.#set('failed');
      return;
    }
    this.#channels.log.warn(`the language server died; it is started again in ${delay} ms`);
    this.#set('waiting');
    this.#timer = setTimeout(() => this.start(), delay);
  }

  #set(state: ServerState): void {
    this.#state = state;
    this.#changed.fire(state);
  }
}

export function registerServerCommands(server: Server, channels: Channels): vscode.Disposable[] {
  return [
    vscode.commands.registerCommand('gupcheck.restart', () => server.restart()),
    vscode.commands.registerCommand('gupcheck.showLog', () => channels.log.show()),
  ];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
