/** Named constants whose values the interpreter knows. */
import { FOLL } from '#engine/protocol/flags.ts';

const ERRNO: Readonly<Record<string, number>> = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOSPC: 28,
  ERANGE: 34,
  ENOSYS: 38,
  EOVERFLOW: 75,
  EOPNOTSUPP: 95,
  ETIMEDOUT: 110,
  EINPROGRESS: 115,
};

const OTHER: Readonly<Record<string, number>> = {
  NULL: 0,
  nullptr: 0,
  true: 1,
  false: 0,
  TRUE: 1,
  FALSE: 0,
  PAGE_SHIFT: 12,
  PAGE_SIZE: 4096,
  DMA_BIDIRECTIONAL: 0,
  DMA_TO_DEVICE: 1,
  DMA_FROM_DEVICE: 2,
  DMA_NONE: 3,
  PCI_DMA_BIDIRECTIONAL: 0,
  PCI_DMA_TODEVICE: 1,
  PCI_DMA_FROMDEVICE: 2,
};

const KNOWN: ReadonlyMap<string, number> = new Map([
  ...Object.entries(FOLL).map(([name, bit]): [string, number] => [`FOLL_${name}`, bit]),
  ...Object.entries(ERRNO),
  ...Object.entries(OTHER),
]);

/** Value of a named constant of the kernel, or undefined. An errno that is not listed gets a value of its own kind. */
export function constantValue(name: string): number | undefined {
  const known = KNOWN.get(name);
  if (known !== undefined) return known;
  // Portability layers have names of their own for them: B_TRUE, IMG_FALSE.
  const own = /^[A-Z][A-Z\d]*_(TRUE|FALSE)$/.exec(name)?.[1];
  if (own !== undefined) return own === 'TRUE' ? 1 : 0;
  return /^E[A-Z][A-Z0-9]{2,}$/.test(name) ? 200 : undefined;
}

/** Largest errno: IS_ERR_VALUE() holds for [-MAX_ERRNO, -1]. */
export const MAX_ERRNO = 4095;

/** The errno that stands for all of them. */
export const EFAULT = 14;
