/**
 * What runs over folders keep for the next one: stamps of files with nothing in them, and reports of those that mention
 * page pinning, each with the stamps of all files that it depends on. One file per set of folders and options; what
 * cannot be read, or was written by another build, is as good as none.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { deserialize, serialize } from 'node:v8';
import type { FileReport } from '../file/report.ts';
import type { WrapperArea } from '../project/wrapper-users.ts';

/** Where results are kept, and by which build. */
export interface CacheOptions {
  /** Absolute path of the folder; it is made when there is something to keep. */
  readonly folder: string;
  /** Identity of the program: another build may find something else. */
  readonly build: string;
}

/** A file that a report was made of, as it was then. */
export interface Dependency {
  readonly path: string;
  readonly stamp: number;
}

/** What decides whether a kept report holds. */
export interface KnownFile {
  /** Projects.settingsOf() the file. */
  readonly project: string;
  readonly depends: readonly Dependency[];
}

export interface KeptFile extends KnownFile {
  readonly report: FileReport;
  readonly area: WrapperArea | undefined;
}

/** What was kept by earlier runs. */
export interface Kept {
  /** Stamps of files with nothing in them: see stampTable(). */
  readonly nothing: Float64Array;
  readonly files: ReadonlyMap<string, KeptFile>;
}

/** A set of stamps in open slots, used as it comes from the disk. */
export function stampTable(stamps: readonly number[]): Float64Array {
  let size = 16;
  while (size < stamps.length * 2) size *= 2;
  const slots = new Float64Array(size);
  for (const stamp of stamps) slots[slotOf(slots, stamp)] = stamp;
  return slots;
}

export function hasStamp(table: Float64Array, stamp: number): boolean {
  return stamp !== 0 && table[slotOf(table, stamp)] === stamp;
}

/** The slot that holds a stamp, or the one where it would be put. */
function slotOf(slots: Float64Array, stamp: number): number {
  let at = stamp % slots.length;
  while (slots[at] !== 0 && slots[at] !== stamp) at = (at + 1) % slots.length;
  return at;
}

/** Bytes of all files of the cache; the oldest make room. */
const MAX_BYTES = 64 << 20;
const MAGIC = Buffer.from('gupcheck cache 1\n');
const SUFFIX = '.results';

/** The results of one set of folders and options. */
export class ResultCache {
  readonly #options: CacheOptions;
  readonly #file: string;

  /** `subject` is all that results depend on besides the files and the build: folders and options. */
  constructor(options: CacheOptions, subject: unknown) {
    this.#options = options;
    this.#file = path.join(
      options.folder,
      sha256(JSON.stringify(subject)).toString('hex').slice(0, 32) + SUFFIX,
    );
  }

  /** What was kept, and `broken` where there was something that cannot be used. */
  read(): { readonly kept: Kept; readonly broken: boolean } {
    const none: Kept = { nothing: stampTable([]), files: new Map() };
    let bytes: Buffer;
    try {
      bytes = readFileSync(this.#file);
    } catch {
      return { kept: none, broken: false };
    }
    const build = sha256(this.#options.build);
    const [magicEnd, buildEnd, digestEnd] = [MAGIC.length, MAGIC.length + 32, MAGIC.length + 64];
    if (!bytes.subarray(0, magicEnd).equals(MAGIC)) return { kept: none, broken: true };
    if (!bytes.subarray(magicEnd, buildEnd).equals(build)) return { kept: none, broken: false };
    const content = bytes.subarray(digestEnd);
    if (!sha256(content).equals(bytes.subarray(buildEnd, digestEnd))) return { kept: none, broken: true };
    const [nothing, files] = deserialize(content) as [Float64Array, Map<string, KeptFile>];
    return { kept: { nothing, files }, broken: false };
  }

  /** Keeps results for the next run. Undefined, or why they could not be kept. */
  write(nothing: readonly number[], files: ReadonlyMap<string, KeptFile>): string | undefined {
    const content = serialize([stampTable(nothing), files]);
    if (content.length > MAX_BYTES) return undefined;
    const draft = `${this.#file}.${process.pid}.tmp`;
    let begun = false;
    try {
      mkdirSync(this.#options.folder, { recursive: true });
      begun = true;
      writeFileSync(draft, Buffer.concat([MAGIC, sha256(this.#options.build), sha256(content), content]));
      renameSync(draft, this.#file);
      this.#makeRoom();
      return undefined;
    } catch (error) {
      if (begun) rmSync(draft, { force: true });
      return error instanceof Error && 'code' in error ? String(error.code) : String(error);
    }
  }

  #makeRoom(): void {
    const { folder } = this.#options;
    const files = readdirSync(folder)
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => path.join(folder, name))
      .map((file) => ({ file, stats: statSync(file, { throwIfNoEntry: false }) }))
      .sort((a, b) => (b.stats?.mtimeMs ?? 0) - (a.stats?.mtimeMs ?? 0));
    let bytes = 0;
    for (const { file, stats } of files) {
      bytes += stats?.size ?? 0;
      if (bytes > MAX_BYTES && file !== this.#file) rmSync(file, { force: true });
    }
  }
}

function sha256(data: string | Uint8Array): Buffer {
  return createHash('sha256').update(data).digest();
}
