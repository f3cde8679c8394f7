/**
 * A file's top level in one lexical pass: functions, structs, tables, without a parser. Works on preprocessed text
 * (comments and directives are blanks) and survives unbalanced brackets.
 */
import { literalEnd } from './preprocess/scan.ts';

/** A function definition. Offsets are of the whole file. */
export interface FunctionSlice {
  readonly name: string;
  /** Of the declaration specifiers. */
  readonly start: number;
  readonly nameStart: number;
  /** Of the opening brace. */
  readonly bodyStart: number;
  /** Behind the closing brace. */
  readonly end: number;
  readonly isStatic: boolean;
  /** The macro that defines it, for instance `SYSCALL_DEFINE3`; its first argument is then the name. */
  readonly definedBy?: string;
}

/** A struct, union or enum with a body, by tag or by typedef name. */
export interface TypeSlice {
  readonly name: string;
  readonly keyword: 'struct' | 'union' | 'enum';
  readonly start: number;
  readonly bodyStart: number;
  readonly end: number;
}

/** A variable with a braced initializer, for instance a table of operations. */
export interface TableSlice {
  readonly name: string;
  readonly start: number;
  readonly bodyStart: number;
  readonly end: number;
}

export interface Outline {
  readonly functions: readonly FunctionSlice[];
  readonly types: readonly TypeSlice[];
  readonly tables: readonly TableSlice[];
  /** Where definitions end and nothing is open: from there on only what follows counts. */
  readonly marks: readonly Mark[];
}

/** How many items of each kind end before `at`. */
interface Mark {
  readonly at: number;
  readonly functions: number;
  readonly types: number;
  readonly tables: number;
}

const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPEN_PAREN = 40;
const CLOSE_PAREN = 41;
const SEMICOLON = 59;
const NEWLINE = 10;

/** Nobody writes a longer function header; a file that is one long line must not cost more for it. */
const MAX_HEADER = 4096;

/** Finds what the file defines. Total. */
export function outline(code: string): Outline {
  return new Outliner(code).run();
}

/** As outline(code), where the outline of a similar text is known: what both have in common is not read again. */
export function outlineLike(code: string, similar: string, known: Outline): Outline {
  if (code === similar) return known;
  const from = commonStart(code, similar);
  const end = commonEnd(code, similar, from);
  const delta = code.length - similar.length;
  const sure = known.marks.findLastIndex((mark) => isSure(code, mark.at, from));
  const outliner = new Outliner(code);
  if (sure >= 0) outliner.resume(known, known.marks[sure]!);
  // What stands in front of a mark decides whether a brace there is the first of its line.
  const same = new Map(
    known.marks.filter(({ at }) => at - 1 >= similar.length - end).map((mark) => [mark.at + delta, mark]),
  );
  return outliner.run((at) => same.get(at), known, delta);
}

/** Whether an item that ends at a mark would end there as well if the text were another one from `from` on. */
function isSure(code: string, mark: number, from: number): boolean {
  if (mark + LOOKED_AT > from) return false;
  const next = /\S/g;
  next.lastIndex = mark;
  const at = next.exec(code)?.index;
  return at !== undefined && at + LOOKED_AT <= from;
}

/** No item's end depends on more than this of what follows it, and of the next word. */
const LOOKED_AT = 300;

