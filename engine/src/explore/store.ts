/**
 * Visited states, packed, and an open-addressing table over them. No object per state.
 *
 * Most words of a machine never change in a run, so a state keeps only those that some visited state has changed: its
 * columns. A transition changes few of them, so hash and undo go by what it changed. Words are taken in pairs, as one
 * 64-bit integer: copying and comparing them is most of the work for a state. A machine with an odd number of words has
 * a last word that is kept beside the columns.
 */

const FIRST_CAPACITY = 256;
/** States of a chunk, as a power of two: large enough to be rare, small enough that a short search stays small. */
const CHUNK_BITS = 8;
const CHUNK_MASK = (1 << CHUNK_BITS) - 1;
/** Bytes beside a state's columns: its hash, its last word, and three table entries (two to four). */
const OVERHEAD = 20;

export class StateStore {
  count = 0;
  /** The machine's words: transitions change them, the store sets them. */
  private readonly work: Int32Array;
  private readonly workPairs: BigInt64Array;
  /** The state loaded last: what `work` is compared with. */
  private readonly base: Int32Array;
  private readonly basePairs: BigInt64Array;
  private baseHash = 0;
  /** State 0. */
  private readonly initialPairs: BigInt64Array;
  /** Index of the last word of an odd number; otherwise that of the last word, which then is in a pair as well. */
  private readonly last: number;
  /** Pairs that differ from state 0 in some visited state, and whether a pair is one of them. */
  private readonly columns: Int32Array;
  private columnCount = 0;
  private readonly isColumn: Uint8Array;
  /** Pairs that the current transition changed. */
  private readonly changed: Int32Array;
  /** A chunk has the columns that were known when its last state came; in its states, later columns are as in state 0. */
  private readonly chunks: BigInt64Array[] = [];
  private readonly chunkWidths: number[] = [];
  private hashes = new Int32Array(FIRST_CAPACITY);
  private lastWords = new Int32Array(FIRST_CAPACITY);
  private mask = FIRST_CAPACITY * 4 - 1;
  private table = new Int32Array(FIRST_CAPACITY * 4);

  /** `work` holds state 0; from now on the store sets it, and transitions change it. */
  constructor(work: Int32Array) {
    this.work = work;
    this.workPairs = inPairs(work);
    this.base = work.slice();
    this.basePairs = inPairs(this.base);
    this.initialPairs = this.basePairs.slice();
    this.last = work.length - 1;
    this.columns = new Int32Array(this.workPairs.length);
    this.isColumn = new Uint8Array(this.workPairs.length);
    this.changed = new Int32Array(this.workPairs.length);
    this.insert(0, 0);
  }

  /** Bytes that one visited state costs, hash and table included. */
  get bytesPerState(): number {
    const pairs = this.chunkWidths.reduce((sum, width) => sum + width, 0) / this.chunkWidths.length;
    return Math.round(pairs) * 8 + OVERHEAD;
  }

  /** Makes the machine stand in a visited state. */
  load(index: number): void {
    const { work, base, workPairs, basePairs, columns, initialPairs, columnCount } = this;
    const pairs = this.chunks[index >> CHUNK_BITS]!;
    const width = this.chunkWidths[index >> CHUNK_BITS]!;
    const from = (index & CHUNK_MASK) * width;
    for (let j = 0; j < width; j++) {
      const at = columns[j]!;
      workPairs[at] = basePairs[at] = pairs[from + j]!;
    }
    for (let j = width; j < columnCount; j++) {
      const at = columns[j]!;
      workPairs[at] = basePairs[at] = initialPairs[at]!;
    }
    work[this.last] = base[this.last] = this.lastWords[index]!;
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
    const { work, base, changed, isColumn, last } = this;
    const changes = this.findChanges();
    let hash = this.baseHash + share(last, work[last]!, 0) - share(last, base[last]!, 0);
    for (let c = 0; c < changes; c++) {
      const at = changed[c]!;
      const i = 2 * at;
      hash = (hash + share(at, work[i]!, work[i + 1]!) - share(at, base[i]!, base[i + 1]!)) | 0;
      if (isColumn[at] === 0) {
        isColumn[at] = 1;
        this.columns[this.columnCount++] = at;
      }
    }
    const index = this.lookUp(hash | 0);
    this.restore(changes);
    return index;
  }

