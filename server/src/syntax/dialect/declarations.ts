/** Macros that declare: `static DEFINE_MUTEX(m);`, `DECLARE_BITMAP(seen, N) = { 0 };`, `DARRAY(int) list = {};`. */
import type { DialectContext } from './context.ts';
import { isLoopName } from './iterators.ts';
import { TokenKind, type Tokens } from './tokens.ts';
import { isStatementWord, startsStatement } from './words.ts';

export function rewriteDeclarations({ tokens, body }: DialectContext): void {
  for (let at = body; at < tokens.count; at++) {
    if (!tokens.isWord(at)) continue;
    const text = tokens.text(at);
    if (text === 'static' || text === 'extern') blankStorageOfMacro(tokens, at);
    if (!tokens.is(at + 1, '(') || tokens.partner(at + 1) < 0 || isStatementWord(text)) continue;
    if (declares(tokens, at)) rewriteDeclaration(tokens, at);
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

/** `DECLARE_BITMAP(seen, N) = { 0 };` or `DARRAY(int) list = {};`: a macro makes a declaration's type. */
function declares(tokens: Tokens, at: number): boolean {
  if (!startsStatement(tokens, at) && !tokens.is(tokens.previous(at), 'static')) return false;
  const close = tokens.partner(at + 1);
  if (tokens.is(close + 1, '=')) return tokens.is(close + 2, '{') && tokens.isWord(at + 2);
  const word = tokens.text(at);
  const isName = /^[A-Z][A-Z0-9_]+$/.test(word) && !isLoopName(word) && tokens.isWord(close + 1);
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
