/**
 * A small map from texts to values, made to be copied: states have a few dozen entries and are cloned at every branch.
 * Entries keep the order in which they were added. Loops may change the table: they go over what it was.
 */
import type { Name, Names } from './names.ts';

export class Table<V> {
  readonly #names: Names;
  #keys: Name[];
  #values: V[];
  /** Another table uses the same arrays. */
  #shared = false;

  constructor(names: Names) {
    this.#names = names;
    this.#keys = [];
    this.#values = [];
  }

  clone(): Table<V> {
    const copy = new Table<V>(this.#names);
    copy.#keys = this.#keys;
    copy.#values = this.#values;
    copy.#shared = true;
    this.#shared = true;
    return copy;
  }

  get size(): number {
    return this.#keys.length;
  }

  /** Key and value of the entry at a position below `size`. */
  keyAt(index: number): Name {
    return this.#keys[index]!;
  }

  valueAt(index: number): V {
    return this.#values[index]!;
  }

  get(text: string): V | undefined {
    const name = this.#names.find(text);
    if (name === undefined) return undefined;
    const at = this.#keys.indexOf(name);
    return at < 0 ? undefined : this.#values[at];
  }

  has(text: string): boolean {
    const name = this.#names.find(text);
    return name !== undefined && this.#keys.includes(name);
  }

  set(text: string, value: V): void {
    const name = this.#names.of(text);
    const at = this.#keys.indexOf(name);
    if (at >= 0 && this.#values[at] === value) return;
    this.#own();
    if (at >= 0) this.#values[at] = value;
    else {
      this.#keys.push(name);
      this.#values.push(value);
    }
  }

  delete(text: string): void {
    const name = this.#names.find(text);
    if (name !== undefined && this.#keys.includes(name)) this.keep((key) => key !== name);
  }

  /** Deletes all entries but those that `wanted` answers yes to. */
  keep(wanted: (key: Name, value: V) => boolean): void {
    const { length } = this.#keys;
    let first = 0;
    while (first < length && wanted(this.#keys[first]!, this.#values[first]!)) first++;
    if (first === length) return;
    const keys = this.#keys.slice(0, first);
    const values = this.#values.slice(0, first);
    for (let i = first + 1; i < length; i++) {
      const key = this.#keys[i]!;
      const value = this.#values[i]!;
      if (!wanted(key, value)) continue;
      keys.push(key);
      values.push(value);
    }
    this.#keys = keys;
    this.#values = values;
    this.#shared = false;
  }

  keys(): IterableIterator<string> {
    return this.#keys.map(({ text }) => text).values();
  }

  values(): IterableIterator<V> {
    return this.#values.slice().values();
  }

  [Symbol.iterator](): IterableIterator<[string, V]> {
    return this.#keys.map(({ text }, i): [string, V] => [text, this.#values[i]!]).values();
  }

  #own(): void {
    if (!this.#shared) return;
    this.#keys = this.#keys.slice();
    this.#values = this.#values.slice();
    this.#shared = false;
  }
}