  /** Collects the pairs in which the machine differs from the loaded state; returns how many. */
  private findChanges(): number {
    const { workPairs, basePairs, changed } = this;
    const length = workPairs.length;
    let n = 0;
    for (let pair = 0; pair < length; pair++) if (workPairs[pair] !== basePairs[pair]) changed[n++] = pair;
    return n;
  }

  private restore(changes: number): void {
    const { workPairs, basePairs, changed, last } = this;
    for (let c = 0; c < changes; c++) workPairs[changed[c]!] = basePairs[changed[c]!]!;
    this.work[last] = this.base[last]!;
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
    const { workPairs, columns, columnCount: width } = this;
    const index = this.count++;
    if (index >= this.hashes.length) this.grow();
    const pairs = this.chunkFor(index);
    const to = (index & CHUNK_MASK) * width;
    for (let j = 0; j < width; j++) pairs[to + j] = workPairs[columns[j]!]!;
    this.hashes[index] = hash;
    this.lastWords[index] = this.work[this.last]!;
    this.table[slot] = index + 1;
    if (this.count * 2 > this.mask) this.rehash();
    return index;
  }

  /** The last chunk, with room for every known column. */
  private chunkFor(index: number): BigInt64Array {
    const chunk = index >> CHUNK_BITS;
    const width = this.columnCount;
    const old = this.chunks[chunk];
    const oldWidth = this.chunkWidths[chunk];
    if (old !== undefined && oldWidth === width) return old;
    const pairs = new BigInt64Array(width << CHUNK_BITS);
    if (old !== undefined && oldWidth !== undefined)
      for (let state = 0; state < (index & CHUNK_MASK); state++)
        for (let j = 0; j < width; j++)
          pairs[state * width + j] =
            j < oldWidth ? old[state * oldWidth + j]! : this.initialPairs[this.columns[j]!]!;
    this.chunks[chunk] = pairs;
    this.chunkWidths[chunk] = width;
    return pairs;
  }

  private equal(index: number): boolean {
    const { workPairs, columns, initialPairs, columnCount } = this;
    const pairs = this.chunks[index >> CHUNK_BITS]!;
    const width = this.chunkWidths[index >> CHUNK_BITS]!;
    const from = (index & CHUNK_MASK) * width;
    if (this.lastWords[index] !== this.work[this.last]) return false;
    for (let j = 0; j < width; j++) if (workPairs[columns[j]!] !== pairs[from + j]) return false;
    for (let j = width; j < columnCount; j++)
      if (workPairs[columns[j]!] !== initialPairs[columns[j]!]) return false;
    return true;
  }

  private grow(): void {
    this.hashes = doubled(this.hashes);
    this.lastWords = doubled(this.lastWords);
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

/** Views words as 64-bit integers; the last one of an odd number is left out. */
function inPairs(words: Int32Array): BigInt64Array {
  return new BigInt64Array(words.buffer, words.byteOffset, words.length >> 1);
}

function doubled(words: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(words.length * 2);
  larger.set(words);
  return larger;
}

/** What a pair of words contributes to a state's hash, which is the sum over all pairs, less that of state 0. */
function share(at: number, first: number, second: number): number {
  let h = Math.imul(first + Math.imul(at + 1, 0x9e3779b1), 0x85ebca6b);
  h = Math.imul((h ^ (h >>> 15)) + Math.imul(second, 0x27d4eb2f), 0xc2b2ae35);
  return h ^ (h >>> 13);
}

/** Spreads a sum of shares over the low bits, which choose the table entry. */
function scatter(hash: number): number {
  const h = Math.imul(hash ^ (hash >>> 16), 0x27d4eb2f);
  return h ^ (h >>> 15);
}
