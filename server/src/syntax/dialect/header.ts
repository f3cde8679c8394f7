/** What stands before a function's body: macros that define functions, unknown words among the specifiers. */
import type { DialectContext } from './context.ts';
import { TokenKind, type Tokens } from './tokens.ts';
import { isDeclarationWord, isPrimitive, isTag } from './words.ts';

/** Macros whose arguments are the function's name and then types and names in turn: include/linux/syscalls.h, filter.h. */
const TYPED_ARGUMENTS = /(?:^|_)(?:SYSCALL(?:32)?_DEFINE|BPF_CALL_|NOTRACE_BPF_CALL_)\w*$/;

export function rewriteHeader(context: DialectContext): void {
  if (context.name < 0) return;
  if (context.definedBy === undefined) rewriteDeclaration(context);
  else rewriteDefiningMacro(context);
}

/** `SYSCALL_DEFINE2(foo, int, a, long, b)` becomes `long           foo(int  a, long  b)`. */
function rewriteDefiningMacro({ tokens, name, body, definedBy = '' }: DialectContext): void {
  const open = tokens.previous(name);
  const macro = tokens.previous(open);
  if (macro < 0 || !tokens.is(open, '(')) return;
  const close = tokens.partner(open);
  if (close < 0) return;
  blankBetween(tokens, close + 1, body);
  blankBetween(tokens, 0, macro);
  if (TYPED_ARGUMENTS.test(definedBy) && tokens.is(name + 1, ',')) {
    tokens.replace(macro, 'long');
    tokens.blank(open);
    tokens.replace(name + 1, '(', TokenKind.punctuation);
    let isBetweenTypeAndName = true;
    for (let at = name + 2; at < close; at++) {
      if (tokens.partner(at) > at) at = tokens.partner(at);
      else if (tokens.is(at, ',')) {
        if (isBetweenTypeAndName) tokens.blank(at);
        isBetweenTypeAndName = !isBetweenTypeAndName;
      }
    }
    return;
  }
  // No room for a type and brackets: the macro's own name gives both, as in `voi F(suite, test)`.
  const word = tokens.text(macro);
  if (word.length >= 3)
    tokens.replace(
      macro,
      `${word.length > 4 ? 'int'.padEnd(word.length - 1) : 'v'.padEnd(word.length - 1)}F`,
    );
}

function rewriteDeclaration({ tokens, name, body }: DialectContext): void {
  blankExtraWords(tokens, 0, name);
  const open = tokens.next(name + 1);
  if (!tokens.is(open, '(')) return;
  const close = tokens.partner(open);
  if (close < 0 || close > body) return;
  blankExtraInParameters(tokens, open, close);
  const behind = tokens.next(close + 1);
  if (tokens.isWord(behind) && !hasSemicolon(tokens, behind, body)) blankBetween(tokens, behind, body);
}

function hasSemicolon(tokens: Tokens, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (tokens.is(at, ';')) return true;
  return false;
}

function blankExtraInParameters(tokens: Tokens, open: number, close: number): void {
  let from = open + 1;
  for (let at = from; at <= close; at++) {
    if (at === close || tokens.is(at, ',')) {
      blankExtraWords(tokens, from, at, true);
      from = at + 1;
    } else if (tokens.partner(at) > at) {
      // A parameter that is a pointer to a function is left alone.
      at = tokens.partner(at);
      from = close + 1;
    }
  }
}

/**
 * Blanks words that make a declaration's specifiers more than one type: `STATIC int`, `struct page MYANNOTATION *`.
 * With `named`, the last word is the declared name.
 */
function blankExtraWords(tokens: Tokens, from: number, to: number, named = false): void {
  const plain: number[] = [];
  let hasType = false;
  for (let at = from; at < to; at++) {
    const text = tokens.text(at);
    if (text === '(' && !named && tokens.partner(at) > at && tokens.partner(at) < to) {
      // A macro call among the specifiers of a function.
      const call = plain.pop();
      const close = tokens.partner(at);
      if (call !== undefined && !hasType && namesResult(tokens, at, close, to)) {
        // `RTDECL(int) name(…)`: the type is the argument.
        tokens.blank(call, at);
        tokens.blank(close);
        hasType = true;
      } else if (call !== undefined) tokens.blank(call, close);
      at = close;
    } else if (isTag(text)) {
      hasType = true;
      at = tokens.next(at + 1);
    } else if (isPrimitive(text)) hasType = true;
    else if (tokens.isWord(at) && !isDeclarationWord(text)) plain.push(at);
    else if (text === '[' || text === '{') break;
  }
  const keep = (hasType ? 0 : 1) + (named ? 1 : 0);
  const extra = plain.slice(0, Math.max(0, plain.length - keep));
  for (const at of extra) if (!named || /^(?:_|[A-Z][A-Z0-9_]+$)/.test(tokens.text(at))) tokens.blank(at);
}

/** Whether a bracketed group holds nothing but a type, and only stars stand between it and the function's name. */
function namesResult(tokens: Tokens, open: number, close: number, name: number): boolean {
  const isPartOfType = (at: number): boolean => tokens.isWord(at) || tokens.is(at, '*');
  for (let at = tokens.next(open + 1); at < close; at = tokens.next(at + 1))
    if (!isPartOfType(at)) return false;
  for (let at = tokens.next(close + 1); at < name; at = tokens.next(at + 1))
    if (!tokens.is(at, '*')) return false;
  return tokens.next(open + 1) < close;
}

/** Blanks tokens `from` up to but without `to`. */
function blankBetween(tokens: Tokens, from: number, to: number): void {
  if (to > from) tokens.blank(from, to - 1);
}
