/**
 * FOLL_* flags with the values of Linux 6.12.
 * Source: include/linux/mm_types.h (public flags), mm/internal.h (internal flags).
 */
export const FOLL = {
  WRITE: 1 << 0,
  GET: 1 << 1,
  DUMP: 1 << 2,
  FORCE: 1 << 3,
  NOWAIT: 1 << 4,
  NOFAULT: 1 << 5,
  HWPOISON: 1 << 6,
  ANON: 1 << 7,
  LONGTERM: 1 << 8,
  SPLIT_PMD: 1 << 9,
  PCI_P2PDMA: 1 << 10,
  INTERRUPTIBLE: 1 << 11,
  HONOR_NUMA_FAULT: 1 << 12,
  TOUCH: 1 << 16,
  TRIED: 1 << 17,
  REMOTE: 1 << 18,
  PIN: 1 << 19,
  FAST_ONLY: 1 << 20,
  UNLOCKABLE: 1 << 21,
  MADV_POPULATE: 1 << 22,
} as const;

/** Name of a flag without its FOLL_ prefix. */
export type FollName = keyof typeof FOLL;

/** INTERNAL_GUP_FLAGS of mm/internal.h: is_valid_gup_args() refuses each of these at a call site. */
export const INTERNAL_FLAGS =
  FOLL.TOUCH | FOLL.TRIED | FOLL.REMOTE | FOLL.PIN | FOLL.FAST_ONLY | FOLL.UNLOCKABLE | FOLL.MADV_POPULATE;

/** What gup_fast_fallback() lets through; any other flag is a WARN and -EINVAL. */
export const FAST_FLAGS =
  FOLL.WRITE |
  FOLL.LONGTERM |
  FOLL.FORCE |
  FOLL.PIN |
  FOLL.GET |
  FOLL.FAST_ONLY |
  FOLL.NOFAULT |
  FOLL.PCI_P2PDMA |
  FOLL.HONOR_NUMA_FAULT;

/** Flags as C source: `FOLL_WRITE | FOLL_LONGTERM`, or `0`. Bits without a name are printed in hexadecimal. */
export function flagText(flags: number): string {
  const parts: string[] = [];
  let rest = flags;
  for (const [name, bit] of Object.entries(FOLL)) {
    if ((flags & bit) !== 0) {
      parts.push(`FOLL_${name}`);
      rest &= ~bit;
    }
  }
  if (rest !== 0) parts.push(`0x${(rest >>> 0).toString(16)}`);
  return parts.length === 0 ? '0' : parts.join(' | ');
}
