/** A parser for one file that is edited: it keeps what it parsed, and parses what changed with the old tree's help. */
import type { ParsedSlice, Parser, SourceSlice } from './parser.ts';
import type { SyntaxTree } from './tree.ts';

interface Kept {
  code: string;
  from: number;
  readonly slice: ParsedSlice;
  /** Asked for since the last `sweep`. */
  used: boolean;
}

/**
 * Remembers the slices of one file from version to version. Call `sweep` after each version has been analysed: what it
 * did not ask for is freed then. Answers are those of a parser without memory.
 */
export class IncrementalParser implements Parser {
  readonly backend: Parser['backend'];
  readonly #parser: Parser;
  #kept: Kept[] = [];

  constructor(parser: Parser) {
    this.#parser = parser;
    this.backend = parser.backend;
  }

  parse(slice: SourceSlice): SyntaxTree {
    const same = this.#kept.find((kept) => kept.code === slice.code);
    if (same !== undefined) {
      same.used = true;
      return moved(same.slice.tree, slice, slice.from - same.from);
    }
    const old = this.#nearest(slice);
    if (old !== undefined) {
      const tree = old.slice.reparse(slice);
      // What error recovery makes of half-typed code depends on the old tree; a fresh parse depends on the text only.
      if (!tree.hasError) {
        Object.assign(old, { code: slice.code, from: slice.from, used: true });
        return tree;
      }
      old.slice.dispose();
      this.#kept = this.#kept.filter((kept) => kept !== old);
    }
    const opened = this.#parser.open(slice);
    this.#kept.push({ code: slice.code, from: slice.from, slice: opened, used: true });
    return opened.tree;
  }

  open(slice: SourceSlice): ParsedSlice {
    return this.#parser.open(slice);
  }

  /** Number of slices whose parser memory is kept. */
  get size(): number {
    return this.#kept.length;
  }

  /** Frees what was not asked for since the last call. `unchanged` tells slices that may still be asked for. */
  sweep(unchanged: (code: string) => boolean = () => false): void {
    const keep: Kept[] = [];
    for (const kept of this.#kept) {
      if (kept.used || unchanged(kept.code)) keep.push(kept);
      else kept.slice.dispose();
      kept.used = false;
    }
    this.#kept = keep;
  }

  dispose(): void {
    for (const { slice } of this.#kept) slice.dispose();
    this.#kept = [];
  }

  /** The slice that was most likely edited into this one: not asked for yet, and the nearest with the same beginning. */
  #nearest(slice: SourceSlice): Kept | undefined {
    const head = headOf(slice.code);
    let best: Kept | undefined;
    for (const kept of this.#kept) {
      if (kept.used || headOf(kept.code) !== head) continue;
      if (best === undefined || Math.abs(kept.from - slice.from) < Math.abs(best.from - slice.from))
        best = kept;
    }
    return best;
  }
}

const HEAD = 24;

function headOf(code: string): string {
  return code.slice(0, HEAD);
}

/** The same tree in another version of the file, `delta` further on. */
function moved(tree: SyntaxTree, slice: SourceSlice, delta: number): SyntaxTree {
  if (delta === 0) return { ...tree, text: slice.text };
  return {
    ...tree,
    text: slice.text,
    start: tree.start.map((at) => at + delta),
    end: tree.end.map((at) => at + delta),
  };
}
