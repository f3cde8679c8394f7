/**
 * Two texts of one function that mean the same to a run: an edit of blanks, or of a comment between statements. What a
 * run of the one has shown holds for the other, at other places.
 */
import type { FunctionIr } from '../lower/ir.ts';
import type { Piece } from './pieces.ts';

/** A function as it was lowered: its text, where it stood in the file then, and what became of it. */
interface Sensed {
  readonly piece: Piece;
  readonly start: number;
  readonly ir: FunctionIr;
}

/** Leads places in a function to where they are in its new text. Offsets are of the function. */
export interface Moves {
  start(offset: number): number | undefined;
  end(offset: number): number | undefined;
}

/**
 * The moves from one text of a function to another; undefined where these do not mean the same. `lower` is asked to
 * lower the second one.
 */
export function movesBetween(before: Piece, after: Piece, lower: () => unknown): Moves | undefined {
  // Another statement that makes no other graph may still be a guard's, or close its block.
  if (flat(before.code) !== flat(after.code)) return undefined;
  lower();
  const from = sensed(before);
  const to = sensed(after);
  if (from === undefined || to === undefined) return undefined;
  const comparison = new Comparison(from, to);
  if (!comparison.compare()) return undefined;
  const { starts, ends } = comparison;
  const nameEnd = (piece: Piece): number => piece.nameAt + from.ir.name.length;
  return {
    start: (offset) => (offset === before.nameAt ? after.nameAt : clear(starts.get(offset))),
    end: (offset) => (offset === nameEnd(before) ? nameEnd(after) : clear(ends.get(offset))),
  };
}

function sensed(piece: Piece): Sensed | undefined {
  const lowered = piece.lastPlaced<FunctionIr | undefined>('ir');
  return lowered?.made && { piece, start: lowered.start, ir: lowered.made };
}

function flat(text: string): string {
  return text.replace(/\s+/g, ' ');
}

/** Stands for a place from which two lead on. */
const UNCLEAR = -1;

function clear(place: number | undefined): number | undefined {
  return place === UNCLEAR ? undefined : place;
}

class Comparison {
  readonly starts = new Map<number, number>();
  readonly ends = new Map<number, number>();
  readonly #from: Sensed;
  readonly #to: Sensed;

  constructor(from: Sensed, to: Sensed) {
    this.#from = from;
    this.#to = to;
  }

  compare(): boolean {
    const { ir: a } = this.#from;
    const { ir: b } = this.#to;
    if (a.nodes.length !== b.nodes.length || a.calls.length !== b.calls.length) return false;
    const same = a.nodes.every((node, i) => {
      const other = b.nodes[i]!;
      // Expressions are quoted, and so is what returns; the text of other nodes is that of all that is in them.
      if (node.expr !== undefined && other.expr !== undefined && !this.#reads(node.expr, other.expr))
        return false;
      if (node.kind === 'return' && !this.#reads(node.range, other.range)) return false;
      return this.#same(node, other);
    });
    if (!same) return false;
    const { nodes: _a, calls: _b, ...restOfA } = a;
    const { nodes: _c, calls: _d, ...restOfB } = b;
    return this.#same(restOfA, restOfB) && a.calls.every((call, i) => this.#same(call, b.calls[i]!));
  }

  /** Both texts read the same, however they are broken into lines. */
  #reads(a: { start: number; end: number }, b: { start: number; end: number }): boolean {
    const { piece: before, start: from } = this.#from;
    const { piece: after, start: to } = this.#to;
    const one = before.text.slice(a.start - from, a.end - from);
    const other = after.text.slice(b.start - to, b.end - to);
    return one === other || flat(one) === flat(other);
  }

  /** Equal but for places, which are noted. */
  #same(a: unknown, b: unknown): boolean {
    if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return Object.is(a, b);
    if (a instanceof Map && b instanceof Map) return this.#same([...a], [...b]);
    if (Array.isArray(a) && Array.isArray(b))
      return a.length === b.length && a.every((x, i) => this.#same(x, b[i]));
    const one = a as Record<string, unknown>;
    const other = b as Record<string, unknown>;
    let keys = 0;
    for (const key in one) {
      keys++;
      if (key === 'start' || key === 'end') {
        if (typeof one[key] !== 'number' || typeof other[key] !== 'number') return false;
        this.#note(key, one[key], other[key]);
      } else if (!(key in other) || !this.#same(one[key], other[key])) return false;
    }
    for (const _ in other) keys--;
    return keys === 0;
  }

  #note(key: 'start' | 'end', a: number, b: number): void {
    const places = key === 'start' ? this.starts : this.ends;
    const from = a - this.#from.start;
    const to = b - this.#to.start;
    const before = places.get(from);
    places.set(from, before === undefined || before === to ? to : UNCLEAR);
  }
}
