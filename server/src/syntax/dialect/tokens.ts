/** Tokens of a slice, and rewriting them in place. */
import { blanked } from '../blank.ts';
import { literalEnd } from '../preprocess/scan.ts';

export const TokenKind = { word: 1, number: 2, literal: 3, punctuation: 4 } as const;

/** Operators of more than one character, longest first. */
const LONG_OPERATORS = /(?:##|<<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=)/y;

/** So many brackets of other kinds are skipped to find a partner; more is not C, and must not cost more. */
const MAX_UNPAIRED = 32;

/**
 * The tokens of preprocessed code, with the rewriting that the dialect's concerns ask for. A token is blanked or
 * replaced by text of its own length; blanks between tokens may be filled. Line breaks always stay.
 */
export class Tokens {
  readonly code: string;
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #kinds: number[] = [];
  readonly #texts: string[] = [];
  /** For a bracket, its partner; -1 for one without, and for other tokens. */
  readonly #partners: number[] = [];
  /**
   * Where to go on from a blanked token: chains of links, shortened as they are followed. A token that is not blanked
   * links to itself. Going back, links are one higher, so that there is one for the place before the first token.
   */
  readonly #nextLive: Int32Array;
  readonly #previousLive: Int32Array;
  readonly #replacements = new Map<number, string>();
  /** Characters put into the blanks between tokens, by offset. */
  readonly #insertions = new Map<number, string>();

  constructor(code: string) {
    this.code = code;
    this.#tokenize();
    this.#pair();
    this.#nextLive = Int32Array.from({ length: this.count + 1 }, (_, index) => index);
    this.#previousLive = this.#nextLive.slice();
  }

  get count(): number {
    return this.#starts.length;
  }

  start(index: number): number {
    return this.#starts[index]!;
  }

  end(index: number): number {
    return this.#ends[index]!;
  }

  /** The token's text as it is after the rewriting so far; empty outside the tokens and for a blanked one. */
  text(index: number): string {
    return this.#texts[index] ?? '';
  }

  is(index: number, text: string): boolean {
    return this.#texts[index] === text;
  }

  isWord(index: number): boolean {
    return this.#kinds[index] === TokenKind.word;
  }

  isLiteral(index: number): boolean {
    return this.#kinds[index] === TokenKind.literal;
  }

  isNumber(index: number): boolean {
    return this.#kinds[index] === TokenKind.number;
  }

  /** The partner of a bracket, or -1. */
  partner(index: number): number {
    return this.#partners[index] ?? -1;
  }

  /** The next token that is not blanked, from `index` on; `count` when there is none. */
  next(index: number): number {
    return index >= this.count ? this.count : liveFrom(this.#nextLive, Math.max(index, 0));
  }

  /** The nearest token before `index` that is not blanked, or -1. */
  previous(index: number): number {
    return index <= 0 ? -1 : liveFrom(this.#previousLive, Math.min(index, this.count)) - 1;
  }

  /** The token that starts at or behind an offset. */
  firstFrom(offset: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Blanks tokens `from` to `to`, both included. */
  blank(from: number, to = from): void {
    for (let at = from; at <= to; at++) {
      if (this.#texts[at] === '') continue;
      this.#texts[at] = '';
      this.#kinds[at] = 0;
      this.#nextLive[at] = at + 1;
      this.#previousLive[at + 1] = at;
      this.#replacements.set(at, '');
    }
  }

  /** Puts other text, at most as long, in a token's place; `kind` is that of the new text. */
  replace(index: number, text: string, kind: number = TokenKind.word): void {
    if (text.length > this.#ends[index]! - this.#starts[index]!)
      throw new RangeError('replacement is too long');
    this.#texts[index] = text;
    this.#kinds[index] = kind;
    this.#replacements.set(index, text);
  }

  /**
   * Puts one text over tokens `from` to `to` and the blanks between them; the text becomes token `from`.
   * Answers false, and does nothing, where a line break stands in the way of its length.
   */
  cover(from: number, to: number, text: string, kind: number = TokenKind.word): boolean {
    const start = this.#starts[from]!;
    if (text.length > this.#ends[to]! - start) return false;
    if (/[\r\n]/.test(this.code.slice(start, start + text.length))) return false;
    this.blank(from, to);
    this.#nextLive[from] = from;
    this.#previousLive[from + 1] = from + 1;
    this.#texts[from] = text;
    this.#kinds[from] = kind;
    this.#replacements.set(from, text);
    return true;
  }

  /**
   * Puts a character into the blanks in front of a token. Answers false where there are none: line breaks and
   * neighbouring text are never touched.
   */
  insertBefore(index: number, char: string): boolean {
    const stop = index < this.count ? this.#starts[index]! : this.code.length;
    const from = index > 0 ? this.#ends[index - 1]! : 0;
    for (let at = from; at < stop; at++) {
      if (this.code[at] !== ' ' && this.code[at] !== '\t') continue;
      if (this.#insertions.has(at)) return false;
      this.#insertions.set(at, char);
      return true;
    }
    return false;
  }

  /** Whether a line break stands between two tokens. */
  brokenBetween(before: number, behind: number): boolean {
    return this.code.slice(this.#ends[before], this.#starts[behind]).includes('\n');
  }

  /** How far a token's line is indented; a tab counts eight. */
  indentation(index: number): number {
    let at = this.code.lastIndexOf('\n', this.#starts[index]! - 1) + 1;
    let width = 0;
    for (; this.code[at] === ' ' || this.code[at] === '\t'; at++) width += this.code[at] === '\t' ? 8 : 1;
    return width;
  }

  /** The rewritten code. */
  render(): string {
    if (this.#replacements.size === 0 && this.#insertions.size === 0) return this.code;
    const edits: { start: number; end: number; text: string }[] = [];
    for (const [index, text] of this.#replacements) {
      const start = this.#starts[index]!;
      edits.push({ start, end: Math.max(this.#ends[index]!, start + text.length), text });
    }
    for (const [at, char] of this.#insertions) edits.push({ start: at, end: at + 1, text: char });
    edits.sort((a, b) => a.start - b.start);
    const pieces: string[] = [];
    let done = 0;
    for (const { start, end, text } of edits) {
      // What an earlier, covering edit has taken is not written again.
      const from = Math.max(start, done);
      if (end <= from) continue;
      pieces.push(this.code.slice(done, from), text.slice(from - start));
      pieces.push(blanked(this.code.slice(Math.max(from, start + text.length), end)));
      done = end;
    }
    pieces.push(this.code.slice(done));
    return pieces.join('');
  }

  #tokenize(): void {
    const { code } = this;
    const length = code.length;
    let at = 0;
    while (at < length) {
      const char = code.charCodeAt(at);
      if (char <= 32) {
        at++;
        continue;
      }
      const start = at;
      let kind: number = TokenKind.punctuation;
      if (isWordStart(char)) {
        at = wordEnd(code, at + 1);
        kind = TokenKind.word;
      } else if (isDigit(char)) {
        at = numberEnd(code, at + 1);
        kind = TokenKind.number;
      } else if (char === 34 || char === 39) {
        at = Math.max(literalEnd(code, at), at + 1);
        kind = TokenKind.literal;
      } else {
        LONG_OPERATORS.lastIndex = at;
        at += LONG_OPERATORS.exec(code)?.[0].length ?? 1;
      }
      this.#starts.push(start);
      this.#ends.push(at);
      this.#kinds.push(kind);
      this.#texts.push(code.slice(start, at));
      this.#partners.push(-1);
    }
  }

  /**
   * Pairs brackets; one that closes another kind leaves the open ones of inner kinds without a partner. A brace is
   * stronger than a bracket: it is not skipped to find a bracket's partner.
   */
  #pair(): void {
    const open: number[] = [];
    this.#texts.forEach((text, index) => {
      if (text === '(' || text === '[' || text === '{') open.push(index);
      else if (text === ')' || text === ']' || text === '}') {
        const wanted = text === ')' ? '(' : text === ']' ? '[' : '{';
        const lowest = Math.max(0, open.length - MAX_UNPAIRED);
        let top = open.length - 1;
        while (top >= lowest && this.#texts[open[top]!] !== wanted) {
          if (wanted !== '{' && this.#texts[open[top]!] === '{') return;
          top--;
        }
        if (top < lowest) return;
        const partner = open[top]!;
        open.length = top;
        this.#partners[partner] = index;
        this.#partners[index] = partner;
      }
    });
  }
}

/** Follows links to the first that leads to itself. */
function liveFrom(links: Int32Array, from: number): number {
  let at = from;
  while (links[at] !== at) {
    const next = links[at]!;
    links[at] = links[next]!;
    at = next;
  }
  return at;
}

function isWordStart(char: number): boolean {
  return (
    (char >= 97 && char <= 122) || (char >= 65 && char <= 90) || char === 95 || char === 36 || char > 127
  );
}

function isDigit(char: number): boolean {
  return char >= 48 && char <= 57;
}

function wordEnd(code: string, from: number): number {
  let at = from;
  while (at < code.length && (isWordStart(code.charCodeAt(at)) || isDigit(code.charCodeAt(at)))) at++;
  return at;
}

/** Numbers with suffixes, fractions and signed exponents. */
function numberEnd(code: string, from: number): number {
  let at = from;
  for (; at < code.length; at++) {
    const char = code.charCodeAt(at);
    if (isWordStart(char) || isDigit(char)) continue;
    // A case range may be written without blanks: `1...5`.
    if (char === 46 && code.charCodeAt(at + 1) !== 46) continue;
    const isSign = char === 43 || char === 45;
    if (isSign && /[eEpP]/.test(code[at - 1]!) && !/^0[xX]/.test(code.slice(from - 1, from + 1))) continue;
    break;
  }
  return at;
}
