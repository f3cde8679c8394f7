/** The runs behind findings as litmus tests, to be kept, read and run again with `gupcheck litmus`. */
import { type LitmusTest, printLitmus, runLitmus, scenarioToLitmus } from '#engine/index.ts';
import type { Scenario } from '#engine/protocol/scenario.ts';
import type { Explanation } from '../../explain/explanation.ts';
import type { FileReport, ReportedFinding } from '../../linter/file/report.ts';
import type { LineIndex } from '../../syntax/lines.ts';

/**
 * Two tests, since a verdict is a difference: the path as written, and the document's form of it in the same memory with
 * the same actors. Each expects what a run of it observes. Undefined where no run belongs to the finding.
 */
export function whyLitmus(
  report: FileReport,
  lines: LineIndex,
  finding: ReportedFinding,
): string | undefined {
  const { explanation } = finding;
  if (explanation?.scenario === undefined) return undefined;
  const line = lines.lineOf(finding.range.start);
  const file = report.path.split('/').at(-1) ?? report.path;
  const name = `${finding.code}-${file}-${line}`;
  const place = `${finding.code} in ${finding.function}(), ${report.path}:${line}`;
  const written = testOf(explanation, explanation.scenario, `${name}-as-written`, [
    `${place}: ${explanation.summary}.`,
  ]);
  const form =
    explanation.form === undefined
      ? undefined
      : testOf(explanation, { ...explanation.scenario, driver: explanation.form }, `${name}-document-form`, [
          `${place}, as the document has it.`,
        ]);
  return [written, form].flatMap((test) => (test === undefined ? [] : printLitmus(test))).join('\n');
}

/** A test that expects what is observed; undefined for a form whose calls fail in this memory. */
function testOf(
  { property }: Explanation,
  scenario: Scenario,
  name: string,
  comments: readonly string[],
): LitmusTest | undefined {
  const options = { comments, ...(property !== undefined && { property }) };
  const { refused, observation } = runLitmus(scenarioToLitmus(scenario, name, options));
  return refused ? undefined : scenarioToLitmus(scenario, name, { ...options, expectation: observation });
}
