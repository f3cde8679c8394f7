/**
 * The dialect: kernel C to plain C of exactly the same length. Each concern is a file of its own; all of them rewrite
 * tokens in place, so no position ever moves.
 */
import type { MacroDefinition } from '../preprocess/macros.ts';
import { blankAnnotations } from './annotations.ts';
import { rewriteCleanup } from './cleanup.ts';
import type { DialectContext } from './context.ts';
import { rewriteIterators } from './iterators.ts';
import { Tokens } from './tokens.ts';
import { rewriteTypeArguments } from './types.ts';

const CONCERNS: readonly ((context: DialectContext) => void)[] = [
  blankAnnotations,
  rewriteCleanup,
  rewriteTypeArguments,
  rewriteIterators,
];

/**
 * Rewrites preprocessed code. `bodyStart` is the offset of the function's opening brace in `code`, or -1 for text that
 * is no function. The result is as long as `code` and has the same line breaks.
 */
export function toPlainC(
  code: string,
  bodyStart: number,
  macros: ReadonlyMap<string, MacroDefinition>,
): string {
  const tokens = new Tokens(code);
  const body = bodyStart < 0 ? tokens.count : tokens.firstFrom(bodyStart);
  const context: DialectContext = { tokens, body, macros };
  for (const concern of CONCERNS) concern(context);
  return tokens.render();
}
