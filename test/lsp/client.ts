/** A language client for tests: the real server process, spoken to over standard input and output. */
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import {
  type ClientCapabilities,
  type CodeAction,
  CodeActionRequest,
  ConfigurationRequest,
  createProtocolConnection,
  type Diagnostic,
  DiagnosticRefreshRequest,
  DidChangeTextDocumentNotification,
  DidCloseTextDocumentNotification,
  DidOpenTextDocumentNotification,
  DidSaveTextDocumentNotification,
  type DocumentDiagnosticReport,
  DocumentDiagnosticRequest,
  ExitNotification,
  InitializedNotification,
  InitializeRequest,
  type InitializeResult,
  LogMessageNotification,
  type Position,
  type ProtocolConnection,
  PublishDiagnosticsNotification,
  RegistrationRequest,
  ShowMessageNotification,
  ShutdownRequest,
  StreamMessageReader,
  StreamMessageWriter,
  type TextEdit,
} from 'vscode-languageserver-protocol/node';
import { TextDocument } from 'vscode-languageserver-textdocument';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** What VS Code's client can do, as far as the server asks. */
export const FULL: ClientCapabilities = {
  textDocument: {
    diagnostic: { dynamicRegistration: false, relatedInformation: true, codeDescriptionSupport: true },
    publishDiagnostics: { relatedInformation: true, codeDescriptionSupport: true, dataSupport: true },
    hover: { contentFormat: ['markdown', 'plaintext'] },
  },
  workspace: {
    configuration: true,
    didChangeConfiguration: { dynamicRegistration: true },
    didChangeWatchedFiles: { dynamicRegistration: true },
    diagnostics: { refreshSupport: true },
    workspaceEdit: { documentChanges: true },
  },
};

/** A client that can do nothing beyond the first version of the protocol. */
export const OLD: ClientCapabilities = { textDocument: { hover: { contentFormat: ['plaintext'] } } };

