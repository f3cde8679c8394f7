/**
 * Visited states, packed, and an open-addressing table over them. No object per state.
 *
 * Most words of a machine never change in a run, so a state keeps only those that some visited state has changed: its
 * columns. A transition changes few of them, so hash and undo go by what it changed.
 */

const FIRST_CAPACITY = 256;
/** States of a chunk, as a power of two: large enough to be rare, small enough that a short search stays small. */
const CHUNK_BITS = 8;
const CHUNK_MASK = (1 << CHUNK_BITS) - 1;
/** Bytes beside a state's words: its hash, and two to four table entries for each state. */
const OVERHEAD = 16;

export class StateStore {
  count = 0;
  /** The machine's words: transitions change them, the store sets them. */
  private readonly work: Int32Array;
  /** State 0. */
  private readonly initial: Int32Array;
  /** The state loaded last: what `work` is compared with. */
  private readonly base: Int32Array;
  private baseHash = 0;
  /** The same two, two words at a time: looking for what changed is most of the work for a state. */
  private readonly workPairs: BigInt64Array;
  private readonly basePairs: BigInt64Array;
  /** Words that differ from state 0 in some visited state, and whether a word is one of them. */
  private readonly columns: Int32Array;
  private columnCount = 0;
  private readonly isColumn: Uint8Array;
  /** Words that the current transition changed. */
  private readonly changed: Int32Array;
  /** A chunk has the columns that were known when its last state came; in its states, later columns are as in state 0. */
  private readonly chunks: Int32Array[] = [];
  private readonly chunkWidths: number[] = [];
  private hashes = new Int32Array(FIRST_CAPACITY);
  private mask = FIRST_CAPACITY * 4 - 1;
  private table = new Int32Array(FIRST_CAPACITY * 4);

  /** `work` holds state 0 and belongs to the store from now on, except for what transitions do to it. */
  constructor(work: Int32Array) {
    this.work = work;
    this.initial = work.slice();
    this.base = work.slice();
    this.workPairs = inPairs(work);
    this.basePairs = inPairs(this.base);
    this.columns = new Int32Array(work.length);
    this.isColumn = new Uint8Array(work.length);
    this.changed = new Int32Array(work.length);
    this.insert(0, 0);
  }

  /** Bytes that one visited state costs, hash and table included. */
  get bytesPerState(): number {
    const words = this.chunkWidths.reduce((sum, width) => sum + width, 0) / this.chunkWidths.length;
    return Math.round(words) * 4 + OVERHEAD;
  }

  /** Makes the machine stand in a visited state. */
  load(index: number): void {
    const { work, base, columns, initial } = this;
    const words = this.chunks[index >> CHUNK_BITS]!;
    const width = this.chunkWidths[index >> CHUNK_BITS]!;
    const from = (index & CHUNK_MASK) * width;
    for (let j = 0; j < width; j++) {
      const at = columns[j]!;
      work[at] = base[at] = words[from + j]!;
    }
    for (let j = width; j < this.columnCount; j++) {
      const at = columns[j]!;
      work[at] = base[at] = initial[at]!;
    }
    this.baseHash = this.hashes[index]!;
  }

  /** Takes back what was done since load(). */
  undo(): void {
    this.restore(this.findChanges());
  }

  /**
   * Adds the state that the machine stands in, and takes back what was done since load(). Returns the state's number,
   * or ~number when it was known.
   */
  add(): number {
    const { work, base, changed } = this;
    const changes = this.findChanges();
    let hash = this.baseHash;
    for (let c = 0; c < changes; c++) {
      const at = changed[c]!;
      hash = (hash + share(at, work[at]!) - share(at, base[at]!)) | 0;
      if (this.isColumn[at] === 0) {
        this.isColumn[at] = 1;
        this.columns[this.columnCount++] = at;
      }
    }
    const known = this.lookUp(hash);
    this.restore(changes);
    return known;
  }

  /** Collects the words in which the machine differs from the loaded state; returns how many. */
  private findChanges(): number {
    const { work, base, changed, workPairs, basePairs } = this;
    const pairs = workPairs.length;
    let n = 0;
    for (let pair = 0; pair < pairs; pair++) {
      if (workPairs[pair] === basePairs[pair]) continue;
      const i = 2 * pair;
      if (work[i] !== base[i]) changed[n++] = i;
      if (work[i + 1] !== base[i + 1]) changed[n++] = i + 1;
    }
    const last = 2 * pairs;
    if (last < work.length && work[last] !== base[last]) changed[n++] = last;
    return n;
  }

  private restore(changes: number): void {
    const { work, base, changed } = this;
    for (let c = 0; c < changes; c++) work[changed[c]!] = base[changed[c]!]!;
  }

  private lookUp(hash: number): number {
    const { table, mask, hashes } = this;
    let slot = scatter(hash) & mask;
    for (;;) {
      const entry = table[slot]!;
      if (entry === 0) return this.insert(hash, slot);
      if (hashes[entry - 1] === hash && this.equal(entry - 1)) return ~(entry - 1);
      slot = (slot + 1) & mask;
    }
  }

  private insert(hash: number, slot: number): number {
    const { work, columns } = this;
    const index = this.count++;
    if (index >= this.hashes.length) this.grow();
    const width = this.columnCount;
    const words = this.chunkFor(index);
    const to = (index & CHUNK_MASK) * width;
    for (let j = 0; j < width; j++) words[to + j] = work[columns[j]!]!;
    this.hashes[index] = hash;
    this.table[slot] = index + 1;
    if (this.count * 2 > this.mask) this.rehash();
    return index;
  }

  /** The last chunk, with room for every known column. */
  private chunkFor(index: number): Int32Array {
    const chunk = index >> CHUNK_BITS;
    const width = this.columnCount;
    const old = this.chunks[chunk];
    const oldWidth = this.chunkWidths[chunk];
    if (old !== undefined && oldWidth === width) return old;
    const words = new Int32Array(width << CHUNK_BITS);
    if (old !== undefined && oldWidth !== undefined)
      for (let state = 0; state < (index & CHUNK_MASK); state++)
        for (let j = 0; j < width; j++)
          words[state * width + j] =
            j < oldWidth ? old[state * oldWidth + j]! : this.initial[this.columns[j]!]!;
    this.chunks[chunk] = words;
    this.chunkWidths[chunk] = width;
    return words;
  }

  private equal(index: number): boolean {
    const { work, columns, initial } = this;
    const words = this.chunks[index >> CHUNK_BITS]!;
    const width = this.chunkWidths[index >> CHUNK_BITS]!;
    const from = (index & CHUNK_MASK) * width;
    for (let j = 0; j < width; j++) if (work[columns[j]!] !== words[from + j]) return false;
    for (let j = width; j < this.columnCount; j++)
      if (work[columns[j]!] !== initial[columns[j]!]) return false;
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
      let slot = scatter(this.hashes[index]!) & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = index + 1;
    }
    this.table = table;
    this.mask = mask;
  }
}

/** Views an array that starts its buffer; a last odd word is left out. */
function inPairs(words: Int32Array): BigInt64Array {
  return new BigInt64Array(words.buffer, words.byteOffset, words.length >> 1);
}

/** What one word contributes to a state's hash, which is the sum over all words, less that of state 0. */
function share(at: number, value: number): number {
  let h = Math.imul(value + Math.imul(at + 1, 0x9e3779b1), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  return h ^ (h >>> 13);
}

/** Spreads a sum of shares over the low bits, which choose the table entry. */
function scatter(hash: number): number {
  const h = Math.imul(hash ^ (hash >>> 16), 0x27d4eb2f);
  return h ^ (h >>> 15);
}
