/** Types as arguments of macros: `min_t(unsigned long, a, b)` gets an identifier of the same length instead. */
import type { DialectContext } from './context.ts';
import type { Tokens } from './tokens.ts';
import { isPrimitive, isQualifier, isStatementWord, isTag } from './words.ts';

/** Operators of the language that take a type and that the grammar knows. */
const TAKES_TYPE = new Set([
  'sizeof',
  'typeof',
  '__typeof__',
  '__typeof',
  'typeof_unqual',
  '_Alignof',
  '__alignof__',
  '_Generic',
  'alignof',
]);

export function rewriteTypeArguments({ tokens, body }: DialectContext): void {
  for (let at = body; at < tokens.count; at++) {
    if (!tokens.is(at, '(') || tokens.partner(at) < 0) continue;
    const before = tokens.previous(at);
    if (before < 0 || !tokens.isWord(before)) continue;
    const callee = tokens.text(before);
    if (TAKES_TYPE.has(callee) || isStatementWord(callee)) continue;
    if (callee === 'offsetof' || callee === '__builtin_offsetof') continue;
    if (isTag(callee) || isPrimitive(callee) || isQualifier(callee)) continue;
    rewriteArguments(tokens, at);
  }
}

function rewriteArguments(tokens: Tokens, open: number): void {
  const close = tokens.partner(open);
  let from = open + 1;
  for (let at = from; at <= close; at++) {
    if (at === close || tokens.is(at, ',')) {
      if (at > from) rewriteArgument(tokens, tokens.next(from), tokens.previous(at));
      from = at + 1;
    } else if (tokens.partner(at) > at) at = tokens.partner(at);
  }
}

/** Covers an argument that is a type and nothing else. */
function rewriteArgument(tokens: Tokens, from: number, to: number): void {
  if (from > to || !isType(tokens, from, to)) return;
  const words: string[] = [];
  for (let at = from; at <= to; at++) if (tokens.isWord(at)) words.push(tokens.text(at));
  const name = words.length === 1 && isPrimitive(words[0]!) ? `${words[0]!.slice(0, -1)}_` : words.join('_');
  if (!tokens.cover(from, to, name)) tokens.cover(from, to, '_');
}

function isType(tokens: Tokens, from: number, to: number): boolean {
  let at = from;
  let typeWords = 0;
  let isComplete = false;
  for (; at <= to && tokens.isWord(at); at++) {
    const word = tokens.text(at);
    if (isQualifier(word)) continue;
    if (isTag(word)) {
      if (isComplete || !tokens.isWord(at + 1) || at + 1 > to) return false;
      at++;
      typeWords += 2;
      isComplete = true;
    } else if (isPrimitive(word)) typeWords++;
    else if (at === from || isQualifier(tokens.text(at - 1))) {
      if (isComplete || typeWords > 0) return false;
      isComplete = true;
    } else return false;
  }
  const stars = at <= to;
  for (; at <= to; at++) if (!tokens.is(at, '*') && !isQualifier(tokens.text(at))) return false;
  // A single ordinary word is an expression, unless stars make it a type.
  return typeWords > 0 || (isComplete && stars);
}
