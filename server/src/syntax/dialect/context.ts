/** What a concern of the dialect knows about the slice that it rewrites. */
import type { MacroDefinition } from '../preprocess/macros.ts';
import type { Tokens } from './tokens.ts';

export interface DialectContext {
  readonly tokens: Tokens;
  /** Index of the first token inside the function's body; the token count for text without a body. */
  readonly body: number;
  /** The file's own macros. */
  readonly macros: ReadonlyMap<string, MacroDefinition>;
}
