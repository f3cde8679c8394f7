/** Findings for scripts. `formatVersion` grows when a field changes its meaning or goes away, not when one is added. */
import type { Remaining } from '../../linter/apply/fix-text.ts';
import type { FileReport, ReportedFinding } from '../../linter/file/report.ts';
import type { LineIndex } from '../../syntax/lines.ts';
import type { Range } from '../../syntax/range.ts';
import { type Formatter, linesOf, remedyOf, shown, spanOf, summarize } from './output.ts';

export const formatJson: Formatter = (output) => {
  const { run, rules, level, version, fixes } = output;
  const names = new Map(rules.map((rule) => [rule.code, rule.name]));
  return `${JSON.stringify(
    {
      formatVersion: 1,
      version,
      level,
      summary: summarize(run),
      findings: run.reports.flatMap((report) => {
        const lines = linesOf(report);
        return shown(report, level).map((finding) => ({
          ...findingJson(report, lines, finding, names.get(finding.code) ?? ''),
          ...remedyJson(lines, remedyOf(output, report, finding)),
        }));
      }),
      files: run.reports.map(({ path, kernel, functions, partlyRead, problems }) => ({
        path,
        kernel,
        functions,
        partlyRead,
        problems: problems.map(({ kind, message }) => ({ kind, message })),
      })),
      ...(fixes !== undefined && {
        fixes: {
          mode: fixes.mode,
          applied: fixes.files.flatMap(({ path, applied }) => applied.map((each) => ({ path, ...each }))),
        },
      }),
      problems: run.problems,
      skipped: run.skipped,
    },
    null,
    2,
  )}\n`;
};

/** A fix that was not applied, or what to do by hand. */
function remedyJson(lines: LineIndex, remedy: Remaining | undefined) {
  if (remedy === undefined) return {};
  if (remedy.kind === 'advice') return { help: remedy.advice };
  const { title, safety, remarks = [], edits } = remedy.fix;
  return {
    fix: {
      title,
      safety,
      remarks,
      edits: edits.map(({ range, newText }) => ({ ...spanOf(lines, range), newText })),
    },
  };
}

/** One finding; `explanation` has no steps, which `gupcheck why --format json` gives. */
export function findingJson(report: FileReport, lines: LineIndex, finding: ReportedFinding, name: string) {
  const place = (range: Range) => ({ path: range.file?.path ?? report.path, ...spanOf(lines, range) });
  const { explanation } = finding;
  return {
    code: finding.code,
    name,
    level: finding.level,
    certainty: finding.certainty,
    ...(finding.configuration !== undefined && { configuration: finding.configuration }),
    message: finding.message,
    ...place(finding.range),
    function: finding.function,
    api: finding.api,
    fingerprint: finding.fingerprint,
    related: finding.related.map(({ range, message }) => ({ ...place(range), message })),
    ...(explanation !== undefined && {
      explanation: {
        verdict: explanation.verdict,
        summary: explanation.summary,
        property: explanation.property,
        damage: explanation.damage,
        documentForm: explanation.documentForm,
        assumptions: explanation.assumptions,
        tried: explanation.tried,
        kernel: explanation.kernel,
        explored: explanation.explored,
        reach: explanation.reach,
      },
    }),
  };
}
