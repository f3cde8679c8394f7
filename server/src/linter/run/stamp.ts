/** Stamps: whether a file is the one that was looked at before. */
import { type Stats, statSync } from 'node:fs';

/** Stamp of a file that is not there, or cannot be read. */
export const ABSENT = 0;

/**
 * A number of 53 bits over a path and what tells one state of its file from the next: size, time of the last change (to
 * half a microsecond) and inode. That a changed file has the stamp of one of 10^5 others by chance happens once in 10^10.
 */
export function stampOf(path: string, { size, mtimeMs, ino }: Stats): number {
  let high = 0x811c9dc5;
  let low = 0x9747b28c;
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x85ebca6b) ^ (low >>> 15);
  }
  for (const part of [size, mtimeMs, ino]) {
    const whole = Math.floor(part / 2 ** 20);
    const rest = (part - whole * 2 ** 20) * 2 ** 11;
    high = mix(high ^ whole) ^ mix(rest);
    low = mix(low ^ rest) ^ mix(whole + 1);
  }
  const stamp = (mix(high) & 0x1fffff) * 2 ** 32 + (mix(low ^ high) >>> 0);
  return stamp === ABSENT ? 1 : stamp;
}

/** The stamp of the file at a path as it is now. */
export function stampNow(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? ABSENT : stampOf(path, stats);
}

function mix(n: number): number {
  let h = n | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
