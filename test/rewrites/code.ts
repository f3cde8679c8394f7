/**
 * A function of a file as a rewrite sees it: its tree, and its text with some nodes written differently. What the dialect
 * has changed for the parser, and what is under a directive, is copied and never rewritten itself.
 */
import { Field, type FieldId, Kind, type KindId } from '#server/syntax/kinds.ts';
import type { SourceFile } from '#server/syntax/source.ts';
import { NodeFlag, type SyntaxTree } from '#server/syntax/tree.ts';

/** A variable or parameter of a function. */
export interface Local {
  readonly name: string;
  /** Type without storage class, qualifiers and stars: `struct page`, `int`. */
  readonly base: string;
  readonly stars: number;
  readonly isArray: boolean;
  readonly isParam: boolean;
  /** Declared `static`, `const`, or in a way that is not told apart. */
  readonly isPlain: boolean;
}

const COMMENT_OR_STRING = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;

/** One function and its tree. Positions are those of the file. */
export class FunctionCode {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly tree: SyntaxTree;
  /** The function_definition, and its body. */
  readonly definition: number;
  readonly body: number;
  readonly locals: ReadonlyMap<string, Local>;
  readonly isStatic: boolean;
  /** Marks what the parser did not see as it is written. */
  readonly #changed: Uint8Array;

