/**
 * Arguments that only a macro can take: a type (`min_t(unsigned long, a, b)`), an operator (`ASSERT3U(a, ==, b)`), a
 * jump (`CHECK(ret, goto out)`), nothing at all. Each becomes an identifier in the same place, so that the number of
 * arguments stays right.
 */
import type { DialectContext } from './context.ts';
import { TokenKind, type Tokens } from './tokens.ts';
import { isPrimitive, isQualifier, isStatementWord, isTag } from './words.ts';

/** Operators of the language that take a type and that the grammar knows. */
const TAKES_TYPE = new Set(['sizeof', 'offsetof', '_Generic']);

const JUMPS = new Set(['return', 'goto', 'break', 'continue']);

const OPERATOR = /^(?:[-+*/%&|^<>=]|==|!=|<=|>=|<<|>>|&&|\|\||[-+*/%&|^]=)$/;

export function rewriteArguments({ tokens, body }: DialectContext): void {
  for (let at = body; at < tokens.count; at++) {
    if (!tokens.is(at, '(') || tokens.partner(at) < 0) continue;
    const before = tokens.previous(at);
    if (before < 0 || !tokens.isWord(before)) continue;
    const callee = tokens.text(before);
    if (TAKES_TYPE.has(callee) || isStatementWord(callee)) continue;
    if (isTag(callee) || isPrimitive(callee) || isQualifier(callee)) continue;
    rewriteEach(tokens, at);
  }
}

function rewriteEach(tokens: Tokens, open: number): void {
  const close = tokens.partner(open);
  let from = open + 1;
  for (let at = from; at <= close; at++) {
    if (at === close || tokens.is(at, ',')) {
      const first = tokens.next(from);
      if (first < at) rewriteOne(tokens, first, tokens.previous(at));
      else if (at !== close || from > open + 1) fillEmpty(tokens, at);
      from = at + 1;
    } else if (tokens.partner(at) > at) at = tokens.partner(at);
  }
}

/** `f(a, , b)`: an argument that the macro's caller left out. */
function fillEmpty(tokens: Tokens, separator: number): void {
  if (tokens.insertBefore(separator, '_')) return;
  const comma = tokens.is(separator, ',') ? separator : separator - 1;
  if (tokens.is(comma, ',')) tokens.blank(comma);
}

function rewriteOne(tokens: Tokens, from: number, to: number): void {
  if (from === to && OPERATOR.test(tokens.text(from))) {
    tokens.replace(from, '_'.repeat(tokens.text(from).length), TokenKind.word);
  } else if (JUMPS.has(tokens.text(from))) {
    const length = tokens.end(to) - tokens.start(from);
    const text = tokens.code.slice(tokens.start(from), tokens.start(from) + length).replace(/\W/g, '_');
    if (!tokens.cover(from, to, text)) tokens.cover(from, to, '_');
  } else if (tokens.is(from, '{') && tokens.partner(from) === to && !tokens.is(tokens.previous(to), ';')) {
    // An initializer as an argument becomes a bracketed list.
    if (to === from + 1) tokens.cover(from, to, '_');
    else {
      tokens.replace(from, '(', TokenKind.punctuation);
      tokens.replace(to, ')', TokenKind.punctuation);
    }
  } else if (isType(tokens, from, to)) coverType(tokens, from, to);
}

function coverType(tokens: Tokens, from: number, to: number): void {
  const words: string[] = [];
  for (let at = from; at <= to; at++) if (tokens.isWord(at)) words.push(tokens.text(at));
  const name = words.length === 1 && isPrimitive(words[0]!) ? `${words[0]!.slice(0, -1)}_` : words.join('_');
  if (!tokens.cover(from, to, name)) tokens.cover(from, to, '_');
}

/** Whether the tokens are a type and nothing else: no declarator's name, no expression. */
function isType(tokens: Tokens, from: number, to: number): boolean {
  let at = from;
  let typeWords = 0;
  let isComplete = false;
  for (; at <= to && (tokens.isWord(at) || tokens.text(at) === ''); at++) {
    const word = tokens.text(at);
    if (word === '' || isQualifier(word)) continue;
    if (isTag(word)) {
      const tag = tokens.next(at + 1);
      if (isComplete || tag > to || !tokens.isWord(tag)) return false;
      at = tag;
      typeWords += 2;
      isComplete = true;
    } else if (isPrimitive(word)) typeWords++;
    else if (!isComplete && typeWords === 0) isComplete = true;
    else return false;
  }
  const hasStars = at <= to;
  for (; at <= to; at++) {
    const text = tokens.text(at);
    if (text === '[' && (tokens.partner(at) === at + 1 || tokens.isNumber(at + 1))) at = tokens.partner(at);
    else if (text !== '' && text !== '*' && !isQualifier(text)) return false;
    if (at < 0) return false;
  }
  // A single ordinary word is an expression, unless stars make it a type.
  return typeWords > 0 || (isComplete && hasStars && tokens.is(to, '*'));
}
