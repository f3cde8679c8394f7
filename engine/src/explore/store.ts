/**
 * Visited states, packed, and an open-addressing table over them. No object per state.
 *
 * Most words of a machine never change in a run, and those that do take few values. So a state is a row of bytes, one
 * for each word that some visited state has changed (its column): the number of the word's value among those that it
 * had so far, 0 being the one of state 0. The machine's log says which words a transition wrote, so hash, comparison and
 * undo go by these alone, and neighbouring states are told apart four columns at a time.
 */
import { LOG_SIZE } from '../model/constants.ts';
import type { Machine } from '../model/machine.ts';
import { CHUNK_BITS, CHUNK_MASK, WIDE } from './row.ts';

/** States of the first chunk at first: a short search stays small. */
const FIRST_CHUNK = 64;
const FIRST_TABLE_BITS = 10;
/** Dictionary entries, and values of each column, that there is room for at first. */
const FIRST_ENTRIES = 1024;
const FIRST_NUMBERS = 8;

export class StateStore {
  count = 0;
  private readonly machine: Machine;
  /** The loaded state, word by word. */
  private readonly base: Int32Array;
  /** Its row, and that of the state that the machine stands in: its hash, then four columns a word, or a wide value. */
  private readonly baseRow: Int32Array;
  private readonly row: Int32Array;
  /** Words of a row that are in use. */
  private width = 1;
  /** Column of a machine's word, 0 for none, and the other way round. Column c is byte c & 3 of the row's word c >> 2. */
  private readonly columnOf: Int32Array;
  private readonly wordOf: Int32Array;
  private nextColumn = 0;
  /** Columns of words that took more values than a byte counts, and the words of the row that these need. */
  private readonly wideColumns: number[] = [];
  private readonly wideAt: Int32Array;
  private readonly isWide: Uint8Array;
  /** Values by number and column: all columns' first values are neighbours. */
  private values: Int32Array;
  private readonly stride: number;
  private readonly sizes: Int32Array;
  /** Open addressing from a column's value to its number: value, then column << 8 | number, 0 for none. */
  private entries = new Int32Array(2 * FIRST_ENTRIES);
  private entryCount = 0;
  /** Words of the row that the current transition changed. */
  private readonly changed: Int32Array;
  /** A chunk is as wide as rows were when its last state came; in its states, later columns are as in state 0. */
  private readonly chunks: Int32Array[] = [];
  private readonly widths: number[] = [];
  /** Number + 1 of a state in the low `tableBits`, above it what else is left of its scattered hash; 0 is empty. */
  private table = new Int32Array(1 << FIRST_TABLE_BITS);
  private tableBits = FIRST_TABLE_BITS;

  /** The machine stands in state 0; from now on the store sets it, and transitions change it. */
  constructor(machine: Machine) {
    const { words } = machine;
    this.machine = machine;
    this.base = words.slice();
    // Every word may need a column, the last word of columns may not be full, and every column may become wide.
    const widest = 2 + (words.length >> 2) + words.length;
    this.baseRow = new Int32Array(widest);
    this.row = new Int32Array(widest);
    this.isWide = new Uint8Array(widest);
    this.stride = 4 * widest;
    this.columnOf = new Int32Array(words.length);
    this.wordOf = new Int32Array(this.stride);
    this.wideAt = new Int32Array(this.stride);
    this.sizes = new Int32Array(this.stride);
    this.values = new Int32Array(this.stride * FIRST_NUMBERS);
    this.changed = new Int32Array(2 * words.length);
    machine.writes = 0;
    this.lookUp(0);
  }

  /** Bytes that one visited state costs, its part of the table included. */
  get bytesPerState(): number {
    let words = this.table.length;
    for (const chunk of this.chunks) words += chunk.length;
    return Math.round((words * 4) / this.count);
  }

  /** Makes the machine stand in a visited state. */
  load(index: number): void {
    const { baseRow, row, width } = this;
    const chunk = this.chunks[index >> CHUNK_BITS]!;
    const stored = this.widths[index >> CHUNK_BITS]!;
    const from = (index & CHUNK_MASK) * stored;
    baseRow[0] = chunk[from]!;
    for (let g = 1; g < width; g++) {
      const now = g < stored ? chunk[from + g]! : 0;
      const before = baseRow[g]!;
      if (now === before) continue;
      baseRow[g] = row[g] = now;
      if (this.isWide[g] === 0) this.loadColumns(g, now, now ^ before);
    }
    for (const column of this.wideColumns) this.loadWide(column);
  }

