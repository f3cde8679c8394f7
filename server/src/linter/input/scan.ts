/**
 * A fast sieve over bytes: looks at 16 of them at a time for the underscores and letters that every protocol word has
 * around them. What it lets through is checked by isOfInterest(); what it stops holds none of PROTOCOL_WORDS.
 *
 * The wasm module is written out below, since it is one loop. In words, for each block of 16 positions i:
 *
 *     b[i] = '_' and b[i+3] = 'e' and b[i+4] = 'r' and b[i+5] = '_'     _user_page…, iov_iter_get_…, iov_iter_extract_…
 *     b[i] = '_' and b[i+1] = 'p' and b[i+4] = '_' and b[i+5] = 'f'     _pin_folios
 */

/** Bytes that a block may look at behind its end; they must be readable, and zero behind the text. */
export const LOOKAHEAD = 32;
const BLOCK = 16;
const PAGE = 65_536;

const GET_LOCAL = (index: number) => [0x20, index];
const LOAD_AT = (offset: number) => [...GET_LOCAL(0), 0xfd, 0x00, 0x00, offset];
const SPLAT = (char: string) => [0xfd, 0x0c, ...Array<number>(BLOCK).fill(char.charCodeAt(0))];
const EQ = [0xfd, 0x23];
const AND = [0xfd, 0x4e];
const OR = [0xfd, 0x50];
const ANY_TRUE = [0xfd, 0x53];
const BYTE_IS = (offset: number, char: string) => [...LOAD_AT(offset), ...SPLAT(char), ...EQ];
const END = 0x0b;

/** candidate(at: i32, end: i32): i32 — the first block in [at, end) that may hold a word, or -1. Local 2 is a v128. */
const BODY = [
  ...[0x01, 0x01, 0x7b],
  ...[0x02, 0x40, 0x03, 0x40],
  ...[...GET_LOCAL(0), ...GET_LOCAL(1), 0x4f, 0x0d, 0x01],
  ...[...BYTE_IS(0, '_'), 0x22, 0x02],
  ...[...BYTE_IS(3, 'e'), ...AND, ...BYTE_IS(4, 'r'), ...AND, ...BYTE_IS(5, '_'), ...AND],
  ...GET_LOCAL(2),
  ...[...BYTE_IS(1, 'p'), ...AND, ...BYTE_IS(4, '_'), ...AND, ...BYTE_IS(5, 'f'), ...AND],
  ...[...OR, ...ANY_TRUE],
  ...[0x04, 0x40, ...GET_LOCAL(0), 0x0f, END],
  ...[...GET_LOCAL(0), 0x41, BLOCK, 0x6a, 0x21, 0x00],
  ...[0x0c, 0x00, END, END],
  ...[0x41, 0x7f, END],
];

const uleb = (n: number): number[] => (n < 0x80 ? [n] : [(n & 0x7f) | 0x80, ...uleb(n >>> 7)]);
const section = (id: number, content: readonly number[]) => [id, ...uleb(content.length), ...content];
const name = (text: string) => [text.length, ...[...text].map((c) => c.charCodeAt(0))];

const MODULE = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...section(1, [1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f]),
  ...section(2, [1, ...name('e'), ...name('m'), 0x02, 0x00, 0x01]),
  ...section(3, [1, 0]),
  ...section(7, [1, ...name('candidate'), 0x00, 0x00]),
  ...section(10, [1, ...uleb(BODY.length), ...BODY]),
]);

interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** Adds pages of 64 KiB; the old `buffer` is detached. */
  grow(pages: number): number;
}

/** The part of the API that is used here: TypeScript's es2023 library leaves it to the DOM's. */
declare const WebAssembly: {
  readonly Memory: new (limits: { readonly initial: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: { readonly e: { readonly m: WasmMemory } },
  ) => { readonly exports: Readonly<Record<string, unknown>> };
};

/** Holds one file at a time and sieves it. */
export class Scanner {
  readonly #memory = new WebAssembly.Memory({ initial: 32 });
  readonly #candidate: (at: number, end: number) => number;
  #buffer: Buffer;

  constructor() {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(MODULE), { e: { m: this.#memory } });
    this.#candidate = instance.exports.candidate as (at: number, end: number) => number;
    this.#buffer = Buffer.from(this.#memory.buffer);
  }

  /** Where a file is read to. Filling it to the end means that it may not have fitted: grow() and read on. */
  get buffer(): Buffer {
    return this.#buffer.subarray(0, this.#buffer.length - LOOKAHEAD);
  }

  /** Doubles the buffer; its content stays. */
  grow(): void {
    this.#memory.grow(this.#memory.buffer.byteLength / PAGE);
    this.#buffer = Buffer.from(this.#memory.buffer);
  }

  /** Whether `verify` says yes to the surroundings of some candidate in the first `length` bytes of the buffer. */
  some(length: number, verify: (surroundings: Uint8Array) => boolean): boolean {
    this.#buffer.fill(0, length, length + LOOKAHEAD);
    for (let at = this.#candidate(0, length); at >= 0; at = this.#candidate(at + BLOCK, length)) {
      // A word starts up to three bytes before its first underscore (iov_iter), and is at most 22 long.
      if (verify(this.#buffer.subarray(Math.max(0, at - 3), Math.min(length, at + BLOCK + LOOKAHEAD))))
        return true;
    }
    return false;
  }
}
