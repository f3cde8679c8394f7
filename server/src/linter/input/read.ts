/** Reads files to lint: all of them into one buffer, and only those that mention page pinning become text. */
import { closeSync, fstatSync, openSync, readFileSync, readSync, type Stats } from 'node:fs';
import { decodeSource } from '../../syntax/decode.ts';
import { type InputProblem, type SourcePath, unreadable } from './discover.ts';
import { isOfInterest } from './interest.ts';
import { Scanner } from './scan.ts';

/**
 * A larger header in a folder is not read: such a header is a list that a program wrote (of registers, of device IDs).
 * 206 of linux-6.12's 25,289 headers are larger, and together hold 72 % of the bytes.
 */
export const MAX_HEADER = 256 * 1024;

/** What became of a file: its text, or nothing in it, or too large a header, or what is wrong with it. */
export type Reading =
  | { readonly kind: 'text'; readonly text: string; readonly stats: Stats | undefined }
  | { readonly kind: 'nothing'; readonly stats: Stats | undefined }
  | { readonly kind: 'large' }
  | { readonly kind: 'wrong'; readonly problem: InputProblem };

/** Reads a file that the user named. It is decoded in any case, so that its user learns that it is no text. */
export function readNamed(source: SourcePath): { text?: string; problem?: InputProblem } {
  try {
    const decoded = decodeSource(readFileSync(source.file));
    return decoded.kind === 'binary' ? { problem: binary(source.path) } : { text: decoded.text };
  } catch (error) {
    return { problem: unreadable(source.path, error) };
  }
}

export function binary(place: string): InputProblem {
  return { place, what: 'is a binary file', cure: 'name C source files' };
}

/** Reads files of folders. */
export class FileReader {
  readonly #scanner = new Scanner();

  /** `path` is for messages. The file's state comes along where it is asked for. */
  read(file: string, path: string, withStats: boolean): Reading {
    let descriptor: number;
    try {
      descriptor = openSync(file, 'r');
    } catch (error) {
      return { kind: 'wrong', problem: unreadable(path, error) };
    }
    try {
      const length = this.#fill(descriptor, file.endsWith('.h') ? MAX_HEADER : Number.POSITIVE_INFINITY);
      if (length === undefined) return { kind: 'large' };
      const stats = withStats ? fstatSync(descriptor) : undefined;
      if (!this.#scanner.some(length, isOfInterest)) return { kind: 'nothing', stats };
      const decoded = decodeSource(this.#scanner.buffer.subarray(0, length));
      if (decoded.kind === 'binary') return { kind: 'wrong', problem: binary(path) };
      return { kind: 'text', text: decoded.text, stats };
    } catch (error) {
      return { kind: 'wrong', problem: unreadable(path, error) };
    } finally {
      closeSync(descriptor);
    }
  }

  /** Reads a file into the buffer; its length, or undefined if it is longer than `limit`. */
  #fill(descriptor: number, limit: number): number | undefined {
    for (let length = 0; ; this.#scanner.grow()) {
      const { buffer } = this.#scanner;
      const room = Math.min(buffer.length, limit + 1) - length;
      const got = readSync(descriptor, buffer, length, room, null);
      length += got;
      if (length > limit) return undefined;
      // A short read is the end of a regular file.
      if (got < room) return length;
    }
  }
}
