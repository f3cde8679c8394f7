/** The words that a program adds to its machine's state, and the bits in them. */

/** Words behind the machine's own. */
export const X = {
  /** Index of the driver's next step; the number of steps when it is done. */
  PC: 0,
  /** Properties broken so far, as bits of PROPERTIES' order. */
  BROKEN: 1,
  /** DMA mappings through which the device has written (low half) or read (high half). */
  DEVICE: 2,
  /** Progress of each actor, two bits each. */
  ACTORS: 3,
  /** Array slots; then registers; then, for each child, the content bits written since its fork. */
  SLOTS: 4,
} as const;

/** Words at the end of a scenario that has a second thread, a notifier, branches or slow writeback. */
export const E = {
  /** EXTRA bits. */
  FLAGS: 0,
  /** Driver steps taken so far: with it a state that a loop comes back to is another state. */
  TICK: 1,
  /** Index of the second thread's next step. */
  PC2: 2,
  SIZE: 3,
} as const;

export const EXTRA = {
  /** A notifier is inserted. */
  NOTIFIER: 1 << 0,
  /** The notifier's sequence has changed since mmu_interval_read_begin(). */
  COLLIDED: 1 << 1,
  /** Thread 0 (and, one bit further, thread 1) holds the driver's lock. */
  LOCKED: 1 << 2,
  /** Thread 0 (and, one bit further, thread 1) is inside a long-term pin, before the migration. */
  PINNING: 1 << 4,
} as const;

/** A slot's word: frame + 1, then status, kind, DMA mapping. */
export const SLOT = {
  FRAME: 0xffff,
  HELD: 1 << 16,
  RELEASED: 1 << 17,
  PIN: 1 << 18,
  LONGTERM: 1 << 19,
  DMA_SHIFT: 20,
  DMA: 0xf << 20,
} as const;

export function slotFrame(word: number): number {
  return (word & SLOT.FRAME) - 1;
}
