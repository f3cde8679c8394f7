/** Offsets to lines and columns and back. */

/** A place for people: all numbers from 1. */
export interface Place {
  readonly line: number;
  /** In characters (Unicode code points). A tab is one character. */
  readonly column: number;
  /** In UTF-16 code units, which the language server protocol counts (from 0, so one less). */
  readonly utf16Column: number;
}

/** The lines of a text. `\n`, `\r\n` and a lone `\r` end a line; the line break belongs to the line it ends. */
export class LineIndex {
  readonly #text: string;
  readonly #starts: number[] = [0];
  /** Without surrogates a character is a code unit, and nothing has to be counted. */
  readonly #hasSurrogates: boolean;

  constructor(text: string) {
    this.#text = text;
    this.#hasSurrogates = /[\ud800-\udbff]/.test(text);
    if (!text.includes('\r')) {
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
      return;
    }
    const lineBreak = /\r\n?|\n/g;
    while (lineBreak.exec(text) !== null) this.#starts.push(lineBreak.lastIndex);
  }

  get count(): number {
    return this.#starts.length;
  }

  /** The line (from 1) that an offset is on; offsets outside the text are clamped. */
  lineOf(offset: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }

  placeOf(offset: number): Place {
    const at = Math.min(Math.max(offset, 0), this.#text.length);
    const line = this.lineOf(at);
    const start = this.#starts[line - 1]!;
    const utf16Column = at - start + 1;
    const pairs = this.#hasSurrogates ? surrogatePairs(this.#text, start, at) : 0;
    return { line, column: utf16Column - pairs, utf16Column };
  }

  /** Offset of a line (from 1) and UTF-16 column (from 1); clamped to the line and the text. */
  offsetOf(line: number, utf16Column: number): number {
    const index = Math.min(Math.max(line, 1), this.count) - 1;
    const start = this.#starts[index]!;
    return Math.min(start + Math.max(utf16Column, 1) - 1, start + this.lineText(index + 1).length);
  }

  /** Offset of a line's first character; lines count from 1. */
  startOf(line: number): number {
    return this.#starts[Math.min(Math.max(line, 1), this.count) - 1]!;
  }

  /** A line's text without its line break; empty for a line that does not exist. */
  lineText(line: number): string {
    const start = this.#starts[line - 1];
    if (start === undefined) return '';
    const end = this.#starts[line] ?? this.#text.length;
    return this.#text.slice(start, end).replace(/\r?\n$|\r$/, '');
  }
}

function surrogatePairs(text: string, from: number, to: number): number {
  let pairs = 0;
  for (let at = from; at + 1 < to; at++) {
    if (isHigh(text.charCodeAt(at)) && isLow(text.charCodeAt(at + 1))) {
      pairs++;
      at++;
    }
  }
  return pairs;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}
