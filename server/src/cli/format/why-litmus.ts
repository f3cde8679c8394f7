/** The runs behind findings as litmus tests, to be kept, read and run again with `gupcheck litmus`. */
import { printLitmus, scenarioToLitmus } from '#engine/index.ts';
import { PROPERTIES, type PropertyName } from '#engine/protocol/trace.ts';
import type { FileReport, ReportedFinding } from '../../linter/report.ts';
import type { LineIndex } from '../../syntax/lines.ts';

/** One test, or undefined where no run belongs to the finding. */
export function whyLitmus(
  report: FileReport,
  lines: LineIndex,
  finding: ReportedFinding,
): string | undefined {
  const { explanation } = finding;
  if (explanation?.scenario === undefined) return undefined;
  const line = lines.lineOf(finding.range.start);
  const property = PROPERTIES.find((name): name is PropertyName => name === explanation.property);
  const file = report.path.split('/').at(-1) ?? report.path;
  const test = scenarioToLitmus(explanation.scenario, `${finding.code}-${file}-${line}`, {
    comments: [`${finding.code} in ${finding.function}(), ${report.path}:${line}: ${explanation.summary}.`],
    ...(property !== undefined && { property }),
  });
  return printLitmus(test);
}
