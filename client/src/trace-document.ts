/** Explanations as read-only documents: text, and links from its steps to the source. */
import * as vscode from 'vscode';
import { EXPLAIN_REQUEST, type ExplainLink, type ExplainResult, type Range } from '#shared/messages.ts';
import type { Server } from './server.ts';
import { registerShowSource, showSourceUri } from './show-source.ts';
import { paramsOf, TRACE_SCHEME } from './trace-uri.ts';

const GONE = 'This finding is no longer there: its source was changed.\n';

class Traces implements vscode.TextDocumentContentProvider, vscode.DocumentLinkProvider {
  readonly #server: Server;
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly #links = new Map<string, readonly ExplainLink[]>();

  constructor(server: Server) {
    this.#server = server;
  }

  readonly onDidChange = this.#changed.event;

  /** Asks the server again for every trace of a source that was saved. */
  refresh(source: vscode.Uri): void {
    for (const { uri } of vscode.workspace.textDocuments) {
      if (uri.scheme === TRACE_SCHEME && paramsOf(uri)?.textDocument.uri === source.toString()) {
        this.#changed.fire(uri);
      }
    }
  }

  forget(uri: vscode.Uri): void {
    this.#links.delete(uri.toString());
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const params = paramsOf(uri);
    if (params === undefined) return GONE;
    try {
      // The server knows the documents that are open.
      await vscode.workspace.openTextDocument(vscode.Uri.parse(params.textDocument.uri));
      const result = await this.#server.request<ExplainResult | null>(EXPLAIN_REQUEST, params);
      this.#links.set(uri.toString(), result?.links ?? []);
      return result?.text ?? GONE;
    } catch (error) {
      return `There is no explanation: ${error instanceof Error ? error.message : String(error)}.\n`;
    }
  }

  provideDocumentLinks(document: vscode.TextDocument): vscode.DocumentLink[] {
    const source = paramsOf(document.uri)?.textDocument.uri;
    if (source === undefined) return [];
    return (this.#links.get(document.uri.toString()) ?? []).map(({ range, target }) => {
      const link = new vscode.DocumentLink(rangeOf(range), showSourceUri(source, target));
      link.tooltip = 'Show in the source';
      return link;
    });
  }
}

export function registerTraces(server: Server): vscode.Disposable[] {
  const traces = new Traces(server);
  return [
    registerShowSource(),
    vscode.workspace.registerTextDocumentContentProvider(TRACE_SCHEME, traces),
    vscode.languages.registerDocumentLinkProvider({ scheme: TRACE_SCHEME }, traces),
    vscode.workspace.onDidSaveTextDocument(({ uri }) => traces.refresh(uri)),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => traces.forget(uri)),
  ];
}

function rangeOf({ start, end }: Range): vscode.Range {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}
