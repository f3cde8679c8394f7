/** How long to wait before a server that died is started again. No VS Code in here, so that tests run it alone. */

/** Milliseconds before the first restart, the second, and so on; behind the last, the server stays down. */
export const DELAYS = [500, 2_000, 5_000, 15_000, 60_000] as const;

/** Milliseconds of life after which a death counts as the first again. */
export const STEADY = 120_000;

export class BackOff {
  #deaths = 0;

  /** The server died after `lived` milliseconds. Undefined when it is not to be started again. */
  next(lived: number): number | undefined {
    if (lived >= STEADY) this.#deaths = 0;
    return DELAYS[this.#deaths++];
  }

  /** The user asked for a start. */
  reset(): void {
    this.#deaths = 0;
  }
}
