/** A source file as the layers above see it: its functions, macros and types, and trees on demand. */
import { toPlainC } from './dialect/dialect.ts';
import { MAX_SLICE } from './limits.ts';
import { LineIndex } from './lines.ts';
import {
  type FunctionSlice,
  type Outline,
  outline,
  outlineLike,
  type TableSlice,
  type TypeSlice,
} from './outline.ts';
import type { Parser, SourceSlice } from './parser.ts';
import type { Conditional, ConditionalOptions, FileConditionals } from './preprocess/conditionals.ts';
import { type Expanded, expandMacros, MacroTable, type MacroUse } from './preprocess/expand.ts';
import type { Header } from './preprocess/headers.ts';
import type { MacroDefinition } from './preprocess/macros.ts';
import { type PreprocessedHeader, preprocess } from './preprocess/preprocess.ts';
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
  /** Those, and the groups of the headers that were read. */
  readonly allConditionals: readonly FileConditionals[];
  readonly lines: LineIndex;
  /** Index of the function whose slice holds an offset, or -1. */
  functionAt(offset: number): number;
  /** Indices of the functions in whose code the pattern matches. The pattern needs no `g` flag. */
  functionsMatching(pattern: RegExp): number[];
  /** The code of a function with macros of interest replaced by what they stand for. */
  expandedCode(index: number): string;
  /** The macro that was replaced where a range of the file's text starts. */
  macroUseAt(range: Range): MacroUse | undefined;
  /** The file's range for a range of `expandedCode`. */
  placeIn(index: number, start: number, end: number): Range;
  /** Whether uses of a macro are replaced in `expandedCode`. */
  expands(name: string): boolean;
  /** Functions that headers of the project define, by name: wrappers that are inlined where they are called. */
  readonly inlines: ReadonlyMap<string, InlineFunction>;
  /** Headers of the project that the file leads to. */
  readonly headers: readonly Header[];
  /** The rewritten code of a function, ready for a parser. */
  slice(index: number): SourceSlice;
  /** The tree of a function; parsed once and remembered. The root is a translation_unit. */
  parse(index: number, parser: Parser): SyntaxTree;
  /** The tree of a function's expanded code. Not remembered. */
  parseExpanded(index: number, parser: Parser): ExpandedTree;
  /** The tree of any other top-level range, for instance a struct or a table. Not remembered. */
  parseRange(range: Range, parser: Parser): SyntaxTree;
}

/** A function that a header defines. */
export interface InlineFunction {
  readonly name: string;
  /** Path of the header. */
  readonly header: string;
  /** It is no header's, but was declared to be like this. */
  readonly declared?: boolean;
  /** From its specifiers to its closing brace, with macros of interest replaced. */
  readonly code: string;
  /** Offset of the opening brace in `code`. */
  readonly bodyStart: number;
  /** Offsets are of `code`. */
  parse(parser: Parser): SyntaxTree;
}

/** A tree whose places lead back to the file's text. */
export interface ExpandedTree {
  readonly tree: SyntaxTree;
  /** The file's range for a range of the tree; `written` is what a macro made there. */
  place(start: number, end: number): Range & { readonly written?: string };
}

export interface SourceOptions extends ConditionalOptions {
  /** Words that make a macro worth replacing: its name, if it takes arguments, or a word of its replacement text. */
  readonly means?: (word: string) => boolean;
  /** Another version or configuration of the same file: what both have in common is read faster. */
  readonly near?: SourceFile;
  /** Functions that are known from elsewhere; those that the file or its headers define are these. */
  readonly declared?: DeclaredFunctions;
}

/** Definitions of functions by name, as C, and the path of what declares them. */
export interface DeclaredFunctions {
  readonly path: string;
  readonly functions: ReadonlyMap<string, string>;
}

/** Reads a file's top level. Total: any text is a source file, if need be without functions. */
export function openSource(path: string, text: string, options: SourceOptions): SourceFile {
  return new OpenedSource(path, text, options);
}

class OpenedSource implements SourceFile {
  readonly path: string;
  readonly kernel: KernelVersion;
  readonly text: string;
  readonly code: string;
  readonly outlined: Outline;
  readonly included: readonly OutlinedHeader[];
  readonly functions: readonly FunctionSlice[];
  readonly structs: ReadonlyMap<string, TypeSlice>;
  readonly tables: readonly TableSlice[];
  readonly macros: ReadonlyMap<string, MacroDefinition>;
  readonly conditionals: readonly Conditional[];
  readonly allConditionals: readonly FileConditionals[];
  readonly #slices: (SourceSlice | undefined)[] = [];
  readonly #trees: (SyntaxTree | undefined)[] = [];
  readonly #macroTable: MacroTable;
  readonly inlines: ReadonlyMap<string, InlineFunction>;
  readonly headers: readonly Header[];
  readonly #expanded: (Expanded | null | undefined)[] = [];
  /** Trees of the file's earlier state by the code that was parsed. */
  #lines: LineIndex | undefined;

