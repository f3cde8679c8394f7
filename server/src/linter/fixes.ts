/** Accepts a proposed fix only when the text that it makes lints clean. */
import { applyEdits, composed, type Fix } from '../fix/fix.ts';
import type { Finding } from '../rules/finding.ts';
import type { KernelVersion } from '../syntax/preprocess/version.ts';
import type { EditorAnalyzer } from './analyzer.ts';
import { type FileReport, isFailure, type ReportedFinding } from './report.ts';
import { type LintOptions, lintText } from './service.ts';

/** Rounds of edits: a new kind of reference can leave releases behind that only the linter finds. */
const ROUNDS = 6;

/**
 * The fix of a finding of `report`, made with the same `options`. Undefined when none is proposed, or when the edited
 * text still has the finding, has a new one of level warning or above, or can be read less well.
 */
export function acceptedFix(
  analyzer: EditorAnalyzer,
  report: FileReport,
  finding: ReportedFinding,
  options: LintOptions,
): Fix | undefined {
  let fix = propose(analyzer, finding, report.path, report.text, options.kernel);
  for (let round = 0; fix !== undefined && round < ROUNDS; round++) {
    const text = applyEdits(report.text, fix.edits);
    const after = lintText(analyzer, report.path, text, options);
    if (isBetter(report, after, finding)) return fix;
    const left = leftBehind(report, after, finding);
    const more = left && propose(analyzer, left, report.path, text, options.kernel);
    fix = more && combined(fix, more);
  }
  return undefined;
}

function propose(
  analyzer: EditorAnalyzer,
  finding: Finding,
  path: string,
  text: string,
  kernel: KernelVersion,
): Fix | undefined {
  return analyzer.proposeFix(finding, path, text, kernel);
}

function combined(first: Fix, second: Fix): Fix | undefined {
  const edits = composed(first.edits, second.edits);
  return edits && { ...first, safety: 'unsafe', edits };
}

/** A release that the edits made wrong: new, of the wrong kind, and about the same acquiring function. */
function leftBehind(before: FileReport, after: FileReport, fixed: Finding): ReportedFinding | undefined {
  const counts = countsOf(before.findings);
  return after.findings.find(
    (finding) =>
      (finding.code === 'GUP301' || finding.code === 'GUP302') &&
      finding.site.function === fixed.site.function &&
      countsOf(after.findings).get(keyOf(finding))! > (counts.get(keyOf(finding)) ?? 0),
  );
}

function isBetter(before: FileReport, after: FileReport, fixed: Finding): boolean {
  const counts = countsOf(before.findings);
  const now = countsOf(after.findings);
  const gone = (now.get(keyOf(fixed)) ?? 0) < counts.get(keyOf(fixed))!;
  const serious = after.findings.filter(({ level }) => level !== 'note');
  const nothingNew = serious.every(
    (finding) => now.get(keyOf(finding))! <= (counts.get(keyOf(finding)) ?? 0),
  );
  const readAsWell = after.partlyRead.length <= before.partlyRead.length;
  return gone && nothingNew && readAsWell && !after.problems.some(isFailure);
}

function countsOf(findings: readonly Finding[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const finding of findings) counts.set(keyOf(finding), (counts.get(keyOf(finding)) ?? 0) + 1);
  return counts;
}

function keyOf({ code, function: name }: Finding): string {
  return `${code} ${name}`;
}
