/** Names to small numbers: a fixed table that grows when an unlisted name is met. */
export class Interner {
  readonly #ids = new Map<string, number>();
  readonly #names: string[] = [''];
  readonly #limit: number;

  /** `limit` is the largest number that may be given out; names beyond it share that number. */
  constructor(table: Readonly<Record<string, number>>, limit: number) {
    this.#limit = limit;
    for (const [name, id] of Object.entries(table)) {
      this.#ids.set(name, id);
      this.#names[id] = name;
    }
  }

  idOf(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    const id = Math.min(this.#names.length, this.#limit);
    this.#ids.set(name, id);
    this.#names[id] ??= name;
    return id;
  }

  nameOf(id: number): string {
    return this.#names[id] ?? '';
  }
}
