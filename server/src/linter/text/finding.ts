/** The parts of a finding's text that `lint` and `why` share. */
import type { Level } from '../../rules/finding.ts';
import { LineIndex } from '../../syntax/lines.ts';
import type { OtherFile, Range } from '../../syntax/range.ts';
import type { FileReport, ReportedFinding } from '../file/report.ts';
import { printable, showLine } from './source-line.ts';
import { levelFormat, type Style } from './style.ts';

/** `drivers/x.c:12:7: error GUP201 write-under-get` */
export function headline(
  report: FileReport,
  lines: LineIndex,
  finding: ReportedFinding,
  name: string,
  style: Style,
): string {
  const place = style('bold', placeText(report, lines, finding.range));
  const code = style(levelFormat[finding.level], `${finding.level} ${finding.code}`);
  return `${place}: ${code} ${style('bold', name)}`;
}

/** `drivers/x.c:12:7` */
export function placeText(report: FileReport, lines: LineIndex, range: Range): string {
  const { line, column } = linesFor(lines, range).placeOf(range.start);
  return `${printable(range.file?.path ?? report.path)}:${line}:${column}`;
}

const indices = new WeakMap<OtherFile, LineIndex>();

/** The lines that a range is in: `lines`, unless it is in another file. */
export function linesFor(lines: LineIndex, { file }: Range): LineIndex {
  if (file === undefined) return lines;
  const index = indices.get(file) ?? new LineIndex(file.text);
  indices.set(file, index);
  return index;
}

/** Cells in front of the bar beside a source line. */
export function gutterOf(lines: LineIndex, range: Range): number {
  return String(lines.lineOf(range.start)).length + 1;
}

/** A source line with its number, and a line with carets under the marked part; the source in at most `room` cells. */
export function sourceLines(
  lines: LineIndex,
  range: Range,
  level: Level,
  style: Style,
  room?: number,
): string[] {
  const line = lines.lineOf(range.start);
  const start = lines.startOf(line);
  const source = showLine(lines.lineText(line), range.start - start, range.end - start, room);
  const carets = style(levelFormat[level], '^'.repeat(source.width));
  return [
    `${style('dim', `${line} |`)} ${source.text}`.trimEnd(),
    `${' '.repeat(gutterOf(lines, range))}${style('dim', '|')} ${' '.repeat(source.from)}${carets}`,
  ];
}

/** `1 file`, `2 files`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
