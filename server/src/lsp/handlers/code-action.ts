/** textDocument/codeAction: the quick fix of a finding, and its explanation. */
import {
  type CancellationToken,
  type CodeAction,
  CodeActionKind,
  type CodeActionParams,
  type Diagnostic,
  type TextEdit,
  type WorkspaceEdit,
} from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { DiagnosticData, ExplainParams } from '#shared/messages.ts';
import type { Advice, Fix } from '../../fix/fix.ts';
import { rangeIn, SOURCE } from '../diagnostics.ts';
import { analysedDocument, findingBy, type Session } from '../session.ts';

export async function codeAction(
  session: Session,
  params: CodeActionParams,
  token: CancellationToken,
): Promise<CodeAction[]> {
  const { only } = params.context;
  if (only !== undefined && !only.some((kind) => isWithin(CodeActionKind.QuickFix, kind))) return [];
  const ours = params.context.diagnostics.filter(({ source }) => source === SOURCE);
  if (ours.length === 0) return [];
  const found = await analysedDocument(session, params.textDocument.uri, token);
  if (found === undefined) return [];
  const { document, analysed } = found;
  const analyses = session.analyses;
  return ours.flatMap((diagnostic) => {
    const fingerprint = fingerprintOf(diagnostic);
    const finding = fingerprint === undefined ? undefined : findingBy(analysed, fingerprint);
    if (finding === undefined) return [];
    const verdict = analyses.fixFor(document.uri, finding);
    return [
      ...(verdict?.kind === 'fix' ? [fixAction(session, document, diagnostic, verdict.fix)] : []),
      ...(verdict?.kind === 'advice' ? adviceAction(session, diagnostic, verdict.advice) : []),
      ...explainAction(session, document.uri, diagnostic, finding.fingerprint),
    ];
  });
}

/** Whether a kind is the other or one of its sub-kinds. */
function isWithin(kind: string, whole: string): boolean {
  return kind === whole || kind.startsWith(`${whole}.`) || whole === '';
}

function fingerprintOf({ data }: Diagnostic): string | undefined {
  const fingerprint = (data as Partial<DiagnosticData> | undefined)?.fingerprint;
  return typeof fingerprint === 'string' ? fingerprint : undefined;
}

function fixAction(
  { client }: Session,
  document: TextDocument,
  diagnostic: Diagnostic,
  fix: Fix,
): CodeAction {
  const edits = fix.edits.map(
    ({ range, newText }): TextEdit => ({ range: rangeIn(document, range), newText }),
  );
  const edit: WorkspaceEdit = client.versionedEdits
    ? { documentChanges: [{ textDocument: { uri: document.uri, version: document.version }, edits }] }
    : { changes: { [document.uri]: edits } };
  return {
    title: [fix.title, ...(fix.remarks ?? [])].join('; '),
    kind: CodeActionKind.QuickFix,
    diagnostics: [diagnostic],
    isPreferred: fix.safety === 'safe',
    edit,
  };
}

/** What to do by hand, greyed out with the reason, for clients that show such actions. */
function adviceAction({ client }: Session, diagnostic: Diagnostic, advice: Advice): CodeAction[] {
  if (!client.disabledActions) return [];
  return [
    {
      title: advice.title,
      kind: CodeActionKind.QuickFix,
      diagnostics: [diagnostic],
      disabled: { reason: `No edit is offered: ${advice.reason}.` },
    },
  ];
}

function explainAction(
  { client }: Session,
  uri: string,
  diagnostic: Diagnostic,
  fingerprint: string,
): CodeAction[] {
  if (client.explainCommand === undefined) return [];
  const title = 'Explain this finding';
  const params: ExplainParams = { textDocument: { uri }, fingerprint };
  return [
    {
      title,
      kind: CodeActionKind.QuickFix,
      diagnostics: [diagnostic],
      command: { title, command: client.explainCommand, arguments: [params] },
    },
  ];
}
