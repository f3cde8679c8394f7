/** Writes functions of a file anew, with some places in another form that means the same. */

import type { Parser } from '#server/syntax/parser.ts';
import { openSource, type SourceFile, type SourceOptions } from '#server/syntax/source.ts';
import { FunctionCode } from './code.ts';

/** Another form of a node, or undefined to leave it as it is. Children are rewritten through `to`. */
export type Hook = (n: number, to: Writer) => string | undefined;

/** One kind of rewriting. */
export interface Rewrite {
  readonly kind: string;
  /** Prepares the rewriting of one function; undefined where there is nothing to rewrite. */
  readonly hook: (code: FunctionCode, file: RewrittenFile) => Hook | undefined;
  /** What is done to the text of the function in the end. */
  readonly finish?: (text: string, code: FunctionCode, file: RewrittenFile) => string;
  /** What is done to the text of the file in the end. */
  readonly file?: (text: string, file: RewrittenFile) => string;
  /** Codes whose findings may change, since the meaning does in this respect. */
  readonly mayChange?: RegExp;
}

/** Writes one function. */
export class Writer {
  readonly code: FunctionCode;
  readonly file: RewrittenFile;
  readonly #hook: Hook;

  constructor(code: FunctionCode, file: RewrittenFile, hook: Hook) {
    this.code = code;
    this.file = file;
    this.#hook = hook;
  }

  /** Text of a node with its children rewritten, and itself if the kind says so. */
  write(n: number): string {
    return (n < 0 ? '' : this.#hook(n, this)) ?? this.copy(n);
  }

  /** Text of a node with only its children rewritten. */
  copy(n: number): string {
    const { tree } = this.code;
    let at = tree.start[n]!;
    let out = '';
    for (const c of this.code.children(n)) {
      out += tree.text.slice(at, tree.start[c]) + this.write(c);
      at = tree.end[c]!;
    }
    return out + tree.text.slice(at, tree.end[n]);
  }

  /** A condition without its parentheses. */
  inner(condition: number): string {
    const text = this.write(condition);
    return text.startsWith('(') && text.endsWith(')') ? text.slice(1, -1) : text;
  }

  /** A statement as a block. */
  block(statement: number): string {
    const text = this.write(statement);
    return /^\{[\s\S]*\}$/.test(text) && this.code.tree.text[this.code.tree.start[statement]!] === '{'
      ? text
      : `{ ${text} }`;
  }
}

/** One rewriting of a file: which places are taken, and what is added around its functions. */
export class RewrittenFile {
  readonly source: SourceFile;
  readonly functions: readonly FunctionCode[];
  /** Functions that were added, and renamed ones, by the function of the original that they stand for. */
  readonly homes = new Map<string, string>();
  places = 0;
  after = '';
  /** Functions in which a place was taken. */
  readonly touched = new Set<string>();
  readonly #only: number | undefined;
  readonly #before = new Map<string, string[]>();
  #names = 0;

  constructor(source: SourceFile, functions: readonly FunctionCode[], only: number | undefined) {
    this.source = source;
    this.functions = functions;
    this.#only = only;
  }

  /** Whether the next place is to be rewritten. Each is asked for once. */
  take(code: FunctionCode): boolean {
    const place = this.places++;
    const isTaken = this.#only === undefined || this.#only === place;
    if (isTaken) this.touched.add(code.name);
    return isTaken;
  }

  /** A name that the file does not have. */
  fresh(stem: string): string {
    let name = '';
    do name = `${stem}_${++this.#names}`;
    while (this.source.text.includes(name));
    return name;
  }

  /** Puts text before a function. */
  addBefore(fn: string, text: string): void {
    this.#before.set(fn, [...(this.#before.get(fn) ?? []), text]);
  }

  /** Puts text behind everything else. */
  addAfter(text: string): void {
    this.after += `\n${text}\n`;
  }

  before(fn: string): string {
    return (this.#before.get(fn) ?? []).join('');
  }
}

const WORDS =
  /\b((get|pin|put|unpin)_user_pages?\w*|iov_iter_(get|extract)_pages\w*|put_page|release_pages|set_page_dirty\w*|unpin_folios?|memfd_pin_folios)\b/;

/** Functions that speak of page pinning, those that call them, and those that they call. */
export function functionsOfInterest(source: SourceFile, parser: Parser): FunctionCode[] {
  const codes = source.functions.map(({ start, end }) => source.code.slice(start, end));
  const speaks = new Set(codes.flatMap((text, i) => (WORDS.test(text) ? [i] : [])));
  const wanted = new Set(speaks);
  source.functions.forEach(({ name }, callee) => {
    const call = new RegExp(`\\b${name}\\b`);
    codes.forEach((text, caller) => {
      if (caller === callee || (!speaks.has(callee) && !speaks.has(caller)) || !call.test(text)) return;
      wanted.add(caller);
      wanted.add(callee);
    });
  });
  return [...wanted]
    .sort((a, b) => a - b)
    .map((i) => new FunctionCode(source, i, source.parse(i, parser)))
    .filter((code) => code.body >= 0 && !code.tree.hasError);
}

export interface Rewritten {
  readonly text: string;
  readonly places: number;
  readonly functions: number;
  readonly homeOf: (fn: string) => string;
}

/** Applies one kind of rewriting to every place of a file, or to the place number `only`. */
export function rewrite(
  kind: Rewrite,
  source: SourceFile,
  functions: readonly FunctionCode[],
  only?: number,
): Rewritten {
  const file = new RewrittenFile(source, functions, only);
  let out = '';
  let at = 0;
  for (const code of functions) {
    const hook = kind.hook(code, file);
    if (hook === undefined && kind.finish === undefined) continue;
    const writer = new Writer(code, file, hook ?? (() => undefined));
    const { tree, definition } = code;
    let text = writer.write(definition);
    text = kind.finish?.(text, code, file) ?? text;
    // Macros may stand before what the parser takes for the definition.
    const start = Math.max(at, Math.min(code.start, tree.start[definition]!));
    const head = source.text.slice(start, tree.start[definition]);
    out += source.text.slice(at, start) + file.before(code.name) + head + text;
    at = tree.end[definition]!;
  }
  out += source.text.slice(at) + file.after;
  if (kind.file !== undefined) out = kind.file(out, file);
  return {
    text: out,
    places: file.places,
    functions: file.touched.size,
    homeOf: (fn) => file.homes.get(fn) ?? fn,
  };
}

/** Opens a text for rewriting. */
export function openForRewriting(
  path: string,
  text: string,
  parser: Parser,
  options: SourceOptions,
): { source: SourceFile; functions: FunctionCode[] } {
  const source = openSource(path, text, options);
  return { source, functions: functionsOfInterest(source, parser) };
}
