/** Words, numbers and marks of a litmus test, each with its place; comments are kept. */
import { LitmusError, type Position } from './ast.ts';

export interface Token {
  readonly kind: 'word' | 'number' | 'mark' | 'end';
  readonly text: string;
  readonly at: Position;
  /** Comments right before the token. */
  readonly comments: readonly string[];
}

const MARKS = [
  '..',
  '==',
  '!=',
  '<=',
  '>=',
  '/\\',
  '\\/',
  '{',
  '}',
  '(',
  ')',
  '[',
  ']',
  ';',
  ',',
  '=',
  '<',
  '>',
  '|',
  '+',
  '*',
  '~',
  '!',
  ':',
  '-',
];
const SPACE = /\s/;
const WORD = /[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z][A-Za-z0-9_]*)*(?:#\d+)?/y;
const NUMBER = /0x[0-9a-fA-F]+|\d+/y;

/** Splits a text; throws a LitmusError at a character that starts nothing. */
export function tokenize(text: string, file: string): Token[] {
  const tokens: Token[] = [];
  let comments: string[] = [];
  let at = 0;
  let line = 1;
  let lineStart = 0;
  const position = (): Position => ({ line, column: at - lineStart + 1 });
  const advance = (length: number): void => {
    for (let i = 0; i < length; i++)
      if (text[at + i] === '\n') {
        line++;
        lineStart = at + i + 1;
      }
    at += length;
  };
  const push = (kind: Token['kind'], value: string): void => {
    tokens.push({ kind, text: value, at: position(), comments });
    comments = [];
    advance(value.length);
  };
  while (at < text.length) {
    if (SPACE.test(text[at]!)) {
      advance(1);
      continue;
    }
    const comment = commentAt(text, at);
    if (comment !== null) {
      if (comment.unclosed)
        throw new LitmusError(file, position(), 'this comment is never closed: expected `*)`');
      comments.push(comment.body);
      advance(comment.length);
      continue;
    }
    const word = match(WORD, text, at);
    const number = word === '' ? match(NUMBER, text, at) : '';
    const mark = MARKS.find((m) => text.startsWith(m, at)) ?? '';
    if (word !== '') push('word', word);
    else if (number !== '') push('number', number);
    else if (mark !== '') push('mark', mark);
    else throw new LitmusError(file, position(), `\`${text[at]}\` starts nothing that a litmus test has`);
  }
  tokens.push({ kind: 'end', text: 'the end of the file', at: position(), comments });
  return tokens;
}

function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

/** `(* … *)` or a line after `//`. */
function commentAt(text: string, at: number): { body: string; length: number; unclosed: boolean } | null {
  if (text.startsWith('//', at)) {
    const end = text.indexOf('\n', at);
    const length = (end < 0 ? text.length : end) - at;
    return { body: text.slice(at + 2, at + length).trim(), length, unclosed: false };
  }
  if (!text.startsWith('(*', at)) return null;
  const end = text.indexOf('*)', at + 2);
  if (end < 0) return { body: '', length: text.length - at, unclosed: true };
  return { body: tidy(text.slice(at + 2, end)), length: end + 2 - at, unclosed: false };
}

/** A comment's lines without the common decoration: leading spaces and stars. */
function tidy(body: string): string {
  return body
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, '').trimEnd())
    .join('\n')
    .trim();
}