  private loadColumns(g: number, now: number, difference: number): void {
    const { base, wordOf, values, stride } = this;
    const { words } = this.machine;
    for (let byte = 0; byte < 4; byte++) {
      const shift = byte << 3;
      if (((difference >>> shift) & 255) === 0) continue;
      const number = (now >>> shift) & 255;
      if (number === WIDE) continue;
      const column = (g << 2) | byte;
      const at = wordOf[column]!;
      words[at] = base[at] = values[number * stride + column]!;
    }
  }

  private loadWide(column: number): void {
    const { baseRow } = this;
    if (((baseRow[column >> 2]! >>> ((column & 3) << 3)) & 255) !== WIDE) return;
    const at = this.wordOf[column]!;
    this.machine.words[at] = this.base[at] = baseRow[this.wideAt[column]!]!;
  }

  /** Takes back what was done since load(). */
  undo(): void {
    const { machine, base } = this;
    const { words, log } = machine;
    if (machine.writes > LOG_SIZE) words.set(base);
    else for (let i = 0; i < machine.writes; i++) words[log[i]!] = base[log[i]!]!;
    machine.writes = 0;
  }

  /**
   * Adds the state that the machine stands in, and takes back what was done since load(). Returns the state's number,
   * or ~number when it was known.
   */
  add(): number {
    const { machine, base, baseRow, row, columnOf, changed } = this;
    const { words, log } = machine;
    if (machine.writes > LOG_SIZE) this.findWrites();
    const writes = machine.writes;
    let hash = baseRow[0]!;
    let changes = 0;
    for (let i = 0; i < writes; i++) {
      const at = log[i]!;
      const value = words[at]!;
      const old = base[at]!;
      // Written back, or met before: a word is restored as soon as it is seen.
      if (value === old) continue;
      words[at] = old;
      let column = columnOf[at]!;
      if (column === 0) column = this.newColumn(at);
      const g = column >> 2;
      const shift = (column & 3) << 3;
      const before = (baseRow[g]! >>> shift) & 255;
      const share = shareOf(column, value);
      const number = this.numberOf(column, value, share);
      hash = (hash + share - shareOf(column, old)) | 0;
      row[g] = (row[g]! & ~(255 << shift)) | (number << shift);
      changed[changes++] = g;
      if (number === WIDE || before === WIDE) {
        const wide = this.wideAt[column]!;
        row[wide] = number === WIDE ? value : 0;
        changed[changes++] = wide;
      }
    }
    machine.writes = 0;
    const index = this.lookUp(hash);
    for (let c = 0; c < changes; c++) row[changed[c]!] = baseRow[changed[c]!]!;
    return index;
  }

  /** Fills the log anew when more was written than it holds. */
  private findWrites(): void {
    const { machine, base } = this;
    const { words, log } = machine;
    machine.writes = 0;
    for (let at = 0; at < words.length; at++) if (words[at] !== base[at]) log[machine.writes++] = at;
  }

  /** A column for a word that was as in state 0 up to now. */
  private newColumn(at: number): number {
    if ((this.nextColumn & 3) === 0) this.nextColumn = this.width++ << 2;
    const column = this.nextColumn++;
    this.columnOf[at] = column;
    this.wordOf[column] = at;
    this.numberOf(column, this.base[at]!, shareOf(column, this.base[at]!));
    return column;
  }

  /** Number of a column's value, WIDE where it has none. */
  private numberOf(column: number, value: number, share: number): number {
    const { entries } = this;
    const mask = (entries.length >> 1) - 1;
    let slot = share & mask;
    for (;;) {
      const entry = entries[2 * slot + 1]!;
      if (entry === 0) return this.newNumber(column, value, slot);
      if (entries[2 * slot] === value && entry >> 8 === column) return entry & 255;
      slot = (slot + 1) & mask;
    }
  }

  private newNumber(column: number, value: number, slot: number): number {
    const number = this.sizes[column]!;
    if (number === WIDE) {
      if (this.wideAt[column] === 0) this.widen(column);
      return WIDE;
    }
    this.sizes[column] = number + 1;
    if (number * this.stride >= this.values.length) this.values = doubled(this.values);
    this.values[number * this.stride + column] = value;
    this.entries[2 * slot] = value;
    this.entries[2 * slot + 1] = (column << 8) | number;
    this.entryCount++;
    if (this.entryCount * 4 > this.entries.length) this.moreEntries();
    return number;
  }

