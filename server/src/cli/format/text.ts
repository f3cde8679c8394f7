/** Findings for people: the place, what is wrong, the source line, and what a run of the engine showed. */
import type { FileReport, ReportedFinding } from '../../linter/report.ts';
import { counted, gutterOf, headline, placeText, sourceLines } from '../../linter/text/finding.ts';
import { printable } from '../../linter/text/source-line.ts';
import { levelFormat, type Style } from '../../linter/text/style.ts';
import { LEVELS } from '../../rules/finding.ts';
import type { LineIndex } from '../../syntax/lines.ts';
import { type Formatter, linesOf, type Output, shown, summarize } from './output.ts';

export const formatText: Formatter = (output) => {
  const names = new Map(output.rules.map((rule) => [rule.code, rule.name]));
  const blocks: string[] = [];
  for (const report of output.run.reports) {
    const findings = shown(report, output.level);
    if (findings.length === 0) continue;
    const lines = linesOf(report);
    for (const finding of findings) {
      blocks.push(`${findingText(report, lines, finding, names.get(finding.code) ?? '', output.style)}\n`);
    }
  }
  return [...blocks, `${closingLine(output)}\n`].join('\n');
};

/** One finding, without a line break at its end. */
function findingText(
  report: FileReport,
  lines: LineIndex,
  finding: ReportedFinding,
  name: string,
  style: Style,
): string {
  const gutter = gutterOf(lines, finding.range);
  const remark = (kind: string, text: string) =>
    `${' '.repeat(gutter)}${style('dim', '=')} ${style('bold', `${kind}:`)} ${printable(text)}`;
  const ran = finding.explanation !== undefined && finding.explanation.verdict !== 'nothing-to-run';
  return [
    `${headline(report, lines, finding, name, style)}: ${printable(finding.message)}`,
    ' '.repeat(gutter) + style('dim', '|'),
    ...sourceLines(lines, finding.range, finding.level, style),
    ...(ran ? [remark('run', finding.explanation.summary)] : []),
    ...finding.related.map(({ range, message }) =>
      remark('note', `${placeText(report, lines, range)}: ${message}`),
    ),
  ].join('\n');
}

function closingLine({ run, level, style }: Output): string {
  const { findings, files, functions, partlyRead, cutShort } = summarize(run);
  const threshold = LEVELS.indexOf(level);
  const visible = LEVELS.filter((each, index) => index <= threshold && findings[each] > 0);
  const hidden = LEVELS.filter((each, index) => index > threshold && findings[each] > 0);
  const what =
    visible.length === 0
      ? style(['bold', 'green'], 'no findings')
      : visible.map((each) => style(levelFormat[each], counted(findings[each], each))).join(', ');
  const partly = partlyRead === 0 ? '' : `, ${partlyRead} of them read only in part`;
  const cut = cutShort === 0 ? '' : `, ${cutShort} not followed to the end`;
  const read = `${counted(functions, 'function')} analysed${partly}${cut}`;
  const more =
    hidden.length === 0
      ? ''
      : `; not shown: ${hidden.map((each) => counted(findings[each], each)).join(', ')} (--level ${hidden.at(-1)})`;
  return `${what} in ${counted(files, 'file')} (${read})${more}`;
}
