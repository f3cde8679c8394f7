/** textDocument/diagnostic */
import {
  type CancellationToken,
  type DocumentDiagnosticParams,
  type DocumentDiagnosticReport,
  DocumentDiagnosticReportKind,
} from 'vscode-languageserver';
import { toDiagnostic } from '../diagnostics.ts';
import { stopIfCancelled } from '../guard.ts';
import { analysedDocument, type Session } from '../session.ts';

export const NO_DIAGNOSTICS: DocumentDiagnosticReport = {
  kind: DocumentDiagnosticReportKind.Full,
  items: [],
};

export async function diagnostic(
  session: Session,
  { textDocument, previousResultId }: DocumentDiagnosticParams,
  token: CancellationToken,
): Promise<DocumentDiagnosticReport> {
  // Asked for before the analysis, so that nothing is analysed for an answer that nobody waits for.
  await session.settings.of(textDocument.uri);
  stopIfCancelled(token);
  const found = await analysedDocument(session, textDocument.uri, token);
  if (found === undefined) return NO_DIAGNOSTICS;
  const { document, analysed } = found;
  const { resultId, findings } = analysed;
  if (resultId === previousResultId) return { kind: DocumentDiagnosticReportKind.Unchanged, resultId };
  const items = findings.map((finding) => toDiagnostic(document, finding, session.client));
  return { kind: DocumentDiagnosticReportKind.Full, resultId, items };
}
