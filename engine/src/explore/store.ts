/** Visited states: one growing Int32Array and an open-addressing table over it. No object per state. */

export class StateStore {
  readonly width: number;
  count = 0;
  words: Int32Array;
  private table: Int32Array;
  private mask: number;

  constructor(width: number) {
    this.width = width;
    this.words = new Int32Array(width * 256);
    this.table = new Int32Array(1024);
    this.mask = 1023;
  }

  /** Bytes that one visited state costs, table included. */
  get bytesPerState(): number {
    return this.width * 4 + 8;
  }

  /** Adds a state; returns its number, or ~number when it was known. */
  add(state: Int32Array): number {
    const { width } = this;
    let slot = hash(state, width) & this.mask;
    for (;;) {
      const entry = this.table[slot]!;
      if (entry === 0) break;
      if (this.equal(state, (entry - 1) * width)) return ~(entry - 1);
      slot = (slot + 1) & this.mask;
    }
    const index = this.count++;
    if ((index + 1) * width > this.words.length) {
      const grown = new Int32Array(this.words.length * 2);
      grown.set(this.words);
      this.words = grown;
    }
    const base = index * width;
    for (let i = 0; i < width; i++) this.words[base + i] = state[i]!;
    this.table[slot] = index + 1;
    if (this.count * 2 > this.mask) this.rehash();
    return index;
  }

  /** Copies a stored state into `into`. */
  load(index: number, into: Int32Array): void {
    const { width, words } = this;
    const base = index * width;
    for (let i = 0; i < width; i++) into[i] = words[base + i]!;
  }

  private equal(state: Int32Array, base: number): boolean {
    const { width, words } = this;
    for (let i = 0; i < width; i++) if (state[i] !== words[base + i]) return false;
    return true;
  }

  private rehash(): void {
    const size = (this.mask + 1) * 2;
    this.table = new Int32Array(size);
    this.mask = size - 1;
    const scratch = new Int32Array(this.width);
    for (let index = 0; index < this.count; index++) {
      this.load(index, scratch);
      let slot = hash(scratch, this.width) & this.mask;
      while (this.table[slot] !== 0) slot = (slot + 1) & this.mask;
      this.table[slot] = index + 1;
    }
  }
}

function hash(state: Int32Array, width: number): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < width; i++) h = Math.imul(h ^ state[i]!, 0x01000193) ^ (h >>> 15);
  return h ^ (h >>> 13);
}
