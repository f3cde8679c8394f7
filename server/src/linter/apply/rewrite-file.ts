/** Replacing a source file's bytes: wholly or not at all. */
import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import type { InputProblem } from '../input/discover.ts';

/**
 * Writes `after` to a file that still holds `before`. The bytes go to a file beside it, which is then given the mode
 * and the name: whoever reads meanwhile sees the old text or the new one, and a full disk leaves the old one. A symbolic
 * link stays one. Returns what went wrong, in the user's terms; then nothing was changed.
 */
export function rewriteFile(
  named: string,
  place: string,
  before: Uint8Array,
  after: Uint8Array,
): InputProblem | undefined {
  try {
    const file = realpathSync(named);
    const { mode, uid, gid } = statSync(file);
    // Renaming does not ask for this permission, but its absence is the owner's word.
    if ((mode & 0o222) === 0)
      return { place, what: 'is read-only, so it was not fixed', cure: 'make it writable' };
    if (!sameBytes(readFileSync(file), before))
      return { place, what: 'was changed meanwhile, so it was not fixed', cure: 'run gupcheck again' };
    const draft = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.gupcheck`);
    try {
      write(draft, after);
      keepOwner(draft, uid, gid);
      chmodSync(draft, mode & 0o7777);
      renameSync(draft, file);
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    }
    return undefined;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return {
      place,
      what: `cannot be rewritten and is as it was (${code})`,
      cure: 'check the space and the permissions of its folder',
    };
  }
}

function write(file: string, bytes: Uint8Array): void {
  const descriptor = openSync(file, 'wx');
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
    // Only what is on the disk may take the place of what is there.
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Only root may give a file away; for others it is theirs already, or stays theirs. */
function keepOwner(file: string, uid: number, gid: number): void {
  try {
    chownSync(file, uid, gid);
  } catch {
    return;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
