/** Macros used as statements in ways that no function call could be. */
import type { DialectContext } from './context.ts';
import { TokenKind, type Tokens } from './tokens.ts';
import { isStatementWord, startsStatement } from './words.ts';

export function rewriteStatementMacros(context: DialectContext): void {
  const { tokens, body } = context;
  for (let at = body; at < tokens.count; at++) {
    if (!tokens.isWord(at)) continue;
    if (!tokens.is(at + 1, '(') || tokens.partner(at + 1) < 0 || isStatementWord(tokens.text(at))) continue;
    if (holdsStatements(tokens, at + 1)) unwrap(context, at);
    else if (standsAsStatement(tokens, at)) closeStatement(tokens, tokens.partner(at + 1));
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

/** A macro call that no expression continues, on lines of its own. */
function standsAsStatement(tokens: Tokens, at: number): boolean {
  const before = tokens.text(tokens.previous(at));
  if (!['', '{', '}', ';', ':', 'else'].includes(before)) return false;
  const close = tokens.partner(at + 1);
  const behind = tokens.next(close + 1);
  if (behind >= tokens.count || !tokens.brokenBetween(close, behind)) return false;
  return tokens.is(behind, '}') || tokens.isWord(behind);
}

/** Gives a macro call its missing semicolon, if there is a blank to put it in. */
function closeStatement(tokens: Tokens, close: number): void {
  tokens.insertBefore(close + 1, ';');
}
