/** Bytes of a file to text. */

/** What a file's bytes are. `latin1` text came from bytes that are not UTF-8: every byte is one character. */
export type Decoded =
  | {
      readonly kind: 'text';
      readonly text: string;
      readonly encoding: 'utf-8' | 'latin1';
      readonly bom: boolean;
    }
  | { readonly kind: 'binary' };

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder('latin1');

/** How much of a file is looked at for a NUL byte. */
const BINARY_WINDOW = 8192;

/**
 * Decodes source text. A NUL byte near the start makes a file binary. A byte order mark is dropped: `bom` says
 * that offsets of the file's bytes are three higher.
 */
export function decodeSource(bytes: Uint8Array): Decoded {
  if (bytes.subarray(0, BINARY_WINDOW).includes(0)) return { kind: 'binary' };
  const bom = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const content = bom ? bytes.subarray(3) : bytes;
  try {
    return { kind: 'text', text: strict.decode(content), encoding: 'utf-8', bom };
  } catch {
    return { kind: 'text', text: lenient.decode(content), encoding: 'latin1', bom };
  }
}