/** Length of what two texts start with. */
function commonStart(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let at = 0;
  while (at + STRIDE <= length && a.slice(at, at + STRIDE) === b.slice(at, at + STRIDE)) at += STRIDE;
  while (at < length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}

/** Length of what two texts end with, behind their first `from` characters. */
function commonEnd(a: string, b: string, from: number): number {
  const length = Math.min(a.length, b.length) - from;
  let n = 0;
  const same = (of: number): boolean =>
    a.slice(a.length - n - of, a.length - n) === b.slice(b.length - n - of, b.length - n);
  while (n + STRIDE <= length && same(STRIDE)) n += STRIDE;
  while (n < length && same(1)) n++;
  return n;
}

const STRIDE = 2048;

class Outliner {
  readonly #code: string;
  readonly #functions: FunctionSlice[] = [];
  readonly #types: TypeSlice[] = [];
  readonly #tables: TableSlice[] = [];
  readonly #marks: Mark[] = [];
  /** Where the current top-level item started. */
  #itemStart = 0;

  constructor(code: string) {
    this.#code = code;
  }

  /** Starts behind what ends at a mark of another outline. */
  resume({ functions, types, tables, marks }: Outline, mark: Mark): void {
    this.#functions.push(...functions.slice(0, mark.functions));
    this.#types.push(...types.slice(0, mark.types));
    this.#tables.push(...tables.slice(0, mark.tables));
    this.#marks.push(...marks.filter(({ at }) => at <= mark.at));
    this.#itemStart = mark.at;
  }

  /** Takes over from another outline, moved by `delta`, what follows one of its marks. */
  #takeOver({ functions, types, tables, marks }: Outline, mark: Mark, delta: number): void {
    const before = this.#marks.at(-1)!;
    const by = <T extends { start: number; bodyStart: number; end: number }>(item: T): T => ({
      ...item,
      start: item.start + delta,
      bodyStart: item.bodyStart + delta,
      end: item.end + delta,
    });
    for (const item of functions.slice(mark.functions))
      this.#functions.push({ ...by(item), nameStart: item.nameStart + delta });
    for (const item of types.slice(mark.types)) this.#types.push(by(item));
    for (const item of tables.slice(mark.tables)) this.#tables.push(by(item));
    for (const each of marks) {
      if (each.at <= mark.at) continue;
      this.#marks.push({
        at: each.at + delta,
        functions: each.functions - mark.functions + before.functions,
        types: each.types - mark.types + before.types,
        tables: each.tables - mark.tables + before.tables,
      });
    }
  }

  /** `markAt` gives the mark of `known` that stands for a place behind which all is the same, moved by `delta`. */
  run(
    markAt: (at: number) => Mark | undefined = () => undefined,
    known: Outline | undefined = undefined,
    delta = 0,
  ): Outline {
    const code = this.#code;
    const length = code.length;
    let parens = 0;
    for (let at = this.#itemStart; at < length; at++) {
      switch (code.charCodeAt(at)) {
        case 34:
        case 39:
          at = literalEnd(code, at) - 1;
          break;
        case OPEN_PAREN:
          parens++;
          break;
        case CLOSE_PAREN:
          if (parens > 0) parens--;
          break;
        case SEMICOLON:
          if (parens === 0) this.#itemStart = at + 1;
          break;
        case OPEN_BRACE: {
          // A brace in the first column opens a body even if an earlier bracket was never closed.
          const inColumn0 = at === 0 || code.charCodeAt(at - 1) === NEWLINE;
          if (parens > 0 && !inColumn0) break;
          parens = 0;
          if (/^\s*extern\s*"C"\s*$/.test(code.slice(this.#itemStart, at))) {
            this.#itemStart = at + 1;
            break;
          }
          const open = at;
          const end = bodyEnd(code, open);
          at = end - 1;
          if (!this.#define(open, end)) break;
          this.#itemStart = end;
          this.#mark(end);
          const mark = markAt(end);
          if (mark === undefined) break;
          this.#takeOver(known!, mark, delta);
          return this.#outline();
        }
        case CLOSE_BRACE:
          if (parens === 0 || code.charCodeAt(at - 1) === NEWLINE) {
            parens = 0;
            this.#itemStart = at + 1;
          }
          break;
      }
    }
    return this.#outline();
  }

  #outline(): Outline {
    return { functions: this.#functions, types: this.#types, tables: this.#tables, marks: this.#marks };
  }

  #mark(at: number): void {
    const [functions, types, tables] = [this.#functions.length, this.#types.length, this.#tables.length];
    this.#marks.push({ at, functions, types, tables });
  }

  /** Records what the braces at `bodyStart` belong to. Answers whether the item ends with them. */
  #define(bodyStart: number, end: number): boolean {
    this.#itemStart = Math.max(this.#itemStart, bodyStart - MAX_HEADER);
    this.#itemStart = Math.max(this.#itemStart, bodyStart - MAX_HEADER);
    const header = this.#code.slice(this.#itemStart, bodyStart);
    const table =
      /\b([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)*(?:__\w+\s*(?:\([^()]*\)\s*)?)*=\s*(?:\([^()]*\)\s*)?$/.exec(
        header,
      );
    if (table !== null) {
      this.#tables.push({
        name: table[1]!,
        start: this.#skipBlanks(this.#itemStart),
        bodyStart,
        end,
      });
      return false;
    }
    const aggregate =
      /\b(struct|union|enum)\b((?:\s+\w+|\s+__(?:attribute(?:__)?|aligned|packed)\s*\((?:[^()]|\([^()]*\))*\))*)\s*$/.exec(
        header,
      );
    if (aggregate !== null) {
      this.#type(aggregate[1] as TypeSlice['keyword'], aggregate[2]!, aggregate.index, bodyStart, end);
      return false;
    }
    const found = functionName(header);
    if (found === undefined) return !header.includes('=');
    // `FIXTURE_VARIANT_ADD(suite, small) { .size = 1 };` is a table.
    if (found.definedBy !== undefined && /^\{\s*\./.test(this.#code.slice(bodyStart, bodyStart + 200))) {
      this.#tables.push({ name: found.name, start: this.#itemStart + found.headerStart, bodyStart, end });
      return true;
    }
    this.#functions.push({
      name: found.name,
      start: this.#skipBlanks(this.#itemStart + found.headerStart),
      nameStart: this.#itemStart + found.at,
      bodyStart,
      end,
      isStatic: found.isStatic,
      ...(found.definedBy === undefined ? {} : { definedBy: found.definedBy }),
    });
    return true;
  }

  #type(keyword: TypeSlice['keyword'], tags: string, index: number, bodyStart: number, end: number): void {
    // Behind the keyword may stand attributes, then the tag.
    const tag = /(\w+)\s*$/.exec(
      tags.replace(/\b__\w+\s*(?:\([^()]*\))?/g, (word) => (/^__\w+$/.test(word) ? word : '')),
    );
    const typedefName = /^\s*(?:__\w+\s*(?:\([^()]*\)\s*)?)*([A-Za-z_]\w*)\s*;/.exec(
      this.#code.slice(end, end + 200),
    );
    const name = tag?.[1] ?? typedefName?.[1];
    if (name === undefined) return;
    this.#types.push({ name, keyword, start: this.#itemStart + index, bodyStart, end });
  }

  /** Also skips the bracket that closes a macro around the definition before. */
  #skipBlanks(from: number): number {
    let at = from;
    for (; at < this.#code.length; at++) {
      const char = this.#code.charCodeAt(at);
      if (char > 32 && char !== CLOSE_PAREN) break;
    }
    return at;
  }
}

