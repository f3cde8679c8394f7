/** Fixes the findings of one text, one after the other, until nothing more is accepted. No I/O. */
import { type Advice, applyEdits, type Fix } from '../../fix/fix.ts';
import { LEVELS, type Level } from '../../rules/finding.ts';
import type { FixingAnalyzer } from '../file/analyzer.ts';
import type { FileReport, ReportedFinding } from '../file/report.ts';
import { type LintOptions, lintText } from '../file/service.ts';
import { judge } from './fixes.ts';

export type { Edit } from '../../fix/fix.ts';

export interface FixOptions {
  /** Findings below this level are left alone. */
  readonly level: Level;
  /** Apply unsafe fixes too. */
  readonly unsafe: boolean;
  /** Apply nothing: all accepted fixes are among what remains. */
  readonly offerOnly?: boolean;
}

/** A fix that was applied to the text as it was at that moment. */
export interface AppliedFix {
  readonly code: string;
  readonly function: string;
  readonly title: string;
  readonly safety: Fix['safety'];
  readonly remarks: readonly string[];
}

/** What becomes of a finding that is left. */
export type Remaining =
  | { readonly kind: 'offered'; readonly fix: Fix }
  | { readonly kind: 'advice'; readonly advice: Advice };

export interface FixedText {
  /** The report of the text after all fixes; the one given where nothing was applied. */
  readonly report: FileReport;
  readonly applied: readonly AppliedFix[];
  /** By fingerprint: fixes that were not applied because they are unsafe, and what is to be done by hand. */
  readonly remaining: ReadonlyMap<string, Remaining>;
}

/** Each fix takes findings away and brings none, so this is reached only by a bug. */
const MAX_PASSES = 100;

/**
 * Applies accepted fixes to a report's text, which is linted with `lintOptions`. Each is judged against the text that the ones before it left, so fixes
 * never overlap; a second call on the result applies nothing.
 */
export function fixText(
  analyzer: FixingAnalyzer,
  report: FileReport,
  lintOptions: LintOptions,
  options: FixOptions,
): FixedText {
  let current = lintText(analyzer, report.path, report.text, lintOptions);
  const applied: AppliedFix[] = [];
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const remaining = new Map<string, Remaining>();
    const next = firstFix(analyzer, current, lintOptions, options, remaining);
    if (next === undefined) return { report: current, applied, remaining };
    const { finding, fix } = next;
    const { title, safety, remarks = [] } = fix;
    applied.push({ code: finding.code, function: finding.function, title, safety, remarks });
    current = lintText(analyzer, report.path, applyEdits(current.text, fix.edits), lintOptions);
  }
  throw new Error(`${report.path}: fixes did not come to an end`);
}

/** The first finding with a fix that may be applied; what is left of those before it goes into `remaining`. */
function firstFix(
  analyzer: FixingAnalyzer,
  report: FileReport,
  lintOptions: LintOptions,
  { level, unsafe, offerOnly = false }: FixOptions,
  remaining: Map<string, Remaining>,
): { readonly finding: ReportedFinding; readonly fix: Fix } | undefined {
  for (const finding of report.findings) {
    if (LEVELS.indexOf(finding.level) > LEVELS.indexOf(level)) continue;
    const verdict = judge(analyzer, report, finding, lintOptions);
    if (verdict === undefined) continue;
    if (verdict.kind === 'advice') remaining.set(finding.fingerprint, verdict);
    else if (!offerOnly && (verdict.fix.safety === 'safe' || unsafe)) return { finding, fix: verdict.fix };
    else remaining.set(finding.fingerprint, { kind: 'offered', fix: verdict.fix });
  }
  return undefined;
}
