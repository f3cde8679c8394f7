/** The language server: connects the handlers to a connection. Knows neither files nor pipes. */
import {
  type Connection,
  DidChangeConfigurationNotification,
  DidChangeWatchedFilesNotification,
  FileChangeType,
  type InitializeParams,
  type InitializeResult,
  ResponseError,
  TextDocuments,
  WatchKind,
} from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { EXPLAIN_REQUEST } from '#shared/messages.ts';
import { CONFIG_NAME } from '../linter/config/config.ts';
import type { EditorAnalyzer } from '../linter/file/analyzer.ts';
import { Analyses, fileOf } from './analyses.ts';
import { AroundPass } from './around.ts';
import { capabilitiesFor } from './capabilities.ts';
import { clientOf } from './client.ts';
import { guarded } from './guard.ts';
import { codeAction } from './handlers/code-action.ts';
import { diagnostic, NO_DIAGNOSTICS } from './handlers/diagnostic.ts';
import { explain } from './handlers/explain.ts';
import { hover } from './handlers/hover.ts';
import { Log } from './log.ts';
import { PAUSE, Pusher } from './push.ts';
import type { Session } from './session.ts';
import { SettingsStore } from './settings-store.ts';

export interface ServerOptions {
  readonly version: string;
  /** Loads parser and rules. Called once; what it rejects with fails the start. */
  readonly analyzer: () => Promise<EditorAnalyzer>;
}

/** Serves one client until the connection ends. */
export function serve(connection: Connection, { version, analyzer }: ServerOptions): void {
  const log = new Log(connection.console);
  const documents = new TextDocuments(TextDocument);

  connection.onInitialize(async (params: InitializeParams): Promise<InitializeResult> => {
    let loaded: EditorAnalyzer;
    try {
      loaded = await analyzer();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new ResponseError(1, `gupcheck cannot start: ${why}`);
    }
    const client = clientOf(params);
    const codes = new Set(loaded.rules.map(({ code }) => code));
    const session: Session = {
      connection,
      documents,
      client,
      settings: new SettingsStore(connection, client, codes, log),
      analyses: new Analyses(loaded, log, {
        folders: foldersOf(params),
        openText: (file) =>
          documents
            .all()
            .find(({ uri }) => fileOf(uri) === file)
            ?.getText(),
      }),
      deleted: new Set(),
      complaints: new Set(),
      log,
    };
    connect(session);
    return { capabilities: capabilitiesFor(client), serverInfo: { name: 'gupcheck', version } };
  });

  documents.listen(connection);
  connection.listen();
}

function foldersOf({ workspaceFolders, rootUri }: InitializeParams): string[] {
  const uris = workspaceFolders?.map(({ uri }) => uri) ?? (rootUri == null ? [] : [rootUri]);
  return uris.flatMap((uri) => fileOf(uri) ?? []);
}

/** Registers the handlers, one line each. */
function connect(session: Session): void {
  const { connection, client, log } = session;
  connection.onHover(guarded(log, 'textDocument/hover', null, (params) => hover(session, params)));
  connection.onCodeAction(
    guarded(log, 'textDocument/codeAction', [], (params, token) => codeAction(session, params, token)),
  );
  connection.onRequest(
    EXPLAIN_REQUEST,
    guarded(log, EXPLAIN_REQUEST, null, (params, token) => explain(session, params, token)),
  );
  if (client.pullsDiagnostics) {
    connection.languages.diagnostics.on(
      guarded(log, 'textDocument/diagnostic', NO_DIAGNOSTICS, (params, token) =>
        diagnostic(session, params, token),
      ),
    );
  }
  follow(session);
  connection.onInitialized(() => register(session));
}

/** Follows documents, settings and files. */
function follow(session: Session): void {
  const { connection, documents, client, settings, analyses, deleted } = session;
  const pusher = client.pullsDiagnostics ? undefined : new Pusher(session);
  const refreshAll = () => {
    for (const uri of documents.keys()) pusher?.soon(uri);
    if (pusher === undefined && client.refreshesDiagnostics) {
      connection.languages.diagnostics.refresh().catch(() => undefined);
    }
  };
  // Whoever edits a header waits for nothing: the files that include it follow when its user pauses.
  let waiting: NodeJS.Timeout | undefined;
  const followHeader = (uri: string) => {
    if (!/\.h$/i.test(uri)) return;
    analyses.headerChanged(uri);
    clearTimeout(waiting);
    waiting = setTimeout(refreshAll, PAUSE);
  };
  const opening = new Set<string>();
  const around = new AroundPass(session, (uri) => {
    if (pusher !== undefined) pusher.soon(uri, 0);
    else refreshAll();
  });
  documents.onDidOpen(({ document }) => {
    opening.add(document.uri);
    pusher?.soon(document.uri, 0);
    around.soon(document.uri);
  });
  documents.onDidSave(({ document }) => around.folderOf(document.uri));
  documents.onDidChangeContent(({ document }) => {
    deleted.delete(document.uri);
    // The first content comes with the opening, and is not a pause in typing.
    if (opening.delete(document.uri)) return;
    pusher?.soon(document.uri);
    followHeader(document.uri);
  });
  documents.onDidClose(({ document }) => {
    analyses.close(document.uri);
    around.forget(document.uri);
    settings.forget(document.uri);
    pusher?.clear(document.uri);
    // What was not saved is gone.
    followHeader(document.uri);
  });
  connection.onDidChangeConfiguration((change) => {
    settings.changed(change.settings);
    refreshAll();
  });
  connection.onDidChangeWatchedFiles(({ changes }) => {
    // A tree's Makefile says which kernel release the code is for; a configuration, much else.
    analyses.invalidate();
    for (const { uri, type } of changes) {
      if (type !== FileChangeType.Deleted) deleted.delete(uri);
      else {
        deleted.add(uri);
        pusher?.clear(uri);
      }
    }
    refreshAll();
  });
}

/** Asks the client for the notifications that it only sends when asked. */
function register({ connection, client, log }: Session): void {
  const failed = (error: unknown) => log.failed('client/registerCapability', error);
  if (client.registersConfiguration) {
    connection.client
      .register(DidChangeConfigurationNotification.type, { section: 'gupcheck' })
      .catch(failed);
  }
  if (client.registersWatchers) {
    connection.client
      .register(DidChangeWatchedFilesNotification.type, {
        watchers: [
          { globPattern: '**/Makefile' },
          { globPattern: `**/${CONFIG_NAME}` },
          { globPattern: '**/*.c', kind: WatchKind.Create | WatchKind.Delete },
          { globPattern: '**/*.h' },
        ],
      })
      .catch(failed);
  }
}
