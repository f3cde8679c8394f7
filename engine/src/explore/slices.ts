/** Work in slices: a generator that yields where it may be left, and returns its result. */

export type Slices<T> = Generator<undefined, T>;

/** Does all of it at once. */
export function finish<T>(slices: Slices<T>): T {
  for (;;) {
    const { done, value } = slices.next();
    if (done === true) return value;
  }
}
