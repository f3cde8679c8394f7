/** URIs of explanations: they say which finding is meant, so that an editor can be restored after a reload. */
import * as vscode from 'vscode';
import type { ExplainParams } from '#shared/messages.ts';

export const TRACE_SCHEME = 'gupcheck-trace';

export function traceUri(params: ExplainParams): vscode.Uri {
  const name = vscode.Uri.parse(params.textDocument.uri).path.split('/').at(-1) ?? 'finding';
  return vscode.Uri.from({
    scheme: TRACE_SCHEME,
    path: `/${name}.gup-trace`,
    query: JSON.stringify(params),
  });
}

/** Undefined for a URI that was not made by traceUri(). */
export function paramsOf(uri: vscode.Uri): ExplainParams | undefined {
  try {
    const params = JSON.parse(uri.query) as Partial<ExplainParams>;
    return typeof params.textDocument?.uri === 'string' ? (params as ExplainParams) : undefined;
  } catch {
    return undefined;
  }
}
