/** Text in the style of the kernel: tabs of eight columns, calls broken at commas and aligned with their bracket. */
import type { SourceFile } from '../../syntax/source.ts';
import { applyEdits, type Edit } from '../fix.ts';

const TAB = 8;
/** What Documentation/process/coding-style.rst prefers, and what checkpatch.pl tolerates. */
const PREFERRED = 80;
const TOLERATED = 100;

/** Column (from 0) behind a piece of text that starts at a column. */
export function columnAfter(text: string, from = 0): number {
  let column = from;
  for (const char of text) column = char === '\t' ? (Math.floor(column / TAB) + 1) * TAB : column + 1;
  return column;
}

/** Start of the line that an offset is on. */
export function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

/** Offset behind the line break of the line that an offset is on. */
export function lineEnd(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end < 0 ? text.length : end + 1;
}

/** Blanks at the start of the line that an offset is on. */
export function indentAt(text: string, offset: number): string {
  return /[ \t]*/y.exec(text.slice(lineStart(text, offset)))![0];
}

/** The file's line break. */
export function newline({ text }: SourceFile): string {
  return /\r?\n/.exec(text)?.[0] ?? '\n';
}

/** One more level of indentation than a line has, in the same kind of blanks. */
export function deeper(indent: string): string {
  if (indent.includes('\t') || indent === '') return `${indent}\t`;
  return indent + ' '.repeat(indent.length % 4 === 0 ? 4 : 2);
}

/** Blanks up to a column, tabs as far as they go. */
function padding(column: number, tabs: boolean): string {
  return tabs ? '\t'.repeat(Math.floor(column / TAB)) + ' '.repeat(column % TAB) : ' '.repeat(column);
}

/**
 * `name(args)` as it is written at a column behind `indent`, with `tail` behind it on the line: on one line where that
 * fits, else broken before the argument that does not.
 */
export function laidOut(
  file: SourceFile,
  at: { readonly column: number; readonly indent: string; readonly tail?: string },
  name: string,
  args: readonly string[],
): string {
  const tail = at.tail ?? ';';
  const flat = `${name}(${args.join(', ')})`;
  if (flat.includes('\n') || columnAfter(flat + tail, at.column) <= limitOf(file)) return flat;
  const bracket = columnAfter(`${name}(`, at.column);
  const pad = padding(bracket, at.indent.includes('\t') || at.indent === '');
  let out = `${name}(`;
  let column = bracket;
  for (const [index, arg] of args.entries()) {
    const piece = arg + (index === args.length - 1 ? `)${tail}` : ',');
    const spaced = index === 0 ? piece : ` ${piece}`;
    if (index > 0 && columnAfter(spaced, column) > limitOf(file)) {
      out += newline(file) + pad + piece;
      column = columnAfter(piece, bracket);
    } else {
      out += spaced;
      column = columnAfter(spaced, column);
    }
  }
  return out.slice(0, out.length - tail.length);
}

/** Columns that the file's author allows. */
function limitOf({ text }: SourceFile): number {
  const code = text.split('\n').filter((line) => !/^\s*[/*]|"/.test(line));
  return code.some((line) => columnAfter(line.trimEnd()) > PREFERRED) ? TOLERATED : PREFERRED;
}

/**
 * Lines under a bracket move with it: where an edit shifts the bracket of a call that goes on over several lines, and
 * they were aligned with it, they are aligned again. Returns more edits.
 */
export function realigned(
  file: SourceFile,
  edits: readonly Edit[],
  call: { start: number; end: number },
): Edit[] {
  const { text, code } = file;
  const open = code.indexOf('(', call.start);
  const before = lineStart(text, call.start);
  const shifted = applyEdits(
    text.slice(before, open + 1),
    edits
      .filter(({ range }) => range.start >= before && range.end <= open + 1)
      .map(({ range, newText }) => ({
        range: { start: range.start - before, end: range.end - before },
        newText,
      })),
  );
  const was = columnAfter(text.slice(before, open + 1));
  const is = columnAfter(shifted);
  if (was === is) return [];
  const out: Edit[] = [];
  for (let at = lineEnd(text, open); at < call.end; at = lineEnd(text, at)) {
    const indent = indentAt(text, at);
    if (columnAfter(indent) !== was) return [];
    out.push({
      range: { start: at, end: at + indent.length },
      newText: padding(is, indent.includes('\t')),
    });
  }
  return out;
}
