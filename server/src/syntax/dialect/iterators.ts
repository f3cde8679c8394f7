/**
 * Macros that stand before a statement: `for_each_sg(…) {` becomes `while      (…) {`, so that the loop stays a loop and
 * its arguments stay visible; `scoped_guard(…) {` becomes `if          (…) {`. macroOfStatement() gives the name back.
 */
import type { MacroDefinition } from '../preprocess/macros.ts';
import type { DialectContext } from './context.ts';
import type { Tokens } from './tokens.ts';
import { isStatementWord, startsStatement } from './words.ts';

/** Names of loop macros: `for_each_sg`, `vma_interval_tree_foreach`, `FOREACH_QUEUE`, `skb_walk_frags`. */
const LOOP_NAME = /for_?each|FOR_?EACH|^(?:for|while|FOR|EACH)_|_for$|(?:^|_)walk(?:_|$)|_iter(?:ate)?$/;

/** Macros before a statement that runs at most once. */
const ONCE_NAME = /^(?:scoped_\w+|if_\w+|unless|guarded|\w+_scoped)$/;

/** The replacement text of a loop macro that is defined in the file itself. */
const LOOP_BODY = /^\s*(?:for|while)\b|for_each/;

export function isLoopName(word: string): boolean {
  return LOOP_NAME.test(word);
}

export function rewriteIterators({ tokens, macros, body }: DialectContext): void {
  for (let at = body; at < tokens.count; at++) {
    if (!tokens.isWord(at) || !tokens.is(at + 1, '(')) continue;
    const word = tokens.text(at);
    if (isStatementWord(word)) continue;
    const close = tokens.partner(at + 1);
    if (close < 0 || !startsStatement(tokens, at)) continue;
    let keyword = endsDoBlock(tokens, at) ? 'while' : keywordAt(tokens, at, close, macros.get(word));
    if (keyword === undefined) continue;
    // A loop's name may be too short for its keyword; that it governs its statement is then all that can be kept.
    if (word.length < keyword.length) keyword = 'if';
    if (word.length < keyword.length) continue;
    // Without an argument, the brackets need one to parse.
    if (close === at + 2) tokens.cover(at, at + 1, `${keyword}(1`.slice(0, word.length + 1));
    else tokens.replace(at, keyword);
  }
}

/** `do { … } for_each_entry(…);` */
function endsDoBlock(tokens: Tokens, at: number): boolean {
  const brace = tokens.previous(at);
  return tokens.is(brace, '}') && tokens.is(tokens.previous(tokens.partner(brace)), 'do');
}

/** What the macro call at `at` becomes; undefined where it is no statement's head. */
function keywordAt(
  tokens: Tokens,
  at: number,
  close: number,
  macro: MacroDefinition | undefined,
): 'while' | 'if' | undefined {
  const word = tokens.text(at);
  const behind = tokens.next(close + 1);
  if (tokens.is(behind, '{')) return keywordFor(word, macro, true);
  const governs = isIndentedUnder(tokens, at, close, behind);
  if (tokens.isWord(behind))
    return isBinaryWord(tokens.text(behind)) ? undefined : keywordFor(word, macro, governs);
  // A statement may start with an operator, but then only the name tells it from an expression that goes on.
  const mayStart = ['++', '--', '*', '('].includes(tokens.text(behind));
  return mayStart && governs && tokens.brokenBetween(close, behind)
    ? keywordFor(word, macro, false)
    : undefined;
}

function keywordFor(
  word: string,
  macro: MacroDefinition | undefined,
  governsStatement: boolean,
): 'while' | 'if' | undefined {
  if (macro?.params !== undefined && LOOP_BODY.test(macro.body)) return 'while';
  if (ONCE_NAME.test(word)) return 'if';
  if (LOOP_NAME.test(word)) return 'while';
  // A call cannot stand before a block or a deeper statement: some macro that opens a loop or a condition.
  return governsStatement ? 'while' : undefined;
}

/** The next statement is on the macro's last line, or deeper than the macro. */
function isIndentedUnder(tokens: Tokens, at: number, close: number, behind: number): boolean {
  return !tokens.brokenBetween(close, behind) || tokens.indentation(behind) > tokens.indentation(at);
}

/** Words that may follow a bracket inside an expression. */
function isBinaryWord(word: string): boolean {
  return word === 'asm' || word === '__asm__';
}
