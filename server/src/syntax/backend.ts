/** What both back ends share: slices, flat trees, edits, and never throwing. */
import { type Edit, editBetween } from './edit.ts';
import { type Cursor, Flattener, unreadableTree } from './flatten.ts';
import { MAX_SLICE } from './limits.ts';
import type { Backend, ParsedSlice, Parser, SourceSlice } from './parser.ts';
import type { SyntaxTree } from './tree.ts';

/** The few operations in which the back ends differ. `T` is the parser's own tree. */
export interface Engine<T> {
  readonly backend: Backend;
  /** Undefined when the parser gives up; may throw. */
  parse(code: string, old: T | undefined): T | undefined;
  edit(tree: T, edit: Edit): void;
  /** Runs `read` on a cursor over the tree and frees the cursor. */
  walk<R>(tree: T, read: (cursor: Cursor) => R): R;
  free(tree: T): void;
  /** Called after the parser threw: makes it usable again. */
  recover(): void;
}

interface Outcome<T> {
  /** The parser's own tree; undefined when the text was unreadable. */
  readonly native: T | undefined;
  readonly tree: SyntaxTree;
}

type Run<T> = (slice: SourceSlice, old: T | undefined) => Outcome<T>;

/** Which NUL is the end of the text, the back ends do not agree about; C has none. */
function readable(code: string): string {
  return code.includes('\0') ? code.replaceAll('\0', ' ') : code;
}

/** Wraps a back end's engine as the parser port. */
export function parserOver<T>(engine: Engine<T>): Parser {
  const flattener = new Flattener();

  function run(slice: SourceSlice, old: T | undefined): Outcome<T> {
    let native: T | undefined;
    try {
      native = slice.code.length > MAX_SLICE ? undefined : engine.parse(readable(slice.code), old);
      if (native !== undefined) {
        const tree = engine.walk(native, (cursor) => flattener.flatten(cursor, slice.text, slice.from));
        return { native, tree };
      }
    } catch {
      engine.recover();
      native = undefined;
    }
    return { native, tree: unreadableTree(slice.text, slice.from, slice.code.length) };
  }

  return {
    backend: engine.backend,
    parse(slice) {
      const { native, tree } = run(slice, undefined);
      if (native !== undefined) engine.free(native);
      return tree;
    },
    open(slice) {
      return new OpenSlice(engine, run, slice);
    },
  };
}

class OpenSlice<T> implements ParsedSlice {
  readonly #engine: Engine<T>;
  readonly #run: Run<T>;
  #code: string;
  #native: T | undefined;
  #tree: SyntaxTree;

  constructor(engine: Engine<T>, run: Run<T>, slice: SourceSlice) {
    this.#engine = engine;
    this.#run = run;
    const { native, tree } = run(slice, undefined);
    this.#code = slice.code;
    this.#native = native;
    this.#tree = tree;
  }

  get tree(): SyntaxTree {
    return this.#tree;
  }

  reparse(slice: SourceSlice): SyntaxTree {
    const old = this.#native;
    const edit = old === undefined ? undefined : editBetween(this.#code, slice.code);
    if (old !== undefined && edit !== undefined) this.#engine.edit(old, edit);
    const { native, tree } = this.#run(slice, old);
    if (old !== undefined) this.#engine.free(old);
    this.#code = slice.code;
    this.#native = native;
    this.#tree = tree;
    return tree;
  }

  dispose(): void {
    if (this.#native !== undefined) this.#engine.free(this.#native);
    this.#native = undefined;
  }
}
