/** A finding with its counterexample for scripts. */
import type { FileReport, ReportedFinding } from '../../linter/file/report.ts';
import type { LineIndex } from '../../syntax/lines.ts';
import { findingJson } from './json.ts';
import { spanOf } from './output.ts';

export function whyJson(report: FileReport, lines: LineIndex, finding: ReportedFinding, name: string) {
  return {
    ...findingJson(report, lines, finding, name),
    scenario: finding.explanation?.scenario,
    steps: finding.explanation?.steps.map(({ range, ...step }) => ({
      ...step,
      ...(range !== undefined && { path: range.file?.path ?? report.path, ...spanOf(lines, range) }),
    })),
  };
}
