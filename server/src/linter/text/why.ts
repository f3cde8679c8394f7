/** A counterexample for people: what was assumed, each step with its source line and the pages after it, the damage. */
import { trialText } from '../../explain/explainer.ts';
import type { ExplainedStep, Explanation } from '../../explain/explanation.ts';
import type { LineIndex } from '../../syntax/lines.ts';
import type { FileReport, ReportedFinding } from '../file/report.ts';
import { counted, headline, linesFor, placeText, sourceLines } from './finding.ts';
import {
  type Column,
  columnWidths,
  counterChanges,
  countersBefore,
  type FolioRow,
  rowsAfter,
  rowsBefore,
  vanished,
} from './folio-table.ts';
import { cells, printable, showLine } from './source-line.ts';
import { callText, steadyFlags } from './step-text.ts';
import type { Style } from './style.ts';

/** Width that the text is made for. */
const WIDTH = 92;
const INDENT = '     ';

/** The explanation of one finding, with a line break at its end. */
export function whyText(
  report: FileReport,
  lines: LineIndex,
  finding: ReportedFinding,
  name: string,
  style: Style,
): string {
  const { explanation } = finding;
  const parts = [head(report, lines, finding, name, style)];
  if (explanation === undefined) return `${parts[0]}\n`;
  const list = (items: readonly string[]) => items.flatMap((each) => wrap(`- ${each}`, '  ', '    '));
  const add = (title: string, body: readonly string[]) => {
    if (body.length > 0) parts.push(section(title, body, style));
  };
  if (explanation.verdict === 'not-shown') add('Run', wrap(notShownText(explanation), '  ', '  '));
  if (explanation.verdict === 'nothing-to-run') add('Run', wrap(`${explanation.summary}.`, '  ', '  '));
  add('What the kernel does', list(explanation.kernel));
  add('Assumed', list(explanation.assumptions));
  if (explanation.steps.length > 0) add('What happens', stepLines(report, lines, explanation.steps, style));
  if (explanation.damage !== undefined) {
    const property = explanation.property === undefined ? '' : ` (${explanation.property})`;
    add(`Damage${property}`, wrap(`${explanation.damage}.`, '  ', '  '));
  }
  if (explanation.documentForm !== undefined)
    add("The document's form", wrap(explanation.documentForm, '  ', '  '));
  add('Tried', list(explanation.tried.map(trialText)));
  add('Explored', wrap(exploredText(explanation), '  ', '  '));
  return `${parts.join('\n\n')}\n`;
}

/** The verdict of a finding that a run could have shown and did not. */
export function notShownText({ tried }: Explanation): string {
  return `A run could have shown this and did not, so the level is one lower: ${counted(tried.length, 'environment')} tried.`;
}

function head(
  report: FileReport,
  lines: LineIndex,
  finding: ReportedFinding,
  name: string,
  style: Style,
): string {
  return [
    headline(report, lines, finding, name, style),
    ...wrap(finding.message, '  ', '  '),
    '',
    ...sourceLines(lines, finding.range, finding.level, style, WIDTH - 8),
    ...finding.related.flatMap(({ range, message }) =>
      wrap(`${placeText(report, lines, range)}: ${message}`, '  ', '    '),
    ),
  ].join('\n');
}

/** How much was explored, and what that proves. */
export function exploredText({ explored, reach }: Explanation): string {
  const { states, executions } = explored;
  if (states === 0) return 'Nothing was explored.';
  const count = `${counted(states, 'state')} and ${counted(executions, 'execution')} of the path as written`;
  return `${count}. ${reach}`;
}

function section(title: string, body: readonly string[], style: Style): string {
  return [style('bold', title), ...body].join('\n');
}

function stepLines(
  report: FileReport,
  lines: LineIndex,
  steps: readonly ExplainedStep[],
  style: Style,
): string[] {
  const actorWidth = Math.max(...steps.map(({ actor }) => actor.length));
  const steady = steadyFlags(steps);
  const first = rowsBefore(steps[0]!.before, steady);
  const tables = steps.map((step) => rowsAfter(step, steady));
  const widths = columnWidths([first, ...tables].flat());
  const always = steady.size === 0 ? [] : [`  Every folio is ${[...steady].join(', ')} throughout.`, ''];
  const before = folioTable(first, widths, style);
  const shown = steps.flatMap((step, index) => {
    const start = `${String(index + 1).padStart(3)}  ${step.actor.padEnd(actorWidth)}  `;
    const place = placeOfStep(report, lines, step);
    const callWidth = WIDTH - start.length - place.length - 2;
    const [call = '', ...more] = wrap(callText(step), '', '  ', callWidth);
    return [
      '',
      `${style('bold', start)}${style('bold', call.padEnd(callWidth))}  ${style('dim', place)}`.trimEnd(),
      ...more.map((line) => `${' '.repeat(start.length)}${style('bold', line)}`),
      ...sourceLine(lines, step, style),
      ...wrap(noteOf(step), INDENT, INDENT),
      ...step.warnings.flatMap((warning) => wrap(`WARN: ${warning}`, INDENT, `${INDENT}  `)),
      ...folioTable(tables[index]!, widths, style),
      ...joined(counterChanges(step)),
    ];
  });
  return [...always, '  Before', ...before, ...joined(countersBefore(steps[0]!.before)), ...shown];
}

/** `status_page.c:26`; empty for steps that are not the driver's. */
function placeOfStep(report: FileReport, lines: LineIndex, step: ExplainedStep): string {
  if (step.range === undefined) return '';
  const line = linesFor(lines, step.range).lineOf(step.range.start);
  return `${basename(step.range.file?.path ?? report.path)}:${line}`;
}

function noteOf(step: ExplainedStep): string {
  const gone = vanished(step).map((name) => `; folio ${name} is gone`);
  const within = step.within === undefined ? '' : ` (in ${step.within}())`;
  return `${step.note}${gone.join('')}${within}`;
}

function sourceLine(lines: LineIndex, step: ExplainedStep, style: Style): string[] {
  if (step.range === undefined) return [];
  const own = linesFor(lines, step.range);
  const line = own.lineOf(step.range.start);
  const text = own.lineText(line);
  const indentation = text.length - text.trimStart().length;
  const number = `${INDENT}${line} | `;
  const source = showLine(text.slice(indentation), 0, 1, WIDTH - number.length);
  return [style('dim', number) + source.text];
}

/** Pages, one row each. */
function folioTable(
  rows: readonly FolioRow[],
  widths: Readonly<Record<Column, number>>,
  style: Style,
): string[] {
  if (rows.length === 0) return [];
  const columns = Object.keys(widths) as Column[];
  const line = (cell: (column: Column) => string) =>
    `${INDENT}${columns.map((column) => pad(cell(column), widths[column])).join('  ')}`.trimEnd();
  return [
    style(
      'dim',
      line((column) => column),
    ),
    ...rows.map((row) => {
      const text = line((column) => row.cells[column]);
      return row.touched ? style('yellow', text) : text;
    }),
  ];
}

function joined(changes: readonly string[]): string[] {
  return changes.length === 0 ? [] : [`${INDENT}${changes.join('   ')}`];
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - cells(text)));
}

function basename(path: string): string {
  return printable(path.slice(path.lastIndexOf('/') + 1));
}

/** Breaks a text at blanks so that lines are at most `width` cells wide. */
function wrap(text: string, first: string, rest: string, width = WIDTH): string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of printable(text).split(/ +/)) {
    if (!empty && cells(line) + 1 + cells(word) > width) {
      lines.push(line);
      line = rest;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line];
}
