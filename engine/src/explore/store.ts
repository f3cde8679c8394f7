/** Visited states: chunks of one Int32Array each, and an open-addressing table over them. No object per state. */

const FIRST_CAPACITY = 256;
/** States of a chunk, as a power of two: large enough to be rare, small enough that a short search stays small. */
const CHUNK_BITS = 8;
const CHUNK_MASK = (1 << CHUNK_BITS) - 1;

export class StateStore {
  readonly width: number;
  count = 0;
  private readonly chunks: Int32Array[] = [];
  /** Hash of each state, so that growing the table reads no state again. */
  private hashes: Int32Array;
  private table: Int32Array;
  private mask: number;

  constructor(width: number) {
    this.width = width;
    this.hashes = new Int32Array(FIRST_CAPACITY);
    this.mask = FIRST_CAPACITY * 4 - 1;
    this.table = new Int32Array(this.mask + 1);
  }

  /** Bytes that one visited state costs, hash and table included. */
  get bytesPerState(): number {
    return this.width * 4 + 16;
  }

  /** Adds a state; returns its number, or ~number when it was known. */
  add(state: Int32Array): number {
    const { width, table, mask } = this;
    const hash = hashOf(state, width);
    let slot = hash & mask;
    for (;;) {
      const entry = table[slot]!;
      if (entry === 0) break;
      if (this.hashes[entry - 1] === hash && this.equal(state, entry - 1)) return ~(entry - 1);
      slot = (slot + 1) & mask;
    }
    const index = this.count++;
    if (index >= this.hashes.length) this.grow();
    if ((index & CHUNK_MASK) === 0) this.chunks.push(new Int32Array(width << CHUNK_BITS));
    this.chunks[index >> CHUNK_BITS]!.set(state, (index & CHUNK_MASK) * width);
    this.hashes[index] = hash;
    table[slot] = index + 1;
    if (this.count * 2 > mask) this.rehash();
    return index;
  }

  /** Copies a stored state into `into`. */
  load(index: number, into: Int32Array): void {
    const base = (index & CHUNK_MASK) * this.width;
    into.set(this.chunks[index >> CHUNK_BITS]!.subarray(base, base + this.width));
  }

  private equal(state: Int32Array, index: number): boolean {
    const { width } = this;
    const words = this.chunks[index >> CHUNK_BITS]!;
    const base = (index & CHUNK_MASK) * width;
    for (let i = 0; i < width; i++) if (state[i] !== words[base + i]) return false;
    return true;
  }

  private grow(): void {
    const hashes = new Int32Array(this.hashes.length * 2);
    hashes.set(this.hashes);
    this.hashes = hashes;
  }

  private rehash(): void {
    const mask = this.mask * 2 + 1;
    const table = new Int32Array(mask + 1);
    for (let index = 0; index < this.count; index++) {
      let slot = this.hashes[index]! & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = index + 1;
    }
    this.table = table;
    this.mask = mask;
  }
}

/** Two independent lanes, mixed at the end: the multiplications of one overlap those of the other. */
function hashOf(state: Int32Array, width: number): number {
  let a = 0x811c9dc5;
  let b = 0x01000193;
  const even = width & ~1;
  for (let i = 0; i < even; i += 2) {
    a = Math.imul(a ^ state[i]!, 0x85ebca6b);
    b = Math.imul(b ^ state[i + 1]!, 0xc2b2ae35);
    a ^= a >>> 13;
    b ^= b >>> 16;
  }
  if (even !== width) a = Math.imul(a ^ state[even]!, 0x85ebca6b);
  let h = Math.imul(a ^ (b >>> 15) ^ (b << 7), 0x27d4eb2f);
  h ^= h >>> 15;
  return h ^ (h >>> 7);
}
