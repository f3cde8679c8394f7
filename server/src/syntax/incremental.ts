/** A parser for one file that is edited: it keeps what it parsed, and parses what changed with the old tree's help. */
import type { ParsedSlice, Parser, SourceSlice } from './parser.ts';
import type { SyntaxTree } from './tree.ts';

interface Kept {
  code: string;
  from: number;
  readonly slice: ParsedSlice;
  /** The version in which it was last asked for. */
  seen: number;
}

/** Versions for which a slice is kept that none of them asked for. */
export const KEPT_VERSIONS = 16;

/**
 * Remembers the slices of one file from version to version. Call `sweep` after each version has been analysed: what has
 * not been asked for in a while is freed then. Answers are those of a parser without memory.
 */
export class IncrementalParser implements Parser {
  readonly backend: Parser['backend'];
  readonly #parser: Parser;
  #kept: Kept[] = [];
  #version = 0;

  constructor(parser: Parser) {
    this.#parser = parser;
    this.backend = parser.backend;
  }

  parse(slice: SourceSlice): SyntaxTree {
    const same = this.#kept.find((kept) => kept.code === slice.code);
    if (same !== undefined) {
      same.seen = this.#version;
      return moved(same.slice.tree, slice, slice.from - same.from);
    }
    const old = this.#nearest(slice);
    if (old !== undefined) {
      const tree = old.slice.reparse(slice);
      // What error recovery makes of half-typed code depends on the old tree; a fresh parse depends on the text only.
      if (!tree.hasError) {
        Object.assign(old, { code: slice.code, from: slice.from, seen: this.#version });
        return tree;
      }
      old.slice.dispose();
      this.#kept = this.#kept.filter((kept) => kept !== old);
    }
    const opened = this.#parser.open(slice);
    this.#kept.push({ code: slice.code, from: slice.from, slice: opened, seen: this.#version });
    return opened.tree;
  }

  open(slice: SourceSlice): ParsedSlice {
    return this.#parser.open(slice);
  }

  /** Ends a version. */
  sweep(): void {
    this.#version++;
    const keep: Kept[] = [];
    for (const kept of this.#kept) {
      if (this.#version - kept.seen <= KEPT_VERSIONS) keep.push(kept);
      else kept.slice.dispose();
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
      if (kept.seen === this.#version || headOf(kept.code) !== head) continue;
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
