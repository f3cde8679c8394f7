/** Macros used as statements in ways that no function call could be. */
import type { DialectContext } from './context.ts';
import { TokenKind, type Tokens } from './tokens.ts';
import { isStatementWord, startsStatement } from './words.ts';

export function rewriteStatementMacros(context: DialectContext): void {
  const { tokens, body } = context;
  /** The last token of a statement that was given its semicolon. */
  let closed = -1;
  for (let at = body; at < tokens.count; at++) {
    if (!tokens.isWord(at)) continue;
    const close = tokens.is(at + 1, '(') ? tokens.partner(at + 1) : at;
    if (close < 0 || isStatementWord(tokens.text(at))) continue;
    if (close > at && holdsStatements(tokens, at + 1)) unwrap(context, at);
    else if (lacksSemicolon(tokens, at, close, closed)) {
      tokens.insertBefore(close + 1, ';');
      closed = close;
    }
  }
}

/** A semicolon, a statement's keyword, or an operator with one side only, directly inside the brackets. */
function holdsStatements(tokens: Tokens, open: number): boolean {
  const close = tokens.partner(open);
  const first = tokens.text(tokens.next(open + 1));
  if (first === '{' || first === 'if' || first === 'for' || first === 'while' || first === 'do') return true;
  for (let at = open + 1; at < close; at++) {
    if (tokens.is(at, ';') || (tokens.is(at, '{') && followsCall(tokens, at))) return true;
    if (tokens.partner(at) > at) at = tokens.partner(at);
  }
  return /^(?:\|\||&&|else)$/.test(tokens.text(tokens.previous(close)));
}

/** `name(…) {`: a statement with a block. `(struct a) {` is a value. */
function followsCall(tokens: Tokens, brace: number): boolean {
  const close = tokens.previous(brace);
  return tokens.is(close, ')') && tokens.isWord(tokens.previous(tokens.partner(close)));
}

/** `DEBUG(x = 1; y = 2;)` becomes `     {x = 1; y = 2;}`; without the macro's name, what it guards is plain code. */
function unwrap({ tokens, macros }: DialectContext, at: number): void {
  const open = at + 1;
  const close = tokens.partner(open);
  const macro = macros.get(tokens.text(at));
  if (macro !== undefined && macro.body.trim() === '') {
    tokens.blank(at, close);
    return;
  }
  tokens.blank(at);
  const last = tokens.text(tokens.previous(close));
  const isBlock = startsStatement(tokens, at) && (last === ';' || last === '}');
  if (isBlock) {
    tokens.replace(open, '{', TokenKind.punctuation);
    tokens.replace(close, '}', TokenKind.punctuation);
  } else if (last !== '}') {
    tokens.blank(open);
    tokens.blank(close);
  }
}

/** Whether a brace opens statements, not the values of an initializer. */
function opensBlock(tokens: Tokens, brace: number): boolean {
  const before = tokens.previous(brace);
  return ['', 'else', 'do', ';', ':', '{', '}'].includes(tokens.text(before)) || followsCall(tokens, brace);
}

/** Whether a colon ends a label or a case, not the middle of a conditional expression. */
function endsLabel(tokens: Tokens, colon: number): boolean {
  const label = tokens.previous(colon);
  return ['case', '{', '}', ';', ':'].includes(tokens.text(tokens.previous(label)));
}

/**
 * Whether the tokens `at` to `close` are a macro call, or a word in capitals, that no expression goes on with: on lines
 * of its own, behind a statement and before another.
 */
function lacksSemicolon(tokens: Tokens, at: number, close: number, closed: number): boolean {
  const before = tokens.previous(at);
  if (before !== closed && !['', '{', '}', ';', ':', 'else'].includes(tokens.text(before))) return false;
  if (tokens.is(before, '{') && !opensBlock(tokens, before)) return false;
  if (tokens.is(before, ':') && !endsLabel(tokens, before)) return false;
  if (close === at && !/^[A-Z][A-Z0-9_]+$/.test(tokens.text(at))) return false;
  const behind = tokens.next(close + 1);
  if (behind >= tokens.count || !tokens.brokenBetween(close, behind)) return false;
  return tokens.is(behind, '}') || tokens.isWord(behind);
}
