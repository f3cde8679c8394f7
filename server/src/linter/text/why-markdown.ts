/** The explanation of a finding as Markdown, for issues, reviews and mails that are rendered. */
import { trialText } from '../../explain/explainer.ts';
import type { ExplainedStep } from '../../explain/explanation.ts';
import type { LineIndex } from '../../syntax/lines.ts';
import type { FileReport, ReportedFinding } from '../file/report.ts';
import { linesFor, placeText } from './finding.ts';
import {
  type Column,
  counterChanges,
  countersBefore,
  type FolioRow,
  rowsAfter,
  rowsBefore,
} from './folio-table.ts';
import { printable } from './source-line.ts';
import { callText, steadyFlags, stepSentence } from './step-text.ts';
import { exploredText, notShownText } from './why.ts';

/** Ends with a line break. */
export function whyMarkdown(
  report: FileReport,
  lines: LineIndex,
  finding: ReportedFinding,
  name: string,
): string {
  const { explanation } = finding;
  const place = code(placeText(report, lines, finding.range));
  const parts = [
    `## ${finding.code} ${name} (${finding.level})`,
    `${place} in ${code(`${finding.function}()`)}`,
    prose(finding.message),
    fenced(lines.lineText(lines.lineOf(finding.range.start)).trim()),
    ...(finding.related.length === 0
      ? []
      : [
          list(
            finding.related.map(
              ({ range, message }) => `${code(placeText(report, lines, range))}: ${prose(message)}`,
            ),
          ),
        ]),
  ];
  if (explanation === undefined) return `${parts.join('\n\n')}\n`;
  const add = (title: string, ...body: readonly string[]) => {
    if (body.some((each) => each !== '')) parts.push(`### ${title}`, ...body);
  };
  if (explanation.verdict === 'not-shown') add('Run', notShownText(explanation));
  if (explanation.verdict === 'nothing-to-run') add('Run', `${explanation.summary}.`);
  add('What the kernel does', list(explanation.kernel.map(prose)));
  add('Assumed', list(explanation.assumptions.map(prose)));
  if (explanation.steps.length > 0) add('What happens', ...stepParts(report, lines, explanation.steps));
  if (explanation.damage !== undefined) {
    const property = explanation.property === undefined ? '' : ` (${code(explanation.property)})`;
    add('Damage', `**${prose(explanation.damage)}.**${property}`);
  }
  if (explanation.documentForm !== undefined) add("The document's form", explanation.documentForm);
  add('Tried', list(explanation.tried.map((trial) => prose(trialText(trial)))));
  add('Explored', exploredText(explanation));
  return `${parts.join('\n\n')}\n`;
}

function stepParts(report: FileReport, lines: LineIndex, steps: readonly ExplainedStep[]): string[] {
  const steady = steadyFlags(steps);
  const first = steps[0]!;
  return [
    ...(steady.size === 0 ? [] : [`Every folio is ${[...steady].join(', ')} throughout.`]),
    ['Before the first step:', ...countersBefore(first.before)].join(' '),
    table(rowsBefore(first.before, steady)),
    ...steps.flatMap((step, index) => {
      const at = step.range === undefined ? '' : `, ${code(placeText(report, lines, step.range))}`;
      const own = step.range === undefined ? lines : linesFor(lines, step.range);
      const source = step.range === undefined ? '' : own.lineText(own.lineOf(step.range.start)).trim();
      return [
        `**${index + 1}. ${step.actor}** ${code(callText(step))}${at}`,
        ...(source === '' ? [] : [fenced(source)]),
        [`${prose(stepSentence(step))}.`, ...step.warnings.map((warning) => `WARN: ${code(warning)}`)].join(
          '\n\n',
        ),
        table(rowsAfter(step, steady)),
        ...counterChanges(step).map(prose),
      ].filter((part) => part !== '');
    }),
  ];
}

function table(rows: readonly FolioRow[]): string {
  if (rows.length === 0) return '';
  const columns = Object.keys(rows[0]!.cells) as Column[];
  const line = (values: readonly string[]) => `| ${values.join(' | ')} |`;
  return [
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map((row) =>
      line(
        columns.map((column) => {
          const text = prose(row.cells[column]);
          return row.touched && column === 'folio' ? `**${text}**` : text;
        }),
      ),
    ),
  ].join('\n');
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join('\n');
}

function fenced(source: string): string {
  const longest = Math.max(2, ...[...source.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}c\n${printable(source)}\n${fence}`;
}

function code(text: string): string {
  const shown = printable(text);
  if (!shown.includes('`')) return `\`${shown}\``;
  return `\`\` ${shown} \`\``;
}

/** Text whose characters mean nothing in Markdown. */
function prose(text: string): string {
  // An underscore inside a word emphasises nothing.
  return printable(text).replace(/[\\`*[\]<>|]|(?<!\w)_|_(?!\w)/g, '\\$&');
}
