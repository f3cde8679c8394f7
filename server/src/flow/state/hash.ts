/** Hashes a set of pairs of numbers, in whatever order they come. */
export class StateHash {
  #high = 0;
  #low = 0;

  add(a: number, b: number): void {
    const x = mix(Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca77));
    this.#high ^= x;
    this.#low ^= mix(x ^ Math.imul(b, 0xc2b2ae3d) ^ a);
  }

  /** 53 bits. */
  get value(): number {
    return (this.#high >>> 0) * 2 ** 21 + (this.#low >>> 11);
  }
}

/** The finalizer of MurmurHash3: every bit of the input moves about half of the bits of the output. */
function mix(n: number): number {
  let h = n ^ (n >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
