/** Findings for people: the place, what is wrong, the source line, and what a run of the engine showed. */
import type { FileReport, ReportedFinding } from '../../linter/report.ts';
import { LEVELS } from '../../rules/finding.ts';
import type { LineIndex } from '../../syntax/lines.ts';
import type { Range } from '../../syntax/range.ts';
import { levelFormat, type Style } from '../style.ts';
import { counted, type Formatter, linesOf, type Output, shown, spanOf, summarize } from './output.ts';
import { printable, showLine } from './source-line.ts';

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
export function findingText(
  report: FileReport,
  lines: LineIndex,
  finding: ReportedFinding,
  name: string,
  style: Style,
): string {
  const { line, column } = spanOf(lines, finding.range);
  const gutter = String(line).length + 1;
  const bar = ' '.repeat(gutter) + style('dim', '|');
  const remark = (kind: string, text: string) =>
    `${' '.repeat(gutter)}${style('dim', '=')} ${style('bold', `${kind}:`)} ${printable(text)}`;
  const format = levelFormat[finding.level];
  const ran = finding.explanation !== undefined && finding.explanation.verdict !== 'nothing-to-run';
  return [
    `${style('bold', `${printable(report.path)}:${line}:${column}`)}: ${style(format, `${finding.level} ${finding.code}`)} ` +
      `${style('bold', name)}: ${printable(finding.message)}`,
    bar,
    ...sourceLines(lines, finding.range, gutter, (text) => style(format, text), style),
    ...(ran ? [remark('run', finding.explanation.summary)] : []),
    ...finding.related.map((related) => {
      const place = spanOf(lines, related.range);
      return remark('note', `${report.path}:${place.line}:${place.column}: ${related.message}`);
    }),
  ].join('\n');
}

/** A source line with its number, and a line with carets under the marked part. */
export function sourceLines(
  lines: LineIndex,
  range: Range,
  gutter: number,
  mark: (text: string) => string,
  style: Style,
): string[] {
  const line = lines.lineOf(range.start);
  const start = lines.startOf(line);
  const source = showLine(
    lines.lineText(line),
    range.start - start,
    Math.max(range.start, range.end) - start,
  );
  const number = style('dim', `${String(line).padStart(gutter - 1)} |`);
  return [
    `${number} ${source.text}`.trimEnd(),
    `${' '.repeat(gutter)}${style('dim', '|')} ${' '.repeat(source.from)}${mark('^'.repeat(source.width))}`,
  ];
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
