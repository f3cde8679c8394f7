/**
 * Macros that stand before a statement: `for_each_sg(…) {` becomes `while      (…) {`, so that the loop stays a loop and
 * its arguments stay visible; `scoped_guard(…) {` becomes a block that runs once.
 */
import type { MacroDefinition } from '../preprocess/macros.ts';
import type { DialectContext } from './context.ts';
import type { Tokens } from './tokens.ts';
import { isStatementWord } from './words.ts';

/** Names of loop macros. */
const LOOP_NAME =
  /(?:^|_)(?:for_?each|foreach)|for_?each(?:_|$)|^(?:cfg|idr|radix|xas|xa|bio|rq|list|hlist|nla|shost|net|dev|pci)_for_|_iter(?:ate)?$|(?:^|_)walk_|^for_|_for$|^do_for|^FOR_?|FOREACH|FOR_EACH|EACH_|^(?:bvec|mp_bvec)_for_each|^while_|_walk$/;

/** Macros before a statement that runs at most once. */
const ONCE_NAME =
  /^(?:scoped_\w*guard|scoped_cond_guard|if_\w+|unless|scoped_\w+|guarded|class_guard|\w*_scoped)$/;

/** A loop macro that is defined in the file itself. */
const LOOP_BODY = /^\s*(?:\\?\s*)*(?:for|while)\b|\bfor_each_|^\s*\w*for_each\w*\s*\(/;

export function rewriteIterators({ tokens, macros, body }: DialectContext): void {
  for (let at = body; at < tokens.count; at++) {
    if (!tokens.isWord(at) || !tokens.is(at + 1, '(')) continue;
    const word = tokens.text(at);
    if (isStatementWord(word)) continue;
    const close = tokens.partner(at + 1);
    if (close < 0) continue;
    const behind = tokens.next(close + 1);
    const statementFollows =
      tokens.is(behind, '{') || (tokens.isWord(behind) && !isBinaryWord(tokens.text(behind)));
    if (!statementFollows && !startsStatement(tokens.text(behind))) continue;
    const governs = tokens.is(behind, '{') || isIndentedUnder(tokens, at, close, behind);
    const keyword = keywordFor(word, macros.get(word), governs);
    if (keyword === undefined || !standsAsStatement(tokens.text(tokens.previous(at)))) continue;
    if (close === at + 2) {
      // No argument: the brackets need one to parse.
      if (word.length < keyword.length) continue;
      tokens.cover(at, at + 1, `${keyword}(1`.slice(0, word.length + 1));
      continue;
    }
    if (keyword.length <= word.length) tokens.replace(at, keyword);
  }
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
  return governsStatement ? (word.length < 5 ? 'if' : 'while') : undefined;
}

/** The next statement is on the macro's last line, or deeper than the macro. */
function isIndentedUnder(tokens: Tokens, at: number, close: number, behind: number): boolean {
  return !tokens.brokenBetween(close, behind) || tokens.indentation(behind) > tokens.indentation(at);
}

/** Text behind a macro's closing bracket that can only be the start of a statement. */
function startsStatement(text: string): boolean {
  return text === '++' || text === '--';
}

/** Words that may follow a bracket inside an expression. */
function isBinaryWord(word: string): boolean {
  return word === 'asm' || word === '__asm__';
}

/** Whether a word behind this token starts a statement. */
function standsAsStatement(before: string): boolean {
  return (
    before === '{' ||
    before === '}' ||
    before === ';' ||
    before === ':' ||
    before === ')' ||
    before === 'else' ||
    before === 'do' ||
    before === ''
  );
}
