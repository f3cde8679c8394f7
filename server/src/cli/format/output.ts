/** What every output format is given. */
import type { FixSummary } from '../../linter/apply/fix-files.ts';
import type { Remaining } from '../../linter/apply/fix-text.ts';
import { type FileReport, isFailure, type ReportedFinding } from '../../linter/file/report.ts';
import type { LintRun } from '../../linter/run/run.ts';
import { linesFor } from '../../linter/text/finding.ts';
import type { Style } from '../../linter/text/style.ts';
import { LEVELS, type Level } from '../../rules/finding.ts';
import type { Rule } from '../../rules/rule.ts';
import { LineIndex } from '../../syntax/lines.ts';
import type { Range } from '../../syntax/range.ts';
import type { ExitStatus } from '../failure.ts';

export interface Output {
  readonly run: LintRun;
  readonly rules: readonly Rule[];
  /** Findings below this level are counted, and shown nowhere else. */
  readonly level: Level;
  readonly status: ExitStatus;
  /** Folder that relative paths start from. */
  readonly cwd: string;
  readonly version: string;
  readonly style: Style;
  /** Present when fixes were asked for. */
  readonly fixes?: FixSummary;
}

/** What can be done about a finding, where fixes were asked for. */
export function remedyOf(
  { fixes }: Output,
  report: FileReport,
  finding: ReportedFinding,
): Remaining | undefined {
  return fixes?.remaining.get(report.path)?.get(finding.fingerprint);
}

/** Text of the whole output, with a line break at its end. */
export type Formatter = (output: Output) => string;

export interface Span {
  readonly line: number;
  /** From 1, in characters (Unicode code points). */
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** Line and columns of a range. */
export function spanOf(lines: LineIndex, range: Range): Span {
  const own = linesFor(lines, range);
  const start = own.placeOf(range.start);
  const end = own.placeOf(range.end);
  return { line: start.line, column: start.column, endLine: end.line, endColumn: end.column };
}

export function atLeast(level: Level, threshold: Level): boolean {
  return LEVELS.indexOf(level) <= LEVELS.indexOf(threshold);
}

/** A report's findings that are shown, with the lines of its text. */
export function shown(report: FileReport, level: Level): readonly ReportedFinding[] {
  return report.findings.filter((finding) => atLeast(finding.level, level));
}

export function linesOf(report: FileReport): LineIndex {
  return new LineIndex(report.text);
}

export interface Summary {
  readonly findings: Readonly<Record<Level, number>>;
  /** Files that were looked at. */
  readonly files: number;
  readonly functions: number;
  readonly partlyRead: number;
  /** Analyses that were cut short by a budget: findings may be missing there. */
  readonly cutShort: number;
}

export function summarize(run: LintRun): Summary {
  const findings = { error: 0, warning: 0, note: 0 };
  let functions = 0;
  let partlyRead = 0;
  let cutShort = 0;
  for (const report of run.reports) {
    for (const { level } of report.findings) findings[level]++;
    functions += report.functions;
    partlyRead += report.partlyRead.length;
    cutShort += report.problems.filter((problem) => !isFailure(problem)).length;
  }
  return { findings, files: run.scanned, functions, partlyRead, cutShort };
}