  /** Gives a column a word of the row for values that have no number. */
  private widen(column: number): void {
    this.isWide[this.width] = 1;
    this.wideAt[column] = this.width++;
    this.wideColumns.push(column);
  }

  private moreEntries(): void {
    const old = this.entries;
    const entries = new Int32Array(old.length * 2);
    const mask = old.length - 1;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === 0) continue;
      let slot = shareOf(old[i + 1]! >> 8, old[i]!) & mask;
      while (entries[2 * slot + 1] !== 0) slot = (slot + 1) & mask;
      entries[2 * slot] = old[i]!;
      entries[2 * slot + 1] = old[i + 1]!;
    }
    this.entries = entries;
  }

  private lookUp(hash: number): number {
    const { table, tableBits } = this;
    const scattered = scatter(hash);
    const low = (1 << tableBits) - 1;
    let slot = scattered & low;
    for (;;) {
      const entry = table[slot]!;
      if (entry === 0) return this.insert(hash, scattered, slot);
      if (((entry ^ scattered) & ~low) === 0 && this.equal((entry & low) - 1, hash))
        return ~((entry & low) - 1);
      slot = (slot + 1) & low;
    }
  }

  private equal(index: number, hash: number): boolean {
    const { row, width } = this;
    const chunk = this.chunks[index >> CHUNK_BITS]!;
    const stored = this.widths[index >> CHUNK_BITS]!;
    const from = (index & CHUNK_MASK) * stored;
    if (chunk[from] !== hash) return false;
    for (let g = 1; g < stored; g++) if (row[g] !== chunk[from + g]) return false;
    for (let g = stored; g < width; g++) if (row[g] !== 0) return false;
    return true;
  }

  private insert(hash: number, scattered: number, slot: number): number {
    const { row, width } = this;
    const index = this.count++;
    const chunk = this.chunkFor(index);
    const to = (index & CHUNK_MASK) * width;
    chunk[to] = hash;
    for (let g = 1; g < width; g++) chunk[to + g] = row[g]!;
    this.table[slot] = (scattered & -(1 << this.tableBits)) | (index + 1);
    if (this.count * 2 >= this.table.length) this.rehash();
    return index;
  }

  /** The last chunk, with room for one more row and every column. */
  private chunkFor(index: number): Int32Array {
    const number = index >> CHUNK_BITS;
    const old = this.chunks[number];
    const { width } = this;
    const at = index & CHUNK_MASK;
    if (old !== undefined && this.widths[number] === width && at * width < old.length) return old;
    let room = number > 0 ? CHUNK_MASK + 1 : FIRST_CHUNK;
    while (room <= at) room *= 2;
    const chunk = new Int32Array(room * width);
    if (old !== undefined) {
      const stored = this.widths[number]!;
      for (let state = 0; state < at; state++)
        for (let g = 0; g < stored; g++) chunk[state * width + g] = old[state * stored + g]!;
    }
    this.chunks[number] = chunk;
    this.widths[number] = width;
    return chunk;
  }

  private rehash(): void {
    this.tableBits++;
    const low = (1 << this.tableBits) - 1;
    const table = new Int32Array(low + 1);
    for (let index = 0; index < this.count; index++) {
      const hash =
        this.chunks[index >> CHUNK_BITS]![(index & CHUNK_MASK) * this.widths[index >> CHUNK_BITS]!]!;
      const scattered = scatter(hash);
      let slot = scattered & low;
      while (table[slot] !== 0) slot = (slot + 1) & low;
      table[slot] = (scattered & ~low) | (index + 1);
    }
    this.table = table;
  }
}

function doubled(words: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(words.length * 2);
  larger.set(words);
  return larger;
}

/** What a column's value contributes to a state's hash, which is the sum over all columns, less that of state 0. */
function shareOf(column: number, value: number): number {
  let h = Math.imul(value + Math.imul(column, 0x9e3779b1), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  return h ^ (h >>> 13);
}

/** Spreads a sum of shares over the low bits, which choose the table entry. */
function scatter(hash: number): number {
  const h = Math.imul(hash ^ (hash >>> 16), 0x27d4eb2f);
  return h ^ (h >>> 15);
}
