/** The parser port: one interface, two back ends with the same results. */
import type { WasmAssets } from './assets.ts';
import type { SyntaxTree } from './tree.ts';

export type Backend = 'native' | 'wasm';

/** A piece of C of a file: `code` is what is parsed, and stands at `from` in `text`. */
export interface SourceSlice {
  /** Text of the whole file as the user wrote it; the tree refers to it. */
  readonly text: string;
  /** The text to parse: `text` from `from` on, rewritten by the dialect to the same length. */
  readonly code: string;
  /** UTF-16 offset of `code` in `text`. */
  readonly from: number;
}

/** A slice whose parser state is kept, so that an edit costs less than a parse. Free it with `dispose`. */
export interface ParsedSlice {
  readonly tree: SyntaxTree;
  /** Parses the new state of the slice, reusing what did not change; the old tree's memory is freed. */
  reparse(slice: SourceSlice): SyntaxTree;
  dispose(): void;
}

/** Neither method throws, whatever the text: what cannot be parsed at all comes back as one ERROR node. */
export interface Parser {
  readonly backend: Backend;
  /** Parses a slice once and keeps no parser memory. */
  parse(slice: SourceSlice): SyntaxTree;
  /** Parses a slice and keeps it ready for `reparse`. */
  open(slice: SourceSlice): ParsedSlice;
}

export interface ParserOptions {
  /** Back end to use; without it native where its addon loads, else wasm. `GUPCHECK_PARSER` is the default. */
  readonly prefer?: Backend;
  /** The wasm back end's files, for hosts without a file system. */
  readonly assets?: WasmAssets;
}

/**
 * Creates a parser. A missing or unloadable native addon is not an error: wasm serves instead.
 *
 * @throws Error when the wasm files are neither given nor found.
 */
export async function createParser(options: ParserOptions = {}): Promise<Parser> {
  const prefer = options.prefer ?? preferredByEnvironment();
  if (prefer !== 'wasm' && options.assets === undefined) {
    const { createNativeParser } = await import('./native.ts');
    const native = await createNativeParser();
    if (native !== undefined) return native;
  }
  const { createWasmParser } = await import('./wasm.ts');
  return createWasmParser(options.assets ?? (await import('./assets.ts')).findWasmAssets());
}

function preferredByEnvironment(): Backend | undefined {
  const wanted = typeof process === 'undefined' ? undefined : process.env.GUPCHECK_PARSER;
  return wanted === 'wasm' || wanted === 'native' ? wanted : undefined;
}
