/** gupcheck/explain */
import type { CancellationToken } from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { ExplainParams, ExplainResult } from '#shared/messages.ts';
import type { ReportedFinding } from '../../linter/file/report.ts';
import { callText, stepSentence } from '../../linter/text/step-text.ts';
import { plain } from '../../linter/text/style.ts';
import { whyText } from '../../linter/text/why.ts';
import { LineIndex } from '../../syntax/lines.ts';
import type { Analysed } from '../analyses.ts';
import { rangeIn } from '../diagnostics.ts';
import { analysedDocument, findingBy, type Session } from '../session.ts';
import { linksIn } from '../trace-links.ts';

export async function explain(
  session: Session,
  params: ExplainParams,
  token: CancellationToken,
): Promise<ExplainResult | null> {
  const found = await analysedDocument(session, params.textDocument.uri, token);
  if (found === undefined) return null;
  const { document, analysed } = found;
  const finding = findingFor(document, analysed, params);
  if (finding === undefined) return null;
  const { report } = analysed;
  const { analyzer } = session.analyses;
  const name = analyzer.rules.find(({ code }) => code === finding.code)?.name ?? '';
  const text = whyText(report, new LineIndex(report.text), finding, name, plain);
  return {
    fingerprint: finding.fingerprint,
    code: finding.code,
    title: `${finding.code} ${report.path}:${document.positionAt(finding.range.start).line + 1}`,
    text,
    links: linksIn(text, report.path, document),
    steps: (finding.explanation?.steps ?? []).map((step) => ({
      actor: step.actor,
      call: callText(step),
      note: stepSentence(step),
      // A step in another file has no place in this one.
      ...(step.range !== undefined &&
        step.range.file === undefined && { range: rangeIn(document, step.range) }),
    })),
  };
}

/** The finding that is named, or the narrowest at a place. */
function findingFor(
  document: TextDocument,
  analysed: Analysed,
  { fingerprint, position }: ExplainParams,
): ReportedFinding | undefined {
  if (fingerprint !== undefined) return findingBy(analysed, fingerprint);
  if (position === undefined) return undefined;
  const at = document.offsetAt(position);
  const length = ({ range }: ReportedFinding) => range.end - range.start;
  const here = analysed.findings.filter(({ range }) => range.start <= at && at <= range.end);
  const sameLine = (finding: ReportedFinding) =>
    document.positionAt(finding.range.start).line <= position.line &&
    position.line <= document.positionAt(finding.range.end).line;
  const candidates = here.length > 0 ? here : analysed.findings.filter(sameLine);
  return [...candidates].sort((a, b) => length(a) - length(b))[0];
}
