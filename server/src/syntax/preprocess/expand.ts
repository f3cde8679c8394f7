/** Macro uses replaced by what they stand for, while every place can be led back to the text that the user wrote. */
import type { Range } from '../range.ts';
import type { MacroDefinition } from './macros.ts';
import { literalEnd } from './scan.ts';

/** One use of a macro in the user's text. */
export interface MacroUse {
  readonly name: string;
  /** The name, with its arguments if it takes any; in the file. */
  readonly range: Range;
}

/** A piece of code in which macros are replaced. */
export interface Expanded {
  readonly code: string;
  /** In the order of the text. Uses inside replacements and arguments are not listed. */
  readonly uses: readonly MacroUse[];
  /**
   * The file's range for a range of `code`. What stands in an argument of a macro is where the user wrote it; what a
   * macro made is the use of the macro.
   */
  place(start: number, end: number): Range;
  /** Whether an end of the range stands in text that a macro made. */
  isMade(start: number, end: number): boolean;
}

/** Tokens that one use may become; larger macros stay as they are. */
const MAX_TOKENS = 4000;

const TOKEN = /[A-Za-z_]\w*|\d[\w.]*|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|\s+|##|./g;
const WORD = /^[A-Za-z_]/;

/** Which macros to replace: those that stand for something of interest, themselves or through others. */
export class MacroTable {
  readonly #macros: ReadonlyMap<string, MacroDefinition>;
  readonly #means: (word: string) => boolean;
  readonly #wanted = new Map<string, boolean>();
  #any: RegExp | undefined;

