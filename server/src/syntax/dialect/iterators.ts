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
    if (close < 0 || !standsAsStatement(tokens.text(tokens.previous(at)))) continue;
    const keyword = endsDoBlock(tokens, at) ? 'while' : keywordAt(tokens, at, close, macros.get(word));
    if (keyword === undefined || word.length < keyword.length) continue;
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
  const startsStatement = ['++', '--', '*', '('].includes(tokens.text(behind));
  return startsStatement && governs && tokens.brokenBetween(close, behind)
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
  return governsStatement ? (word.length < 5 ? 'if' : 'while') : undefined;
}

/** The next statement is on the macro's last line, or deeper than the macro. */
function isIndentedUnder(tokens: Tokens, at: number, close: number, behind: number): boolean {
  return !tokens.brokenBetween(close, behind) || tokens.indentation(behind) > tokens.indentation(at);
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
