/** What a concern of the dialect knows about the slice that it rewrites. */
import type { MacroDefinition } from '../preprocess/macros.ts';
import type { Tokens } from './tokens.ts';

export interface DialectContext {
  readonly tokens: Tokens;
  /**
   * Index of the first token to which the concerns of statements and expressions apply: a function's opening brace,
   * or 0 for text that is no function.
   */
  readonly body: number;
  /** Index of the function's name; -1 for text that is no function. */
  readonly name: number;
  /** The macro that defines the function with its arguments, for instance `SYSCALL_DEFINE3`. */
  readonly definedBy: string | undefined;
  /** The file's own macros. */
  readonly macros: ReadonlyMap<string, MacroDefinition>;
}
