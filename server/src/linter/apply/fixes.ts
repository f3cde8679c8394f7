/** Accepts a proposed fix only when the text that it makes lints clean, and a run can no longer break it. */
import { type Advice, applyEdits, composed, type Fix, moved } from '../../fix/fix.ts';
import { hides } from '../../rules/analyze.ts';
import type { Finding } from '../../rules/finding.ts';
import type { Range } from '../../syntax/range.ts';
import type { FixingAnalyzer } from '../file/analyzer.ts';
import { type FileReport, isFailure, type ReportedFinding } from '../file/report.ts';
import { type LintOptions, lintText } from '../file/service.ts';

/** Rounds of edits: a new kind of reference can leave releases behind that only the linter finds. */
const ROUNDS = 6;

/** The outcome for one finding: a fix that was tried out, or what to do by hand and why. */
export type FixVerdict =
  | { readonly kind: 'fix'; readonly fix: Fix }
  | { readonly kind: 'advice'; readonly advice: Advice };

/**
 * Tries the fixes of a finding of `report`, made with the same `options`. Accepted is the first whose text has the
 * finding no longer and no new one, is read as well as before, and whose paths break no property that the document's
 * form keeps. Undefined when the finding's rule proposes nothing.
 */
export function judge(
  analyzer: FixingAnalyzer,
  report: FileReport,
  finding: ReportedFinding,
  options: LintOptions,
): FixVerdict | undefined {
  const proposal = analyzer.proposeFixes(finding, report.path, report.text, options.kernel, options.project);
  if (proposal === undefined) return undefined;
  // What several files show, the text of one can't show to be mended.
  if (finding.joined === true) {
    const reason = 'several files are concerned, and a fix sees one';
    return { kind: 'advice', advice: { ...proposal.advice, reason } };
  }
  let reason: string | undefined;
  for (const candidate of proposal.candidates) {
    const tried = tryOut(analyzer, report, finding, candidate, options);
    if ('edits' in tried) return { kind: 'fix', fix: tried };
    reason ??= tried.refusal;
  }
  return { kind: 'advice', advice: { ...proposal.advice, ...(reason !== undefined && { reason }) } };
}

function tryOut(
  analyzer: FixingAnalyzer,
  report: FileReport,
  finding: ReportedFinding,
  candidate: Fix,
  options: LintOptions,
): Fix | { readonly refusal: string } {
  // What the fix is for is judged with the engine, whatever the user asked to see.
  const lintOptions = { ...options, explanations: true };
  let fix = candidate;
  let refusal = '';
  for (let round = 0; round < ROUNDS; round++) {
    const text = applyEdits(report.text, fix.edits);
    const after = lintText(analyzer, report.path, text, lintOptions);
    const objection = objectionTo(report, after, finding);
    if (objection === undefined) return proved(analyzer, report, finding, fix, text, options);
    refusal = objection;
    const left = leftBehind(report, after, finding);
    const more =
      left && analyzer.proposeFixes(left, report.path, text, options.kernel, options.project)?.candidates[0];
    const next = more && combined(fix, more);
    if (next === undefined) break;
    fix = next;
  }
  return { refusal };
}

function proved(
  analyzer: FixingAnalyzer,
  report: FileReport,
  finding: ReportedFinding,
  fix: Fix,
  text: string,
  { kernel, project }: LintOptions,
): Fix | { readonly refusal: string } {
  const {
    broken,
    proved: whole,
    leaves,
  } = analyzer.recheck(finding, report.path, text, kernel, acquireAfter(finding, fix), project);
  if (broken !== undefined) return { refusal: `a run of the edited text still shows: ${broken}` };
  // Whoever else has the pages would have to release them in another way from now on.
  if (fix.converts === true && leaves !== undefined) return { refusal: leaves };
  const sure = whole && finding.certainty === 'certain';
  return sure || fix.safety === 'unsafe' ? fix : { ...fix, safety: 'unsafe' };
}

/** Where the finding's acquiring call stands in the edited text, with what was written around it. */
function acquireAfter({ site }: Finding, { edits }: Fix): Range {
  const around = edits.filter(
    ({ range }) => range.start <= site.range.end && site.range.start <= range.end && range.start < range.end,
  );
  const from = Math.min(site.range.start, ...around.map(({ range }) => range.start));
  const to = Math.max(site.range.end, ...around.map(({ range }) => range.end));
  return { start: moved(edits, from), end: Math.max(moved(edits, to), moved(edits, from) + 1) };
}

function combined(first: Fix, second: Fix): Fix | undefined {
  const edits = composed(first.edits, second.edits);
  if (edits === undefined) return undefined;
  const remarks = [...new Set([...(first.remarks ?? []), ...(second.remarks ?? [])])];
  return { ...first, safety: 'unsafe', edits, ...(remarks.length > 0 && { remarks }) };
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

/** Why the edited text is no better; undefined where it is. */
function objectionTo(before: FileReport, after: FileReport, fixed: Finding): string | undefined {
  if (after.problems.some(isFailure)) return 'the edited text could not be analysed';
  if (after.partlyRead.length > before.partlyRead.length) return 'the edited text can be read less well';
  const counts = countsOf(before.findings);
  const now = countsOf(after.findings);
  const fresh = after.findings.find(
    (finding) => !wasThere(finding, fixed) && now.get(keyOf(finding))! > (counts.get(keyOf(finding)) ?? 0),
  );
  if (fresh !== undefined) return `the edited ${fresh.function}() would have a ${fresh.code}`;
  if ((now.get(keyOf(fixed)) ?? 0) >= counts.get(keyOf(fixed))!)
    return `the edited ${fixed.function}() would still have the ${fixed.code}`;
  return undefined;
}

/**
 * A note that was true before as well: the finding that is fixed hid it, or it is about the form of a release whose
 * pages were not pinned until now.
 */
function wasThere({ code, level }: ReportedFinding, fixed: Finding): boolean {
  return level === 'note' && (hides(fixed.code, code) || code === 'GUP310');
}

function countsOf(findings: readonly Finding[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const finding of findings) counts.set(keyOf(finding), (counts.get(keyOf(finding)) ?? 0) + 1);
  return counts;
}

function keyOf({ code, function: name }: Finding): string {
  return `${code} ${name}`;
}