/**
 * Behind the closing brace of the body that opens at `open`. A closing brace in the first column ends the body even if
 * others are still open, unless the function plainly goes on, or its statements all begin there; a body that is never
 * closed ends with the text.
 */
function bodyEnd(code: string, open: number): number {
  let depth = 0;
  UNINDENTED.lastIndex = open;
  const isIndented = !UNINDENTED.test(code);
  for (let at = open; at < code.length; at++) {
    const char = code.charCodeAt(at);
    if (char === OPEN_BRACE) depth++;
    else if (char === CLOSE_BRACE) {
      depth--;
      if (depth === 0) return at + 1;
      if (isIndented && code.charCodeAt(at - 1) === NEWLINE && !goesOn(code, at + 1)) return at + 1;
    } else if (char === 34 || char === 39) at = literalEnd(code, at) - 1;
  }
  return code.length;
}

/** A body whose first line begins in the first column, where a statement or a declaration does not stand otherwise. */
const UNINDENTED = /\{\s*\n(?!\w+[ \t]*:)[^\s#}]/y;

/** Whether a comma, another brace, `else`, a label or an indented line follows: an inner or misplaced brace, not the end. */
function goesOn(code: string, from: number): boolean {
  const next = /\S/g;
  next.lastIndex = from;
  const at = next.exec(code)?.index;
  if (at === undefined) return false;
  if (code[at] === ',' || code[at] === '}' || /^(?:else|while)\b/.test(code.slice(at, at + 6))) return true;
  const lineStart = code.lastIndexOf('\n', at) + 1;
  return (lineStart >= from && lineStart < at) || /^\w+[ \t]*:[^:]/.test(code.slice(at, at + 80));
}

interface FunctionHeader {
  readonly name: string;
  /** Offset of the name in the header. */
  readonly at: number;
  /** Offset of the definition in the header: behind a macro call that stood before it without a semicolon. */
  readonly headerStart: number;
  readonly isStatic: boolean;
  readonly definedBy?: string;
}

/** Words before a bracket that are not the function's name. */
const NOT_A_NAME =
  /^(?:__\w*attribute\w*|__(?:printf|scanf|acquires|releases|must_hold|acquire|release|aligned|section|alias|assume_aligned|alloc_size|free|cleanup|malloc|nonnull|diagnose_as|bpf_\w+|context_unsafe|cond_acquires|cond_releases|cacheline_group_begin)|asm|__asm__|typeof|__typeof__|if|while|for|switch|return|sizeof|do|else|EXPORT_SYMBOL\w*|ALLOW_ERROR_INJECTION|NOKPROBE_SYMBOL)$/;

/** Macros that define functions: all capitals. */
const DEFINING = /^[A-Z][A-Z0-9_]*$/;

/** Of those, the ones whose first argument alone is the name: include/linux/syscalls.h, filter.h. */
const NAMED_BY_FIRST = /(?:SYSCALL(?:32)?_DEFINE|BPF_CALL_)/;

/** `foo` of `SYSCALL_DEFINE2(foo, int, a, int, b)`; `suite_test` of `TEST_F(suite, test)`. */
function definedName(macro: string, args: string): { name: string; at: number } | undefined {
  const first = /^\s*([A-Za-z_]\w*)\s*(?:,|$)/.exec(args);
  if (first === null) return undefined;
  const words = args.split(',').map((arg) => arg.trim());
  const joins = !NAMED_BY_FIRST.test(macro) && words.every((word) => /^\w+$/.test(word));
  return { name: joins ? words.join('_') : first[1]!, at: args.indexOf(first[1]!) };
}

/** Finds the name in what stands before a function's body. Undefined when that is no function. */
function functionName(header: string): FunctionHeader | undefined {
  const call = /([A-Za-z_]\w*)\s*\(/g;
  let around = 0;
  // Where a macro around the result's type stands.
  let resultAt = header.length;
  let best: { name: string; at: number; open: number; close: number } | undefined;
  for (let match = call.exec(header); match !== null; match = call.exec(header)) {
    const open = match.index + match[0].length - 1;
    const close = closingBracket(header, open);
    const name = match[1]!;
    if (close === header.length) {
      // A bracket that is not closed belongs to a macro around the definition.
      call.lastIndex = open + 1;
      around = open + 1;
      best = undefined;
      continue;
    }
    call.lastIndex = close + 1;
    if (NOT_A_NAME.test(name)) continue;
    // The first candidate is the name unless another declaration follows it: a macro call without a semicolon.
    const between = best && header.slice(best.close + 1, match.index);
    const isResult = best !== undefined && isTypeOf(name, best.name, between!);
    if (best === undefined || startsDeclaration(between!) || isResult) {
      resultAt = isResult ? best!.at : header.length;
      best = { name, at: match.index, open, close };
    }
  }
  if (best === undefined) return undefined;
  const { open, close } = best;
  if (/=/.test(header.slice(close + 1))) return undefined;
  const headerStart = Math.max(around, Math.min(resultAt, startOfDefinition(header, best.at)));
  const specifiers = header.slice(headerStart, best.at);
  const isStatic = /\b(?:static|STATIC)\b/.test(specifiers);
  const defined = DEFINING.test(best.name)
    ? definedName(best.name, header.slice(open + 1, close))
    : undefined;
  if (defined !== undefined) {
    return { name: defined.name, at: open + 1 + defined.at, headerStart, isStatic, definedBy: best.name };
  }
  return { name: best.name, at: best.at, headerStart, isStatic };
}

/** Whether text between two bracketed groups holds the specifiers of a new declaration, not just annotations. */
function startsDeclaration(between: string): boolean {
  const words = between.match(/[A-Za-z_]\w*/g) ?? [];
  return words.some((word) => !word.startsWith('__')) || /\n\s*\n/.test(between);
}

/** Whether what came before is a macro around the result's type: `RTDECL(int) name(…)`. */
function isTypeOf(name: string, before: string, between: string): boolean {
  return DEFINING.test(before) && !DEFINING.test(name) && !name.startsWith('__') && /^[\s*]+$/.test(between);
}

/** Behind macro calls that stand, without a semicolon, on lines of their own before the definition. */
function startOfDefinition(header: string, nameAt: number): number {
  let start = 0;
  const call = /^[ \t]*[A-Za-z_]\w*[ \t]*\(/gm;
  for (let match = call.exec(header); match !== null && match.index < nameAt; match = call.exec(header)) {
    const close = closingBracket(header, match.index + match[0].length - 1);
    if (close >= nameAt) break;
    if (/^[ \t\r]*\n/.test(header.slice(close + 1)) && !/^[ \t]*__/.test(match[0])) start = close + 1;
    call.lastIndex = close + 1;
  }
  return start;
}

/** The bracket that closes the one at `open`, or the end of the text. */
function closingBracket(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === OPEN_PAREN) depth++;
    else if (char === CLOSE_PAREN && --depth === 0) return at;
    else if (char === 34 || char === 39) at = literalEnd(text, at) - 1;
  }
  return text.length;
}
