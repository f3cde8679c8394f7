/** Which files are worth decoding and parsing: a byte scan for the words without which there is nothing to report. */

/**
 * Each name in ACQUIRE_APIS contains one of these, and so do the `get_user_page…` relatives that take a single page.
 * Few and long, since each is a pass over every byte of a tree.
 */
export const PROTOCOL_WORDS = [
  '_user_page',
  '_pin_folios',
  'iov_iter_get_pages',
  'iov_iter_extract_pages',
] as const;

const needles = PROTOCOL_WORDS.map((word) => Buffer.from(word));

/** Whether a file mentions page pinning at all: its bytes, or its text. */
export function isOfInterest(bytes: Uint8Array | string): boolean {
  if (typeof bytes === 'string') return PROTOCOL_WORDS.some((word) => bytes.includes(word));
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return needles.some((needle) => buffer.indexOf(needle) >= 0);
}
