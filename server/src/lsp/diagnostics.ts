/** Findings as the protocol's diagnostics. */
import { pathToFileURL } from 'node:url';
import {
  type Diagnostic,
  type DiagnosticRelatedInformation,
  DiagnosticSeverity,
  type Location,
  type Range as LspRange,
} from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import type { DiagnosticData } from '#shared/messages.ts';
import type { ReportedFinding } from '../linter/file/report.ts';
import { ruleUrl } from '../linter/text/rule-url.ts';
import { callText, stepSentence } from '../linter/text/step-text.ts';
import type { Level } from '../rules/finding.ts';
import type { OtherFile, Range } from '../syntax/range.ts';
import type { Client } from './client.ts';

/** Name under which the editor shows the findings. */
export const SOURCE = 'gupcheck';

const SEVERITY: Readonly<Record<Level, DiagnosticSeverity>> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  note: DiagnosticSeverity.Information,
};

export function rangeIn(document: TextDocument, { start, end }: Range): LspRange {
  return { start: document.positionAt(start), end: document.positionAt(end) };
}

function uriOf({ path: file }: OtherFile): string {
  return pathToFileURL(file).toString();
}

/** A finding as a diagnostic of the document that it was made from. */
export function toDiagnostic(document: TextDocument, finding: ReportedFinding, client: Client): Diagnostic {
  const { explanation } = finding;
  const ran = explanation !== undefined && explanation.verdict !== 'nothing-to-run';
  const data: DiagnosticData = { fingerprint: finding.fingerprint };
  return {
    range: rangeIn(document, finding.range),
    severity: SEVERITY[finding.level],
    code: finding.code,
    source: SOURCE,
    message: ran ? `${finding.message}\nRun: ${explanation.summary}` : finding.message,
    ...(client.codeDescription && { codeDescription: { href: ruleUrl(finding.code) } }),
    ...(client.relatedInformation && { relatedInformation: relatedTo(document, finding) }),
    data,
  };
}

/** Another file's text, for its lines. */
function textOf({ path: file, text }: OtherFile): TextDocument {
  return TextDocument.create(file, 'c', 0, text);
}

/** The places that the rule names, then the driver's steps of the counterexample. */
function relatedTo(document: TextDocument, finding: ReportedFinding): DiagnosticRelatedInformation[] {
  const at = (range: Range): Location =>
    range.file === undefined
      ? { uri: document.uri, range: rangeIn(document, range) }
      : { uri: uriOf(range.file), range: rangeIn(textOf(range.file), range) };
  const places = finding.related.map(({ range, message }) => ({ location: at(range), message }));
  const steps = (finding.explanation?.steps ?? []).flatMap((step, index) =>
    step.range === undefined
      ? []
      : [
          {
            location: at(step.range),
            message: `run, step ${index + 1}: ${callText(step)}: ${stepSentence(step)}`,
          },
        ],
  );
  return [...places, ...steps];
}
