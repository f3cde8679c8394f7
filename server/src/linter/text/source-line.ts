/** A line of source as a terminal shows it: tabs expanded, control characters made visible, long lines cut. */

export interface ShownLine {
  readonly text: string;
  /** Where the marked part starts, and how wide it is (at least 1), in terminal cells. */
  readonly from: number;
  readonly width: number;
}

const TAB = 8;
/** Cells of a line that are shown, unless said otherwise. */
const CELLS = 140;
/** Cells kept in front of the marked part when a line is cut. */
const LEAD = 40;
/** UTF-16 units around the marked part that are looked at: a line may be the whole of a large file. */
const REACH = 1000;

const ZERO_WIDTH = /^(?:\p{Mn}|\p{Me}|[\u200b-\u200d])$/u;
const WIDE =
  /^[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]$/u;
/** Characters that would change what a terminal does or the order in which it shows text. */
const UNSAFE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\p{Cs}]/gu;

/** Text that is safe to print on a terminal: no escape sequences, no direction changes, no line breaks. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (char) => (char === '\t' || char === '\n' ? ' ' : '\ufffd'));
}

/** Terminal cells that a printable text takes. */
export function cells(text: string): number {
  let width = 0;
  for (const char of text) width += cellsOf(char);
  return width;
}

function cellsOf(char: string): number {
  if (char < '\u0300') return 1;
  return ZERO_WIDTH.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
}

/**
 * Shows `line`, of which UTF-16 units `[from, to)` are marked, in at most `room` cells. `to` may lie behind the end of
 * the line.
 */
export function showLine(line: string, from: number, to: number, room = CELLS): ShownLine {
  const first = Math.max(0, from - REACH);
  const last = Math.min(line.length, from + REACH);
  const before = expand(line.slice(first, from), 0);
  const start = cells(before);
  const marked = expand(line.slice(from, Math.min(to, last)), start);
  const width = Math.max(1, cells(marked));
  const after = expand(line.slice(Math.min(to, last), last), start + width);
  const whole = { text: (before + marked + after).trimEnd(), from: start, width };
  return start + width <= room && first === 0 && last === line.length && cells(whole.text) <= room
    ? whole
    : cut(whole, first > 0, last < line.length, room - 2);
}

/** Keeps `room` cells around the marked part and puts `…` where something is missing. */
function cut(line: ShownLine, moreBefore: boolean, moreAfter: boolean, room: number): ShownLine {
  const begin =
    line.from + Math.min(line.width, room - LEAD) <= room && !moreBefore ? 0 : Math.max(0, line.from - LEAD);
  let at = 0;
  let text = '';
  let skipped = 0;
  let cutEnd = moreAfter;
  for (const char of line.text) {
    const width = cellsOf(char);
    if (at < begin) skipped = at + width;
    else if (at + width - skipped > room) {
      cutEnd = true;
      break;
    } else text += char;
    at += width;
  }
  const lead = begin > 0 || moreBefore ? '…' : '';
  const from = line.from - skipped + lead.length;
  return {
    text: `${lead}${text}${cutEnd ? '…' : ''}`,
    from,
    width: Math.max(1, Math.min(line.width, room + lead.length - from)),
  };
}

/** Expands tabs (stops every 8 cells, counted from `column`) and makes the rest printable. */
function expand(text: string, column: number): string {
  let shown = '';
  let at = column;
  for (const [index, piece] of text.split('\t').entries()) {
    if (index > 0) {
      const gap = TAB - (at % TAB);
      shown += ' '.repeat(gap);
      at += gap;
    }
    const safe = printable(piece);
    shown += safe;
    at += cells(safe);
  }
  return shown;
}
