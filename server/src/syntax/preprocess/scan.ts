/** One pass over a file: where its comments and its preprocessor directives are. */

import { blanks } from '../blank.ts';

export interface Directive {
  /** `if`, `ifdef`, `define`, …; empty for a null directive. */
  readonly name: string;
  /** What follows the name: comments and line continuations are blanks, the length is kept. */
  readonly rest: string;
  /** Offset of `rest`. */
  readonly restStart: number;
  /** Offset of the `#`. */
  readonly start: number;
  /** Offset of the line break that ends the directive, or the end of the text. */
  readonly end: number;
}

export interface Scan {
  readonly directives: readonly Directive[];
  /** Comments outside directives, start and end alternating. */
  readonly comments: readonly number[];
}

const SLASH = 47;
const STAR = 42;
const BACKSLASH = 92;
const NEWLINE = 10;
const RETURN = 13;

/** Finds comments and directives; strings and character constants are stepped over. Total. */
export function scan(text: string): Scan {
  const directives: Directive[] = [];
  const comments: number[] = [];
  const interesting = /\/[/*]|["'#]/g;
  for (let match = interesting.exec(text); match !== null; match = interesting.exec(text)) {
    const at = match.index;
    const first = match[0];
    if (first === '#') {
      if (!startsLine(text, at, comments)) continue;
      const directive = readDirective(text, at);
      directives.push(directive);
      interesting.lastIndex = directive.end;
    } else if (first.length === 2) {
      const end = commentEnd(text, at);
      comments.push(at, end);
      interesting.lastIndex = end;
    } else {
      interesting.lastIndex = literalEnd(text, at);
    }
  }
  return { directives, comments };
}

/** The end of the comment that starts at `at`. */
function commentEnd(text: string, at: number): number {
  if (text.charCodeAt(at + 1) === STAR) {
    const close = text.indexOf('*/', at + 2);
    return close < 0 ? text.length : close + 2;
  }
  return logicalLineEnd(text, at);
}

/** The line break that ends a line, continuations included. */
function logicalLineEnd(text: string, from: number): number {
  let at = from;
  for (;;) {
    const newline = text.indexOf('\n', at);
    if (newline < 0) return text.length;
    const beforeBreak = text.charCodeAt(newline - 1) === RETURN ? newline - 1 : newline;
    if (text.charCodeAt(beforeBreak - 1) !== BACKSLASH) return beforeBreak;
    at = newline + 1;
  }
}

/** The end of the string or character constant that starts at `at`; one that is not closed ends with its line. */
export function literalEnd(text: string, at: number): number {
  const quote = text.charCodeAt(at);
  for (let i = at + 1; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === quote) return i + 1;
    if (char === NEWLINE) return i;
    if (char === BACKSLASH)
      i += text.charCodeAt(i + 1) === RETURN && text.charCodeAt(i + 2) === NEWLINE ? 2 : 1;
  }
  return text.length;
}

/** Only blanks and comments stand between the line's start and `at`. */
function startsLine(text: string, at: number, comments: readonly number[]): boolean {
  let comment = comments.length - 2;
  for (let i = at - 1; i >= 0; i--) {
    const char = text.charCodeAt(i);
    if (char === NEWLINE) return true;
    if (char === 32 || char === 9 || char === 12 || char === RETURN) continue;
    if (comment >= 0 && comments[comment + 1] === i + 1) {
      i = comments[comment]!;
      comment -= 2;
      continue;
    }
    return i === 0 && char === 0xfeff;
  }
  return true;
}

function readDirective(text: string, start: number): Directive {
  const end = directiveEnd(text, start);
  const line = text.slice(start, end);
  const head = /^#[ \t]*([A-Za-z_]\w*)?/.exec(line)!;
  const restStart = start + head[0].length;
  const rest = line
    .slice(head[0].length)
    .replace(/\/\*.*?(?:\*\/|$)|\/\/.*$|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\\\r?\n/gs, (piece) =>
      piece[0] === '"' || piece[0] === "'" ? piece : blanks(piece.length),
    );
  return { name: head[1] ?? '', rest, restStart, start, end };
}

/** A comment inside a directive may span lines; the directive goes on behind it. */
function directiveEnd(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === NEWLINE) return text.charCodeAt(i - 1) === RETURN ? i - 1 : i;
    if (char === BACKSLASH) {
      if (text.charCodeAt(i + 1) === RETURN) i++;
      i++;
    } else if (char === SLASH && text.charCodeAt(i + 1) === STAR) i = commentEnd(text, i) - 1;
    else if (char === SLASH && text.charCodeAt(i + 1) === SLASH) return logicalLineEnd(text, i);
    else if (char === 34 || char === 39) i = literalEnd(text, i) - 1;
  }
  return text.length;
}