  /** `means` tells which words are of interest in a replacement text, or as the name of a function-like macro. */
  constructor(macros: ReadonlyMap<string, MacroDefinition>, means: (word: string) => boolean) {
    this.#macros = macros;
    this.#means = means;
    const names = [...macros.keys()].filter((name) => this.#isWanted(name));
    if (names.length > 0) this.#any = new RegExp(`\\b(?:${names.join('|')})\\b`);
  }

  /** The macro of this name if it is to be replaced. */
  wanted(name: string): MacroDefinition | undefined {
    return this.#wanted.get(name) === true ? this.#macros.get(name) : undefined;
  }

  /** Whether a piece of code may have something to replace. */
  concerns(code: string): boolean {
    return this.#any?.test(code) ?? false;
  }

  #isWanted(name: string): boolean {
    const known = this.#wanted.get(name);
    if (known !== undefined) return known;
    const macro = this.#macros.get(name);
    // A macro that leads to itself says nothing of its own.
    this.#wanted.set(name, false);
    if (macro === undefined) return false;
    const words = macro.body.match(/[A-Za-z_]\w*/g) ?? [];
    const wanted =
      (macro.params !== undefined && this.#means(name)) ||
      words.some((word) => this.#means(word) || (word !== name && this.#isWanted(word)));
    this.#wanted.set(name, wanted);
    return wanted;
  }
}

interface Token {
  readonly text: string;
  /** Offset in the file; -1 for what a macro made. */
  readonly at: number;
  /** Macros that made it, which are not replaced in it again. */
  readonly hidden: readonly string[];
}

/**
 * Replaces macros in a piece of code that stands at `from` in the file. `bodyStart` is the offset in `code` before
 * which nothing is replaced. Undefined when there is nothing to replace.
 */
export function expandMacros(
  code: string,
  from: number,
  bodyStart: number,
  table: MacroTable,
): Expanded | undefined {
  if (!table.concerns(code)) return undefined;
  const pieces = new Pieces(code, from);
  const interesting = /["']|[A-Za-z_]\w*/g;
  interesting.lastIndex = bodyStart;
  for (let match = interesting.exec(code); match !== null; match = interesting.exec(code)) {
    if (match[0] === '"' || match[0] === "'") {
      interesting.lastIndex = literalEnd(code, match.index);
      continue;
    }
    const macro = table.wanted(match[0]);
    if (macro === undefined || !isDefinedBefore(macro, from + match.index)) continue;
    const end = useEnd(code, match.index + match[0].length, macro, table);
    if (end === undefined) continue;
    const made = replace(tokensOf(code.slice(match.index, end), from + match.index), table);
    if (made === undefined) continue;
    pieces.use(match[0], match.index, end, made);
    interesting.lastIndex = end;
  }
  return pieces.finish();
}

/** A definition that follows the use is not meant by it. */
function isDefinedBefore(macro: MacroDefinition, at: number): boolean {
  return macro.header !== undefined || macro.range.start < at;
}

/** Behind a use: the name, or its closing bracket. Undefined for a function-like macro's name without arguments. */
function useEnd(code: string, at: number, macro: MacroDefinition, table: MacroTable): number | undefined {
  if (macro.params === undefined) {
    // `#define my_pin MY_PIN`: the arguments behind the alias are those of the macro that it stands for.
    const alias = table.wanted(macro.body.trim());
    if (alias === undefined || alias === macro) return at;
    return useEnd(code, at, alias, table) ?? at;
  }
  const open = /\s*\(/y;
  open.lastIndex = at;
  if (open.exec(code) === null) return undefined;
  let depth = 0;
  for (let i = open.lastIndex - 1; i < code.length; i++) {
    const char = code.charCodeAt(i);
    if (char === 40) depth++;
    else if (char === 41 && --depth === 0) return i + 1;
    else if (char === 34 || char === 39) i = literalEnd(code, i) - 1;
  }
  return undefined;
}

function tokensOf(text: string, at: number, hidden: readonly string[] = []): Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(TOKEN)) {
    tokens.push({ text: match[0], at: at < 0 ? -1 : at + match.index, hidden });
  }
  return tokens;
}

/** All macros in the tokens replaced; undefined when that becomes too long. */
function replace(tokens: readonly Token[], table: MacroTable): Token[] | undefined {
  const out: Token[] = [];
  // What is still to be read, next token last.
  const rest = [...tokens].reverse();
  for (let steps = 0, token = rest.pop(); token !== undefined; token = rest.pop()) {
    if (++steps > MAX_TOKENS) return undefined;
    const macro =
      WORD.test(token.text) && !token.hidden.includes(token.text) ? table.wanted(token.text) : undefined;
    if (macro === undefined) {
      out.push(token);
      continue;
    }
    const hidden = [...token.hidden, macro.name];
    const args = macro.params === undefined ? new Map<string, Token[]>() : argumentsOf(rest, macro);
    if (args === undefined) {
      out.push(token);
      continue;
    }
    const made = substitute(macro, args, hidden, table);
    if (made === undefined) return undefined;
    for (let i = made.length - 1; i >= 0; i--) rest.push(made[i]!);
  }
  return out;
}

/** Takes the arguments of a use off the tokens that follow its name. Undefined, and nothing taken, if they do not fit. */
function argumentsOf(rest: Token[], macro: MacroDefinition): Map<string, Token[]> | undefined {
  let at = rest.length - 1;
  while (at >= 0 && /^\s/.test(rest[at]!.text)) at--;
  if (rest[at]?.text !== '(') return undefined;
  const params = macro.params!;
  const variadic = params.at(-1)?.endsWith('...') ?? false;
  const args: Token[][] = [[]];
  let depth = 0;
  for (; at >= 0; at--) {
    const token = rest[at]!;
    const { text } = token;
    if (text === '(' || text === '[' || text === '{') depth++;
    else if (text === ')' || text === ']' || text === '}') depth--;
    if (depth === 0) break;
    if (text === ',' && depth === 1 && !(variadic && args.length === params.length)) args.push([]);
    else if (depth > 1 || text !== '(') args.at(-1)!.push(token);
  }
  if (at < 0) return undefined;
  const given = args.map(trimmed);
  if (given.length === 1 && given[0]!.length === 0 && params.length === 0) given.pop();
  if (variadic && given.length === params.length - 1) given.push([]);
  if (given.length !== params.length) return undefined;
  rest.length = at;
  return new Map(
    params.map((param, i) => [param === '...' ? '__VA_ARGS__' : param.replace('...', ''), given[i]!]),
  );
}

function trimmed(tokens: Token[]): Token[] {
  let start = 0;
  let end = tokens.length;
  while (start < end && /^\s/.test(tokens[start]!.text)) start++;
  while (end > start && /^\s/.test(tokens[end - 1]!.text)) end--;
  return tokens.slice(start, end);
}

/** A macro's replacement text with its parameters put in (C11 6.10.3.1 to 6.10.3.3). */
function substitute(
  macro: MacroDefinition,
  args: ReadonlyMap<string, Token[]>,
  hidden: readonly string[],
  table: MacroTable,
): Token[] | undefined {
  const body = trimmed(tokensOf(macro.body, -1, hidden));
  const out: Token[] = [];
  for (let i = 0; i < body.length; i++) {
    const token = body[i]!;
    if (token.text === '#' && macro.params !== undefined) {
      const next = nextSolid(body, i);
      const arg = args.get(body[next]?.text ?? '');
      if (arg !== undefined) {
        const text = arg
          .map((t) => t.text)
          .join('')
          .replace(/[\\"]/g, '\\$&')
          .replace(/\s+/g, ' ');
        out.push({ text: `"${text}"`, at: -1, hidden });
        i = next;
        continue;
      }
    }
    if (token.text === '##') {
      i = paste(body, i, out, args, hidden);
      continue;
    }
    const arg = args.get(token.text);
    if (arg === undefined) {
      out.push(token);
      continue;
    }
    const pasted = body[nextSolid(body, i)]?.text === '##';
    const put = pasted ? arg : replace(arg, table);
    if (put === undefined) return undefined;
    out.push(...put);
  }
  return out;
}

/** Joins what is before `##` and what is behind it to one token. Answers the index of the last token it used. */
function paste(
  body: readonly Token[],
  at: number,
  out: Token[],
  args: ReadonlyMap<string, Token[]>,
  hidden: readonly string[],
): number {
  const next = nextSolid(body, at);
  const right = body[next];
  if (right === undefined) return at;
  const arg = args.get(right.text);
  const tokens = arg ?? [right];
  while (out.length > 0 && /^\s/.test(out.at(-1)!.text)) out.pop();
  const left = out.at(-1);
  // `, ## __VA_ARGS__`: the comma goes where there are no further arguments.
  if (left?.text === ',' && arg !== undefined) {
    if (arg.length === 0) out.pop();
    else out.push(...tokens);
    return next;
  }
  const [first, ...others] = tokens;
  if (first === undefined) return next;
  if (left !== undefined) out.pop();
  out.push({ text: (left?.text ?? '') + first.text, at: -1, hidden }, ...others);
  return next;
}

function nextSolid(tokens: readonly Token[], at: number): number {
  let next = at + 1;
  while (next < tokens.length && /^\s/.test(tokens[next]!.text)) next++;
  return next;
}

/** The expanded code as it grows, and where its pieces come from. */
class Pieces {
  readonly #code: string;
  readonly #from: number;
  readonly #texts: string[] = [];
  /** Start of each piece in the expanded code, its offset in the file (-1: made), and the use that it is of (-1: none). */
  readonly #starts: number[] = [];
  readonly #sources: number[] = [];
  readonly #useOf: number[] = [];
  readonly #uses: MacroUse[] = [];
  #length = 0;
  #done = 0;

  constructor(code: string, from: number) {
    this.#code = code;
    this.#from = from;
  }

  use(name: string, start: number, end: number, tokens: readonly Token[]): void {
    this.#add(this.#code.slice(this.#done, start), this.#from + this.#done, -1);
    const use = this.#uses.push({ name, range: { start: this.#from + start, end: this.#from + end } }) - 1;
    // Words that meet where one ends and the other starts stay apart.
    let before = this.#texts.at(-1) ?? '';
    for (const { text, at } of tokens) {
      if (/\w$/.test(before) && /^\w/.test(text)) this.#add(' ', -1, use);
      this.#add(text, at, use);
      before = text;
    }
    if (/\w$/.test(before) && /^\w/.test(this.#code.slice(end))) this.#add(' ', -1, use);
    this.#done = end;
  }

  finish(): Expanded | undefined {
    if (this.#uses.length === 0) return undefined;
    this.#add(this.#code.slice(this.#done), this.#from + this.#done, -1);
    const code = this.#texts.join('');
    return {
      code,
      uses: this.#uses,
      place: (start, end) => this.#place(start, end),
      isMade: (start, end) =>
        this.#sources[this.#pieceAt(start)] === -1 || this.#sources[this.#lastPiece(start, end)] === -1,
    };
  }

  #add(text: string, source: number, use: number): void {
    if (text === '') return;
    this.#starts.push(this.#length);
    this.#sources.push(source);
    this.#useOf.push(use);
    this.#texts.push(text);
    this.#length += text.length;
  }

  #lastPiece(start: number, end: number): number {
    return this.#pieceAt(end > start ? end - 1 : start);
  }

  #place(start: number, end: number): Range {
    const first = this.#pieceAt(start);
    const last = this.#lastPiece(start, end);
    const use = this.#useOf[first]!;
    const made = this.#sources[first] === -1 || this.#sources[last] === -1;
    // A part of one use that a macro made is the use.
    if (use >= 0 && use === this.#useOf[last] && made) return this.#uses[use]!.range;
    return {
      start:
        this.#sources[first] === -1
          ? this.#uses[use]!.range.start
          : this.#sources[first]! + start - this.#starts[first]!,
      end:
        this.#sources[last] === -1
          ? this.#uses[this.#useOf[last]!]!.range.end
          : this.#sources[last]! + end - this.#starts[last]!,
    };
  }

  /** Index of the piece that holds an offset of the expanded code. */
  #pieceAt(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
