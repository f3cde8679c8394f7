/** Findings for people: the place, what is wrong, the source line, and what a run of the engine showed. */
import type { FixSummary } from '../../linter/apply/fix-files.ts';
import type { Remaining } from '../../linter/apply/fix-text.ts';
import type { FileReport, ReportedFinding } from '../../linter/file/report.ts';
import { counted, gutterOf, headline, placeText, sourceLines } from '../../linter/text/finding.ts';
import { printable } from '../../linter/text/source-line.ts';
import { levelFormat } from '../../linter/text/style.ts';
import { LEVELS } from '../../rules/finding.ts';
import type { LineIndex } from '../../syntax/lines.ts';
import { type Formatter, linesOf, type Output, remedyOf, shown, summarize } from './output.ts';

export const formatText: Formatter = (output) => {
  const names = new Map(output.rules.map((rule) => [rule.code, rule.name]));
  const blocks: string[] = fixedText(output);
  for (const report of output.run.reports) {
    const findings = shown(report, output.level);
    if (findings.length === 0) continue;
    const lines = linesOf(report);
    for (const finding of findings) {
      blocks.push(`${findingText(report, lines, finding, names.get(finding.code) ?? '', output)}\n`);
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
  output: Output,
): string {
  const { style } = output;
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
    ...remedyLines(remedyOf(output, report, finding)).map(([kind, text]) => remark(kind, text)),
  ].join('\n');
}

/** What can be done: a fix and the options that apply it, or what to do by hand. */
function remedyLines(remedy: Remaining | undefined): [string, string][] {
  if (remedy === undefined) return [];
  if (remedy.kind === 'advice')
    return [['help', `${remedy.advice.title}. No edit is offered: ${remedy.advice.reason}.`]];
  const { title, safety, remarks = [] } = remedy.fix;
  const how = safety === 'safe' ? '--fix' : '--fix --unsafe-fixes';
  return [['fix', `${title} (${how})`], ...remarks.map((each): [string, string] => ['note', each])];
}

/** One line for each fix that was applied. */
function fixedText({ fixes }: Output): string[] {
  const lines = (fixes?.files ?? []).flatMap(({ path, applied }) =>
    applied.flatMap(({ code, function: name, title, remarks }) => [
      `${printable(path)}: fixed ${code} in ${name}(): ${title}`,
      ...remarks.map((remark) => `${printable(path)}: note: ${printable(remark)}`),
    ]),
  );
  return lines.length === 0 ? [] : [`${lines.join('\n')}\n`];
}

function fixesInWords(fixes: FixSummary | undefined): string {
  if (fixes === undefined || fixes.mode !== 'applied') return '';
  const count = fixes.files.reduce((sum, { applied }) => sum + applied.length, 0);
  const left = [...fixes.remaining.values()].flatMap((each) => [...each.values()]);
  const unsafe = left.filter(({ kind }) => kind === 'offered').length;
  const manual = left.length - unsafe;
  return `${count} fixed, ${unsafe} left for --unsafe-fixes, ${manual} refused; `;
}

function closingLine({ run, level, style, fixes }: Output): string {
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
  const large = run.large === 0 ? '' : `; ${counted(run.large, 'large header')} not read`;
  const read = `${counted(functions, 'function')} analysed${partly}${cut}${large}`;
  const more =
    hidden.length === 0
      ? ''
      : `; not shown: ${hidden.map((each) => counted(findings[each], each)).join(', ')} (--level ${hidden.at(-1)})`;
  return `${fixesInWords(fixes)}${what} in ${counted(files, 'file')} (${read})${more}`;
}
