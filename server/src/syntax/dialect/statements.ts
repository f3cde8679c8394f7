/** Macros used as statements in ways that no function call could be. */
import type { DialectContext } from './context.ts';
import { TokenKind, type Tokens } from './tokens.ts';
import { isStatementWord } from './words.ts';

export function rewriteStatementMacros(context: DialectContext): void {
  const { tokens, body } = context;
  for (let at = body; at < tokens.count; at++) {
    if (!tokens.isWord(at)) continue;
    const text = tokens.text(at);
    if (text === 'static' || text === 'extern') blankStorageOfMacro(tokens, at);
    if (!tokens.is(at + 1, '(') || tokens.partner(at + 1) < 0 || isStatementWord(text)) continue;
    if (holdsStatements(tokens, at + 1)) unwrap(context, at);
    else if (declares(tokens, at)) rewriteDeclaration(tokens, at);
    else if (standsAsStatement(tokens, at)) closeStatement(tokens, tokens.partner(at + 1));
  }
}

/** `static DEFINE_RATELIMIT_STATE(rs, a, b);` in a function: the macro has the type, the grammar wants to see one. */
function blankStorageOfMacro(tokens: Tokens, at: number): void {
  const macro = at + 1;
  if (!tokens.isWord(macro) || !/^[A-Z][A-Z0-9_]+$/.test(tokens.text(macro)) || !tokens.is(macro + 1, '('))
    return;
  const close = tokens.partner(macro + 1);
  if (close > 0 && (tokens.is(close + 1, ';') || tokens.is(close + 1, '='))) tokens.blank(at);
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
  const isBlock = isStatementStart(tokens, at) && (last === ';' || last === '}');
  if (isBlock) {
    tokens.replace(open, '{', TokenKind.punctuation);
    tokens.replace(close, '}', TokenKind.punctuation);
  } else if (last !== '}') {
    tokens.blank(open);
    tokens.blank(close);
  }
}

function isStatementStart(tokens: Tokens, at: number): boolean {
  const before = tokens.text(tokens.previous(at));
  return ['', '{', '}', ';', ':', ')', 'else', 'do'].includes(before);
}

/** `DECLARE_BITMAP(seen, N) = { 0 };` or `DARRAY(int) list = {};`: a macro makes a declaration's type. */
function declares(tokens: Tokens, at: number): boolean {
  if (!isStatementStart(tokens, at) && !tokens.is(tokens.previous(at), 'static')) return false;
  const close = tokens.partner(at + 1);
  if (tokens.is(close + 1, '=')) return tokens.is(close + 2, '{') && tokens.isWord(at + 2);
  const isName = /^[A-Z][A-Z0-9_]+$/.test(tokens.text(at)) && tokens.isWord(close + 1);
  return isName && /^[=;,[]$/.test(tokens.text(close + 2)) && !tokens.brokenBetween(close, close + 1);
}

function rewriteDeclaration(tokens: Tokens, at: number): void {
  const close = tokens.partner(at + 1);
  if (tokens.isWord(close + 1)) {
    const length = tokens.end(close) - tokens.start(at);
    if (!tokens.cover(at, close, tokens.text(at).padEnd(length, '_'))) tokens.blank(at + 1, close);
    return;
  }
  // The macro's name is the type, its first argument the name, and what follows the size of an array.
  tokens.blank(at + 1);
  const comma = tokens.next(at + 3);
  if (tokens.is(comma, ',')) {
    tokens.replace(comma, '[', TokenKind.punctuation);
    tokens.replace(close, ']', TokenKind.punctuation);
  } else tokens.blank(close);
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
