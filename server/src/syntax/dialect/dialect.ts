/**
 * The dialect: kernel C to plain C of exactly the same length. Each concern is a file of its own; all of them rewrite
 * tokens in place, so no position ever moves. Text that was rewritten still reads as it was in the file: a loop that
 * was a macro is a while_statement whose `while` token stands on `for_each_sg`.
 */
import type { MacroDefinition } from '../preprocess/macros.ts';
import { blankAnnotations } from './annotations.ts';
import { rewriteArguments } from './arguments.ts';
import { rewriteCleanup } from './cleanup.ts';
import type { DialectContext } from './context.ts';
import { rewriteDeclarations } from './declarations.ts';
import { rewriteExtensions } from './extensions.ts';
import { rewriteHeader } from './header.ts';
import { rewriteIterators } from './iterators.ts';
import { rewriteStatementMacros } from './statements.ts';
import { Tokens } from './tokens.ts';

/** In this order: what blanks text comes before what looks at neighbours. */
const CONCERNS: readonly ((context: DialectContext) => void)[] = [
  blankAnnotations,
  rewriteExtensions,
  rewriteHeader,
  rewriteCleanup,
  rewriteDeclarations,
  rewriteArguments,
  rewriteIterators,
  rewriteStatementMacros,
];

/** Where in the text the function is. Offsets are of the text that is rewritten. */
export interface FunctionPlace {
  readonly nameStart: number;
  /** Of the opening brace. */
  readonly bodyStart: number;
  readonly definedBy?: string;
}

/**
 * Rewrites preprocessed code: one function, or other top-level text where `place` is undefined. The result is as long
 * as `code` and has the same line breaks. Total.
 */
export function toPlainC(
  code: string,
  place: FunctionPlace | undefined,
  macros: ReadonlyMap<string, MacroDefinition>,
): string {
  const tokens = new Tokens(code);
  const context: DialectContext = {
    tokens,
    body: place === undefined ? 0 : tokens.firstFrom(place.bodyStart),
    name: place === undefined ? -1 : tokens.firstFrom(place.nameStart),
    definedBy: place?.definedBy,
    macros,
  };
  for (const concern of CONCERNS) concern(context);
  return tokens.render();
}
