/** Extensions of GNU C that the grammar does not know, and places where it wants more than C does. */
import type { DialectContext } from './context.ts';
import { TokenKind, type Tokens } from './tokens.ts';

const TYPEOF = /^(?:__typeof__|__typeof|typeof|typeof_unqual|__typeof_unqual__)$/;
const ALIGNOF = /^(?:__alignof__|__alignof|_Alignof|alignof)$/;
/** A case's values are short; text that never ends one must not be searched again for each of its words. */
const MAX_CASE_TOKENS = 64;
const ASM = /^(?:asm|__asm__|__asm)$/;

const NUMBER =
  /^(?:0[xX][\da-fA-F]+|0[bB][01]+|\d+)[uUlL]*$|^(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[fFlL]?$|^0[xX].*[pP]/;

export function rewriteExtensions({ tokens, body }: DialectContext): void {
  for (let at = 0; at < tokens.count; at++) {
    const text = tokens.text(at);
    if (text === '') continue;
    if (tokens.isWord(at)) {
      if (TYPEOF.test(text)) rewriteTypeof(tokens, at);
      else if (at < body) continue;
      else if (ALIGNOF.test(text)) tokens.replace(at, 'sizeof');
      else if (text === 'offsetof' || text === '__builtin_offsetof') rewriteOffsetof(tokens, at);
      else if (text === 'case') rewriteCaseRange(tokens, at);
      else if (text === 'auto') rewriteAuto(tokens, at);
      else if (text === 'goto' && tokens.is(at + 1, '*')) tokens.blank(at + 1);
      else if (ASM.test(text)) blankStrangeAssembly(tokens, at);
      else joinStrings(tokens, at);
    } else if (tokens.isNumber(at)) {
      // A piece of a name that a macro pastes together, as in `REG(1371_RATE)`.
      if (!NUMBER.test(text)) tokens.replace(at, `_${text.slice(1)}`);
    } else if (text === '#') tokens.blank(at);
    else if (text === '&&') unwrapOperand(tokens, at);
    else if (text === '##') tokens.replace(at, '__');
    else if (text === ':' && tokens.is(tokens.next(at + 1), '}')) closeLabel(tokens, at);
  }
}

/** The grammar takes `(ret) && x` for a cast of the address of a label: the brackets around the one name go. */
function unwrapOperand(tokens: Tokens, operator: number): void {
  const close = tokens.previous(operator);
  const name = tokens.previous(close);
  const open = tokens.previous(name);
  if (!tokens.is(close, ')') || !tokens.isWord(name) || !tokens.is(open, '(')) return;
  const before = tokens.previous(open);
  if (tokens.isWord(before) ? !tokens.is(before, 'return') : tokens.is(before, ')') || tokens.is(before, ']'))
    return;
  tokens.blank(open);
  tokens.blank(close);
}

/**
 * `typeof(x)` becomes `struct T_`, which is a type wherever it stands: the grammar takes `(typeof(x))-1` for a call
 * and a subtraction.
 */
function rewriteTypeof(tokens: Tokens, at: number): void {
  const close = tokens.is(at + 1, '(') ? tokens.partner(at + 1) : -1;
  if (close <= at + 2) return;
  const length = Math.min(tokens.end(close) - tokens.start(at + 2), 16);
  const name = 'T'.padEnd(length, '_');
  tokens.replace(at, 'struct');
  tokens.blank(at + 1);
  if (!tokens.cover(at + 2, close, name)) tokens.cover(at + 2, close, 'T');
}

/** `auto x = f();` leaves the type to the compiler (C23); for the grammar `auto` is a storage class, so it becomes a type. */
function rewriteAuto(tokens: Tokens, at: number): void {
  let name = tokens.next(at + 1);
  while (tokens.is(name, '*')) name = tokens.next(name + 1);
  if (tokens.isWord(name) && tokens.is(tokens.next(name + 1), '=')) tokens.replace(at, 'aut_');
}

/** The grammar's offsetof takes a plain type and one field name; `offsetof(struct a, b[1].c)` becomes a call. */
function rewriteOffsetof(tokens: Tokens, at: number): void {
  const close = tokens.is(at + 1, '(') ? tokens.partner(at + 1) : -1;
  if (close < 0) return;
  const isPlain = tokens.isWord(close - 1) && tokens.is(close - 2, ',');
  if (isPlain && !tokens.is(close - 3, ')') && tokens.text(at) === 'offsetof') return;
  tokens.replace(at, `${tokens.text(at).slice(0, -1)}_`);
}

/** `case A ... B:` becomes `case A || B:`; the operator's own text still is `...`. */
function rewriteCaseRange(tokens: Tokens, at: number): void {
  const last = Math.min(tokens.count, at + MAX_CASE_TOKENS);
  for (let i = at + 1; i < last && !tokens.is(i, ':') && !tokens.is(i, ';'); i++) {
    if (tokens.is(i, '...')) tokens.replace(i, '||', TokenKind.punctuation);
  }
}

/** A label or case before `}` needs a statement in the grammar. */
function closeLabel(tokens: Tokens, colon: number): void {
  const before = tokens.previous(colon);
  if (before < 0 || tokens.is(before, '?')) return;
  tokens.insertBefore(tokens.next(colon + 1), ';');
}

/** Assembly whose template is made by macros: `asm(PPC_MSG(%0) : …)`. Nothing in it can be read. */
function blankStrangeAssembly(tokens: Tokens, at: number): void {
  let open = at + 1;
  while (open <= at + 3 && tokens.isWord(open)) open++;
  if (!tokens.is(open, '(') || tokens.partner(open) < 0) return;
  for (let i = open + 1; i < tokens.partner(open) && !tokens.is(i, ':'); i++) {
    if (tokens.is(i, '(') || tokens.is(i, '%')) {
      tokens.blank(at, tokens.partner(open));
      return;
    }
  }
}

/**
 * `KERN_INFO PREFIX "text"`: of several words before the first string, the grammar takes only the last. And of
 * `"a" __stringify(X) "b"` it does not take the call.
 */
function joinStrings(tokens: Tokens, at: number): void {
  const before = tokens.previous(at);
  if (tokens.is(at + 1, '(')) {
    const close = tokens.partner(at + 1);
    if (close < 0 || !(isString(tokens, before) || isString(tokens, close + 1))) return;
    const length = tokens.end(close) - tokens.start(at);
    if (!tokens.cover(at, close, tokens.text(at).padEnd(length, '_'))) tokens.blank(at + 1, close);
    return;
  }
  if (!tokens.is(before, '(') && !tokens.is(before, ',') && !tokens.is(before, '=')) return;
  let end = at;
  while (tokens.isWord(end)) end++;
  if (end - at >= 2 && isString(tokens, end)) tokens.blank(at, end - 2);
}

function isString(tokens: Tokens, index: number): boolean {
  return tokens.isLiteral(index) && tokens.text(index).startsWith('"');
}
