/** A counterexample for people: what was assumed, each step with its source line and the pages after it, the damage. */
import type { FolioView, Snapshot } from '#engine/protocol/trace.ts';
import type { ExplainedStep, Explanation } from '../../explain/explanation.ts';
import type { LineIndex } from '../../syntax/lines.ts';
import type { FileReport, ReportedFinding } from '../report.ts';
import { counted, headline, placeText, sourceLines } from './finding.ts';
import { cells, printable, showLine } from './source-line.ts';
import { callText, folioColumns, steadyFlags } from './step-text.ts';
import type { Style } from './style.ts';

/** Width that the text is made for. */
const WIDTH = 100;
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
  if (explanation.steps.length === 0) {
    parts.push(section('Run', wrap(explanation.summary, '  ', '  '), style));
  }
  if (explanation.assumptions.length > 0) {
    parts.push(
      section(
        'Assumed',
        explanation.assumptions.flatMap((each) => wrap(`- ${each}`, '  ', '    ')),
        style,
      ),
    );
  }
  if (explanation.steps.length > 0) {
    parts.push(section('What happens', stepLines(report, lines, explanation.steps, style), style));
  }
  if (explanation.damage !== undefined) {
    const property = explanation.property === undefined ? '' : ` (${explanation.property})`;
    parts.push(section(`Damage${property}`, wrap(explanation.damage, '  ', '  '), style));
  }
  if (explanation.documentForm !== undefined) {
    parts.push(section("The document's form", wrap(explanation.documentForm, '  ', '  '), style));
  }
  parts.push(style('dim', exploredText(explanation)));
  return `${parts.join('\n\n')}\n`;
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

function exploredText({ explored }: Explanation): string {
  const { states, executions, bounded } = explored;
  if (states === 0) return 'Nothing was explored.';
  const limit = bounded ? '; a bound was hit, so this is not all of them' : '';
  return `Explored ${counted(states, 'state')} and ${counted(executions, 'execution')}${limit}.`;
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
  const widths = columnWidths(steps, steady);
  const always = steady.size === 0 ? [] : [`  Every folio is ${[...steady].join(', ')} throughout.`, ''];
  const shown = steps.flatMap((step, index) => {
    const start = `${String(index + 1).padStart(3)}  ${step.actor.padEnd(actorWidth)}  `;
    const place =
      step.range === undefined ? '' : `${basename(report.path)}:${lines.lineOf(step.range.start)}`;
    const callWidth = WIDTH - start.length - place.length - 2;
    const [call = '', ...more] = wrap(callText(step), '', '  ', callWidth);
    return [
      ...(index === 0 ? [] : ['']),
      `${style('bold', start)}${style('bold', call.padEnd(callWidth))}  ${style('dim', place)}`.trimEnd(),
      ...more.map((line) => `${' '.repeat(start.length)}${style('bold', line)}`),
      ...sourceLine(lines, step, style),
      ...wrap(step.note, INDENT, INDENT),
      ...step.warnings.flatMap((warning) => wrap(`WARN: ${warning}`, INDENT, `${INDENT}  `)),
      ...folioTable(step, widths, steady, style),
      ...counters(step),
    ];
  });
  return [...always, ...shown];
}

function sourceLine(lines: LineIndex, step: ExplainedStep, style: Style): string[] {
  if (step.range === undefined) return [];
  const line = lines.lineOf(step.range.start);
  const text = lines.lineText(line);
  const indentation = text.length - text.trimStart().length;
  const number = `${INDENT}${line} | `;
  const source = showLine(text.slice(indentation), 0, 1, WIDTH - number.length);
  return [style('dim', number) + source.text];
}

type Column = keyof ReturnType<typeof folioColumns>;
type Widths = Readonly<Record<Column, number>>;

/** Pages after a step, one row each; counts that the step changed are shown as `before→after`. */
function folioTable(
  step: ExplainedStep,
  widths: Widths,
  steady: ReadonlySet<string>,
  style: Style,
): string[] {
  if (step.after.folios.length === 0) return [];
  const columns = Object.keys(widths) as Column[];
  const row = (cell: (column: Column) => string) =>
    `${INDENT}${columns.map((column) => pad(cell(column), widths[column])).join('  ')}`.trimEnd();
  return [
    style(
      'dim',
      row((column) => column),
    ),
    ...step.after.folios.map((folio) => {
      const values = changes(step.before, folio, steady);
      const text = row((column) => values[column]);
      return touched(step.before, folio) ? style('yellow', text) : text;
    }),
  ];
}

function columnWidths(steps: readonly ExplainedStep[], steady: ReadonlySet<string>): Widths {
  const rows = steps.flatMap(({ before, after }) =>
    after.folios.map((folio) => changes(before, folio, steady)),
  );
  const widths = Object.fromEntries(
    Object.keys(rows[0] ?? {}).map((column) => [
      column,
      Math.max(column.length, ...rows.map((row) => cells(row[column as Column]))),
    ]),
  );
  return widths as Record<Column, number>;
}

function changes(before: Snapshot, folio: FolioView, steady: ReadonlySet<string>): Record<Column, string> {
  const now = folioColumns(folio, steady);
  const old = before.folios.find(({ name }) => name === folio.name);
  if (old === undefined) return now;
  const then = folioColumns(old, steady);
  const change = (column: Column) =>
    then[column] === now[column] ? now[column] : `${then[column]}→${now[column]}`;
  return { ...now, refcount: change('refcount'), pincount: change('pincount'), mapcount: change('mapcount') };
}

function touched(before: Snapshot, folio: FolioView): boolean {
  const old = before.folios.find(({ name }) => name === folio.name);
  return JSON.stringify(old) !== JSON.stringify(folio);
}

/** What changed outside the folios: the backing store and the counters of /proc/vmstat. */
function counters({ before, after }: ExplainedStep): string[] {
  const changed: string[] = [];
  if (after.backing !== undefined && after.backing.join() !== before.backing?.join()) {
    changed.push(`backing store: ${after.backing.join(', ')}`);
  }
  for (const [name, key] of [
    ['nr_foll_pin_acquired', 'acquired'],
    ['nr_foll_pin_released', 'released'],
  ] as const) {
    if (after.vmstat[key] !== before.vmstat[key]) {
      changed.push(`${name}: ${before.vmstat[key]}→${after.vmstat[key]}`);
    }
  }
  return changed.length === 0 ? [] : [`${INDENT}${changed.join('   ')}`];
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