  constructor(source: SourceFile, index: number, tree: SyntaxTree) {
    const { name, start, end } = source.functions[index]!;
    this.name = name;
    this.start = start;
    this.end = end;
    this.tree = tree;
    this.definition = this.named(0).find((n) => this.is(n, Kind.function_definition)) ?? -1;
    this.body = this.definition < 0 ? -1 : this.child(this.definition, Field.body);
    this.#changed = changes(source.text.slice(start, end), source.slice(index).code);
    this.locals = this.body < 0 ? new Map() : localsOf(this);
    this.isStatic = /^[^({]*\bstatic\b/.test(source.code.slice(start, end));
  }

  is(n: number, ...kinds: KindId[]): boolean {
    return n >= 0 && kinds.includes(this.tree.kind[n]!);
  }

  text(n: number): string {
    return n < 0 ? '' : this.tree.text.slice(this.tree.start[n], this.tree.end[n]);
  }

  child(n: number, field: FieldId): number {
    for (const c of this.children(n)) if (this.tree.field[c] === field) return c;
    return -1;
  }

  children(n: number): number[] {
    const out: number[] = [];
    for (let c = this.tree.firstChild[n]!; c >= 0; c = this.tree.nextSibling[c]!) out.push(c);
    return out;
  }

  /** Named children without comments. */
  named(n: number): number[] {
    return this.children(n).filter(
      (c) => (this.tree.flags[c]! & NodeFlag.named) !== 0 && !this.is(c, Kind.comment),
    );
  }

  /** All nodes of a subtree, the node first. */
  *below(n: number): Generator<number> {
    yield n;
    for (const c of this.children(n)) yield* this.below(c);
  }

  /** Whether a node's own text, without that of its named children, is as the user wrote it. */
  isOwn(n: number): boolean {
    let at = this.tree.start[n]!;
    for (const c of this.named(n)) {
      if (!this.#isSame(at, this.tree.start[c]!)) return false;
      at = this.tree.end[c]!;
    }
    return this.#isSame(at, this.tree.end[n]!);
  }

  /** Whether no directive stands between two nodes. */
  isAdjacent(first: number, second: number): boolean {
    return this.#isSame(this.tree.end[first]!, this.tree.start[second]!);
  }

  /** Whether the whole subtree is as the user wrote it. */
  isWhole(n: number): boolean {
    return this.#isSame(this.tree.start[n]!, this.tree.end[n]!);
  }

  #isSame(from: number, to: number): boolean {
    for (let at = from; at < to; at++) if (this.#changed[at - this.start] === 1) return false;
    return true;
  }

  /** Name of the function that a node calls, if it is a call of a named one. */
  callee(n: number): string | undefined {
    if (!this.is(n, Kind.call_expression)) return undefined;
    const fn = this.child(n, Field.function);
    return this.is(fn, Kind.identifier) ? this.text(fn) : undefined;
  }

  args(call: number): number[] {
    return this.named(this.child(call, Field.arguments));
  }

  /** Calls of functions whose name matches, below a node. */
  *calls(n: number, name: RegExp): Generator<number> {
    for (const each of this.below(n)) if (name.test(this.callee(each) ?? '')) yield each;
  }

  /** Whether a jump below `n` leaves it: a return, a goto, or a break or continue of an outer statement. */
  leaves(n: number): boolean {
    return this.#jumps(n, true, true);
  }

  /** Whether a `continue` below the body of a loop is that loop's. */
  continues(body: number): boolean {
    if (this.is(body, Kind.continue_statement)) return true;
    if (this.is(body, Kind.for_statement, Kind.while_statement, Kind.do_statement)) return false;
    return this.children(body).some((c) => this.continues(c));
  }

  /** Whether a `break` below a statement belongs to what stands around it. */
  breaks(n: number): boolean {
    if (this.is(n, Kind.break_statement)) return true;
    if (this.is(n, Kind.for_statement, Kind.while_statement, Kind.do_statement, Kind.switch_statement))
      return false;
    return this.children(n).some((c) => this.breaks(c));
  }

  #jumps(n: number, ofBreak: boolean, ofContinue: boolean): boolean {
    if (this.is(n, Kind.return_statement, Kind.goto_statement, Kind.labeled_statement)) return true;
    if (this.is(n, Kind.break_statement)) return ofBreak;
    if (this.is(n, Kind.continue_statement)) return ofContinue;
    const isLoop = this.is(n, Kind.for_statement, Kind.while_statement, Kind.do_statement);
    const isSwitch = this.is(n, Kind.switch_statement);
    return this.children(n).some((c) =>
      this.#jumps(c, ofBreak && !isLoop && !isSwitch, ofContinue && !isLoop),
    );
  }

  /** Whether a statement never goes on to the next one. */
  ends(n: number): boolean {
    if (this.is(n, Kind.compound_statement)) return this.ends(this.named(n).at(-1) ?? -1);
    return this.is(
      n,
      Kind.return_statement,
      Kind.goto_statement,
      Kind.break_statement,
      Kind.continue_statement,
    );
  }
}

function changes(text: string, plain: string): Uint8Array {
  const changed = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) if (text[at] !== plain[at]) changed[at] = 1;
  for (const { 0: found, index } of text.matchAll(COMMENT_OR_STRING))
    if (found[0] === '/') changed.fill(0, index, index + found.length);
  return changed;
}

function localsOf(code: FunctionCode): Map<string, Local> {
  const locals = new Map<string, Local>();
  const add = (declaration: number, declarator: number): void => {
    const local = localOf(code, declaration, declarator);
    if (local === undefined) return;
    const isNew = !locals.has(local.name);
    locals.set(local.name, isNew ? local : { ...local, isPlain: false });
  };
  for (const n of code.below(code.definition)) {
    if (code.is(n, Kind.parameter_declaration)) add(n, code.child(n, Field.declarator));
    if (code.is(n, Kind.declaration))
      for (const c of code.children(n)) if (code.tree.field[c] === Field.declarator) add(n, c);
  }
  return locals;
}

function localOf(code: FunctionCode, declaration: number, declarator: number): Local | undefined {
  let at = code.is(declarator, Kind.init_declarator) ? code.child(declarator, Field.declarator) : declarator;
  let stars = 0;
  let isArray = false;
  for (;;) {
    if (code.is(at, Kind.pointer_declarator)) stars++;
    else if (code.is(at, Kind.array_declarator)) isArray = true;
    else break;
    at = code.child(at, Field.declarator);
  }
  if (!code.is(at, Kind.identifier)) return undefined;
  const special = code
    .children(declaration)
    .some((c) => code.is(c, Kind.storage_class_specifier, Kind.type_qualifier));
  const type = code.child(declaration, Field.type);
  const isBody =
    code.is(type, Kind.struct_specifier, Kind.union_specifier) && code.child(type, Field.body) >= 0;
  return {
    name: code.text(at),
    base: code.text(type),
    stars,
    isArray,
    isParam: code.is(declaration, Kind.parameter_declaration),
    isPlain: !special && !isBody && code.isWhole(declaration),
  };
}

/** Text with other names for variables and functions: not for members, tags and labels that are jumped to. */
export function renamed(text: string, rename: (name: string) => string | undefined): string {
  const token = new RegExp(`${COMMENT_OR_STRING.source}|[A-Za-z_]\\w*|->|\\.\\.\\.|\\d[\\w.]*|\\S`, 'g');
  let before = '';
  return text.replace(token, (word) => {
    if (/^\/[/*]/.test(word)) return word;
    const isFree = /^[A-Za-z_]/.test(word) && !/^(->|\.|struct|union|enum|goto)$/.test(before);
    before = word;
    return (isFree ? rename(word) : undefined) ?? word;
  });
}
