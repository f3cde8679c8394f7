/**
 * include/linux/cleanup.h: `guard(mutex)(&m);` and `CLASS(fd, f)(0);` become plain calls and declarations. `__free(x)`
 * is an annotation; `scoped_guard(…) {` stands before a statement and is rewritten with the iterators.
 */
import type { DialectContext } from './context.ts';
import { TokenKind } from './tokens.ts';

export function rewriteCleanup({ tokens, body }: DialectContext): void {
  for (let at = body; at < tokens.count; at++) {
    const word = tokens.text(at);
    if ((word !== 'guard' && word !== 'CLASS' && word !== 'cond_guard') || !tokens.is(at + 1, '(')) continue;
    const close = tokens.partner(at + 1);
    if (close < 0 || !tokens.is(close + 1, '(')) continue;
    if (word === 'CLASS') rewriteClass(tokens, at, close);
    // `guard(mutex)(&m)` is a call of `guard(mutex)`: it parses as it is, and keeps the lock's class visible.
  }
}

/** `CLASS(fd, f)(0)` to `CLASS f = (0)`: a type, the name, and an initializer in its brackets; of `()` a 0 is left. */
function rewriteClass(tokens: DialectContext['tokens'], at: number, close: number): void {
  const isPair = tokens.isWord(at + 2) && tokens.is(at + 3, ',') && tokens.isWord(at + 4) && close === at + 5;
  if (!isPair) return;
  tokens.blank(at + 1);
  tokens.blank(at + 2);
  tokens.blank(at + 3);
  tokens.replace(close, '=', TokenKind.punctuation);
  if (!tokens.is(close + 2, ')')) return;
  tokens.replace(close + 1, '0', TokenKind.number);
  tokens.blank(close + 2);
}