  constructor(path: string, text: string, options: SourceOptions) {
    this.path = path;
    this.kernel = options.kernelVersion;
    this.text = text;
    const { code, macros, conditionals, allConditionals, headers, met } = preprocess(path, text, options);
    this.code = code;
    this.headers = met;
    this.macros = macros;
    this.conditionals = conditionals;
    this.allConditionals = allConditionals;
    // No closure of this constructor may see the other source: each would keep the one before it.
    const { outlined, included } = outlines(code, headers, options);
    this.outlined = outlined;
    this.included = included;
    const { functions, types, tables } = this.outlined;
    this.functions = functions;
    this.structs = new Map(types.map((type) => [type.name, type]));
    this.tables = tables;
    const own = new Set(functions.map(({ name }) => name));
    const inlines = this.included.flatMap(inlinesOf).filter(({ name }) => !own.has(name));
    const named = new Set([...own, ...inlines.map(({ name }) => name)]);
    const declared = declaredFunctions(options.declared).filter(({ name }) => !named.has(name));
    const defined = new Set([...named, ...declared.map(({ name }) => name)]);
    const { means } = options;
    this.#macroTable = new MacroTable(
      means === undefined ? new Map() : macros,
      (word) => defined.has(word) || (means?.(word) ?? false),
    );
    this.inlines = new Map(
      [...inlines.map((inline) => this.#inline(inline)), ...declared].map((inline) => [inline.name, inline]),
    );
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

  expandedCode(index: number): string {
    const { start, end } = this.functions[index]!;
    return this.#expand(index)?.code ?? this.code.slice(start, end);
  }

  placeIn(index: number, start: number, end: number): Range {
    const delta = this.functions[index]!.start;
    return this.#expand(index)?.place(start, end) ?? { start: start + delta, end: end + delta };
  }

  macroUseAt({ start }: Range): MacroUse | undefined {
    const index = this.functionAt(start);
    const expanded = index < 0 ? undefined : this.#expand(index);
    return expanded?.uses.find((use) => use.range.start === start);
  }

  expands(name: string): boolean {
    return this.#macroTable.wanted(name) !== undefined;
  }

  #inline({ header, ...definition }: HeaderDefinition): InlineFunction {
    const { name, start, end } = definition;
    const bodyStart = definition.bodyStart - start;
    const written = header.code.slice(start, end);
    const code = expandMacros(written, start, bodyStart, this.#macroTable)?.code ?? written;
    const parse = (parser: Parser): SyntaxTree =>
      parser.parse({ text: code, code: this.#plainC(definition, code), from: 0 });
    return { name, header: header.path, code, bodyStart, parse };
  }

  #expand(index: number): Expanded | undefined {
    let expanded = this.#expanded[index];
    if (expanded === undefined) {
      const { start, bodyStart, end } = this.functions[index]!;
      expanded =
        expandMacros(this.code.slice(start, end), start, bodyStart - start, this.#macroTable) ?? null;
      this.#expanded[index] = expanded;
    }
    return expanded ?? undefined;
  }

  slice(index: number): SourceSlice {
    const slice = this.#slices[index] ?? this.#rewrite(this.functions[index]!);
    this.#slices[index] = slice;
    return slice;
  }

  #rewrite(definition: FunctionSlice): SourceSlice {
    const { start, end } = definition;
    return { text: this.text, code: this.#plainC(definition, this.code.slice(start, end)), from: start };
  }

  #plainC({ start, nameStart, bodyStart, definedBy }: FunctionSlice, code: string): string {
    if (code.length > MAX_SLICE) return code;
    const place = {
      nameStart: nameStart - start,
      bodyStart: bodyStart - start,
      ...(definedBy === undefined ? {} : { definedBy }),
    };
    return toPlainC(code, place, this.macros);
  }

  parse(index: number, parser: Parser): SyntaxTree {
    let tree = this.#trees[index];
    if (tree === undefined) {
      tree = parser.parse(this.slice(index));
      this.#trees[index] = tree;
    }
    return tree;
  }

  parseExpanded(index: number, parser: Parser): ExpandedTree {
    const expanded = this.#expand(index);
    if (expanded === undefined)
      return { tree: this.parse(index, parser), place: (start, end) => ({ start, end }) };
    const { code } = expanded;
    const tree = parser.parse({ text: code, code: this.#plainC(this.functions[index]!, code), from: 0 });
    return {
      tree,
      place: (start, end) => {
        const range = expanded.place(start, end);
        return expanded.isMade(start, end) ? { ...range, written: code.slice(start, end) } : range;
      },
    };
  }

  parseRange(range: Range, parser: Parser): SyntaxTree {
    const code = toPlainC(this.code.slice(range.start, range.end), undefined, this.macros);
    return parser.parse({ text: this.text, code, from: range.start });
  }
}

interface HeaderDefinition extends FunctionSlice {
  readonly header: PreprocessedHeader;
}

/** Outlines of a file and its headers, with what is known of another version's. */
function outlines(
  code: string,
  headers: readonly PreprocessedHeader[],
  { near }: SourceOptions,
): { outlined: Outline; included: OutlinedHeader[] } {
  const before = near instanceof OpenedSource ? near : undefined;
  const included = headers.map((header) => {
    const known = before?.included.find(({ path }) => path === header.path);
    const same = known !== undefined && known.code === header.code;
    return { ...header, outlined: same ? known.outlined : outline(header.code) };
  });
  return {
    outlined: before === undefined ? outline(code) : outlineLike(code, before.code, before.outlined),
    included,
  };
}

interface OutlinedHeader extends PreprocessedHeader {
  readonly outlined: Outline;
}

function inlinesOf(header: OutlinedHeader): HeaderDefinition[] {
  return header.outlined.functions.map((definition) => ({ ...definition, header }));
}

function declaredFunctions(declared: DeclaredFunctions | undefined): InlineFunction[] {
  return [...(declared?.functions ?? [])].map(([name, code]) => ({
    name,
    header: declared!.path,
    declared: true,
    code,
    bodyStart: code.indexOf('{'),
    parse: (parser) => parser.parse({ text: code, code, from: 0 }),
  }));
}