export interface StartOptions {
  readonly capabilities?: ClientCapabilities;
  /** Answer for the section `gupcheck`, by resource. */
  readonly settings?: (uri: string | undefined) => unknown;
  readonly initializationOptions?: unknown;
  /** Arguments of node; the command line's server is the default. */
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class Client {
  readonly process: ChildProcess;
  readonly connection: ProtocolConnection;
  initialized!: InitializeResult;
  /** Lines of window/logMessage; window/showMessage counts as `POP-UP: …`. */
  readonly log: string[] = [];
  readonly published = new Map<string, { version: number | undefined; diagnostics: Diagnostic[] }>();
  readonly registered: string[] = [];
  refreshes = 0;
  settings: (uri: string | undefined) => unknown;
  readonly #documents = new Map<string, TextDocument>();
  readonly #exited: Promise<number | null>;

  private constructor(options: StartOptions) {
    const command = options.command ?? [path.join(root, 'dist/gupcheck.cjs'), 'lsp', '--stdio'];
    this.settings = options.settings ?? (() => null);
    this.process = spawn(process.execPath, command, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...options.env },
    });
    this.#exited = new Promise((resolve) => this.process.once('exit', resolve));
    const { stdout, stdin } = this.process;
    this.connection = createProtocolConnection(
      new StreamMessageReader(stdout!),
      new StreamMessageWriter(stdin!),
    );
    this.connection.onNotification(LogMessageNotification.type, ({ message }) => {
      this.log.push(message);
    });
    this.connection.onNotification(ShowMessageNotification.type, ({ message }) => {
      this.log.push(`POP-UP: ${message}`);
    });
    this.connection.onNotification(PublishDiagnosticsNotification.type, ({ uri, version, diagnostics }) => {
      this.published.set(uri, { version, diagnostics });
    });
    this.connection.onRequest(ConfigurationRequest.type, ({ items }) =>
      items.map(({ scopeUri }) => this.settings(scopeUri)),
    );
    this.connection.onRequest(RegistrationRequest.type, ({ registrations }) => {
      this.registered.push(...registrations.map(({ method }) => method));
    });
    this.connection.onRequest(DiagnosticRefreshRequest.type, () => {
      this.refreshes++;
    });
    this.connection.listen();
  }

  /** Starts a server; it is stopped when the test ends. */
  static async start(options: StartOptions = {}): Promise<Client> {
    const client = new Client(options);
    onTestFinished(async () => {
      await client.stop();
    });
    client.initialized = await client.connection.sendRequest(InitializeRequest.type, {
      processId: process.pid,
      rootUri: null,
      capabilities: options.capabilities ?? FULL,
      initializationOptions: options.initializationOptions ?? { explainCommand: 'gupcheck.explain' },
    });
    await client.connection.sendNotification(InitializedNotification.type, {});
    return client;
  }

  async open(uri: string, text: string, version = 1): Promise<void> {
    this.#documents.set(uri, TextDocument.create(uri, 'c', version, text));
    await this.connection.sendNotification(DidOpenTextDocumentNotification.type, {
      textDocument: { uri, languageId: 'c', version, text },
    });
  }

  /** Replaces the first occurrence of a text by an incremental change. */
  async replace(uri: string, before: string, after: string): Promise<void> {
    const document = this.document(uri);
    const start = document.getText().indexOf(before);
    if (start < 0) throw new Error(`${before} is not in ${uri}`);
    await this.change(uri, [
      {
        range: {
          start: document.positionAt(start),
          end: document.positionAt(start + before.length),
        },
        newText: after,
      },
    ]);
  }

  async change(uri: string, edits: readonly TextEdit[]): Promise<void> {
    const document = this.document(uri);
    const version = document.version + 1;
    const contentChanges = edits.map(({ range, newText }) => ({ range, text: newText }));
    this.#documents.set(uri, TextDocument.update(document, contentChanges, version));
    await this.connection.sendNotification(DidChangeTextDocumentNotification.type, {
      textDocument: { uri, version },
      contentChanges,
    });
  }

  async close(uri: string): Promise<void> {
    this.#documents.delete(uri);
    await this.connection.sendNotification(DidCloseTextDocumentNotification.type, { textDocument: { uri } });
  }

  /** Tells that the document has been saved; writing it is the caller's business. */
  async save(uri: string): Promise<void> {
    await this.connection.sendNotification(DidSaveTextDocumentNotification.type, { textDocument: { uri } });
  }

  document(uri: string): TextDocument {
    const document = this.#documents.get(uri);
    if (document === undefined) throw new Error(`${uri} is not open`);
    return document;
  }

  /** Position of the first occurrence of a text, `inside` units into it. */
  at(uri: string, text: string, inside = 1): Position {
    const document = this.document(uri);
    const offset = document.getText().indexOf(text);
    if (offset < 0) throw new Error(`${text} is not in ${uri}`);
    return document.positionAt(offset + inside);
  }

  pull(uri: string, previousResultId?: string): Promise<DocumentDiagnosticReport> {
    return this.connection.sendRequest(DocumentDiagnosticRequest.type, {
      textDocument: { uri },
      ...(previousResultId !== undefined && { previousResultId }),
    });
  }

  async diagnostics(uri: string): Promise<readonly Diagnostic[]> {
    const report = await this.pull(uri);
    if (report.kind !== 'full') throw new Error('no full report');
    return report.items;
  }

  /** `code text` of each diagnostic. */
  async found(uri: string): Promise<string[]> {
    const document = this.document(uri);
    return (await this.diagnostics(uri)).map(({ code, range }) => `${code} ${document.getText(range)}`);
  }

  async actions(uri: string, diagnostics: readonly Diagnostic[]): Promise<CodeAction[]> {
    const range = diagnostics[0]!.range;
    const actions = await this.connection.sendRequest(CodeActionRequest.type, {
      textDocument: { uri },
      range,
      context: { diagnostics: [...diagnostics] },
    });
    return (actions ?? []) as CodeAction[];
  }

  /** Waits until something holds, at most five seconds. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const end = Date.now() + 5_000;
    while (!holds()) {
      if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
      await new Promise((resume) => setTimeout(resume, 5));
    }
  }

  /** Ends the server as the protocol wants it; answers its exit status. */
  async stop(): Promise<number | null> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      await this.connection.sendRequest(ShutdownRequest.type);
      await this.connection.sendNotification(ExitNotification.type);
    }
    return this.#exited;
  }

  exited(): Promise<number | null> {
    return this.#exited;
  }
}
