/** A source file as the layers above see it: its functions, macros and types, and trees on demand. */
import { toPlainC } from './dialect/dialect.ts';
import { MAX_SLICE } from './limits.ts';
import { LineIndex } from './lines.ts';
import { type FunctionSlice, outline, type TableSlice, type TypeSlice } from './outline.ts';
import type { Parser, SourceSlice } from './parser.ts';
import type { Conditional, ConditionalOptions } from './preprocess/conditionals.ts';
import type { MacroDefinition } from './preprocess/macros.ts';
import { preprocess } from './preprocess/preprocess.ts';
import type { KernelVersion } from './preprocess/version.ts';
import type { Range } from './range.ts';
import type { SyntaxTree } from './tree.ts';

export interface SourceFile {
  readonly path: string;
  /** The kernel release that the code is read for. */
  readonly kernel: KernelVersion;
  /** As the user wrote it. All offsets are offsets of this text. */
  readonly text: string;
  /** The code of the chosen configuration: comments, directives and other branches are blanks. Same length. */
  readonly code: string;
  /** In the order of the file. */
  readonly functions: readonly FunctionSlice[];
  /** Structs, unions and enums with a body, by tag or typedef name. */
  readonly structs: ReadonlyMap<string, TypeSlice>;
  /** Variables with a braced initializer. */
  readonly tables: readonly TableSlice[];
  /** Macros of the chosen configuration by name; the last definition counts. */
  readonly macros: ReadonlyMap<string, MacroDefinition>;
  /** The `#if` groups that were met, and which branch of each was read. */
  readonly conditionals: readonly Conditional[];
  readonly lines: LineIndex;
  /** Index of the function whose slice holds an offset, or -1. */
  functionAt(offset: number): number;
  /** Indices of the functions in whose code the pattern matches. The pattern needs no `g` flag. */
  functionsMatching(pattern: RegExp): number[];
  /** The rewritten code of a function, ready for a parser. */
  slice(index: number): SourceSlice;
  /** The tree of a function; parsed once and remembered. The root is a translation_unit. */
  parse(index: number, parser: Parser): SyntaxTree;
  /** The tree of any other top-level range, for instance a struct or a table. Not remembered. */
  parseRange(range: Range, parser: Parser): SyntaxTree;
  /**
   * The tree of a macro's replacement text, in places of the file, as top-level statements: `pin(a, n)` is an
   * expression_statement, `do { … } while (0)` a do_statement. Undefined for a macro that the file does not define or
   * that is empty.
   */
  parseMacro(name: string, parser: Parser): SyntaxTree | undefined;
}

export type SourceOptions = ConditionalOptions;

/** Reads a file's top level. Total: any text is a source file, if need be without functions. */
export function openSource(path: string, text: string, options: SourceOptions): SourceFile {
  return new OpenedSource(path, text, options);
}

class OpenedSource implements SourceFile {
  readonly path: string;
  readonly kernel: KernelVersion;
  readonly text: string;
  readonly code: string;
  readonly functions: readonly FunctionSlice[];
  readonly structs: ReadonlyMap<string, TypeSlice>;
  readonly tables: readonly TableSlice[];
  readonly macros: ReadonlyMap<string, MacroDefinition>;
  readonly conditionals: readonly Conditional[];
  readonly #slices: (SourceSlice | undefined)[] = [];
  readonly #trees: (SyntaxTree | undefined)[] = [];
  /** Trees of the file's earlier state by the code that was parsed. */
  #lines: LineIndex | undefined;

  constructor(path: string, text: string, options: SourceOptions) {
    this.path = path;
    this.kernel = options.kernelVersion;
    this.text = text;
    const { code, macros, conditionals } = preprocess(text, options);
    this.code = code;
    this.macros = macros;
    this.conditionals = conditionals;
    const { functions, types, tables } = outline(code);
    this.functions = functions;
    this.structs = new Map(types.map((type) => [type.name, type]));
    this.tables = tables;
  }

  get lines(): LineIndex {
    this.#lines ??= new LineIndex(this.text);
    return this.#lines;
  }

  functionAt(offset: number): number {
    let low = 0;
    let high = this.functions.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.functions[middle]!.end <= offset) low = middle + 1;
      else high = middle;
    }
    const found = this.functions[low];
    return found !== undefined && found.start <= offset ? low : -1;
  }

  functionsMatching(pattern: RegExp): number[] {
    const found: number[] = [];
    const everywhere = new RegExp(
      pattern.source,
      pattern.flags.includes('g') ? pattern.flags : `${pattern.flags}g`,
    );
    for (let match = everywhere.exec(this.code); match !== null; match = everywhere.exec(this.code)) {
      const index = this.functionAt(match.index);
      if (index >= 0) {
        found.push(index);
        everywhere.lastIndex = this.functions[index]!.end;
      } else if (match[0] === '') everywhere.lastIndex++;
    }
    return found;
  }

  slice(index: number): SourceSlice {
    const slice = this.#slices[index] ?? this.#rewrite(this.functions[index]!);
    this.#slices[index] = slice;
    return slice;
  }

  #rewrite({ start, nameStart, bodyStart, end, definedBy }: FunctionSlice): SourceSlice {
    const code = this.code.slice(start, end);
    if (code.length > MAX_SLICE) return { text: this.text, code, from: start };
    const place = {
      nameStart: nameStart - start,
      bodyStart: bodyStart - start,
      ...(definedBy === undefined ? {} : { definedBy }),
    };
    return { text: this.text, code: toPlainC(code, place, this.macros), from: start };
  }

  parse(index: number, parser: Parser): SyntaxTree {
    let tree = this.#trees[index];
    if (tree === undefined) {
      tree = parser.parse(this.slice(index));
      this.#trees[index] = tree;
    }
    return tree;
  }

  parseRange(range: Range, parser: Parser): SyntaxTree {
    const code = toPlainC(this.code.slice(range.start, range.end), undefined, this.macros);
    return parser.parse({ text: this.text, code, from: range.start });
  }

  parseMacro(name: string, parser: Parser): SyntaxTree | undefined {
    const macro = this.macros.get(name);
    if (macro === undefined || macro.body.trim() === '') return undefined;
    // The grammar wants a semicolon behind an expression; it stands behind the text and moves nothing.
    const code = `${toPlainC(macro.body, undefined, this.macros)};`;
    return parser.parse({ text: this.text, code, from: macro.bodyStart });
  }
}
