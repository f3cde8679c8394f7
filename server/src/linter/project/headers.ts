/** Headers of a project, read when a file's includes ask for them, once per run. */
import { closeSync, existsSync, fstatSync, openSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { isMeaningful } from '../../flow/kernel/meaning.ts';
import { decodeSource } from '../../syntax/decode.ts';
import { outline } from '../../syntax/outline.ts';
import { type Header, headerOf, MAX_HEADERS, type ReadHeader } from '../../syntax/preprocess/headers.ts';
import { preprocess } from '../../syntax/preprocess/preprocess.ts';
import { type IncludeFolders, includeFolders } from './include-folders.ts';
import { DEFAULT_KERNEL, makefileRelease } from './kernel-version.ts';

/** Larger headers are tables of registers: nothing is looked for in them. */
const MAX_HEADER_BYTES = 512 << 10;

/** Folders above the file's in which a header is looked for, as `-I` options of a Makefile would have it. */
const MAX_FOLDERS_UP = 6;

/** Folders of the kernel's include/, and headers of the compiler. */
const OF_KERNEL =
  /^(?:linux|uapi|asm|asm-generic|generated|acpi|clocksource|crypto|drm|dt-bindings|keys|kunit|kvm|math-emu|media|memory|misc|net|pcmcia|ras|rdma|rv|scsi|soc|sound|target|trace|ufs|vdso|video|xen)\/|^std\w+\.h$/;

const NOTHING_NAMED = { files: [], looked: [] };

const acquiring = /(?:get|pin)_user_page|memfd_pin_folios|iov_iter_(?:get|extract)_pages/;

export interface HeaderOptions {
  /** Text of a file that is open in an editor and may differ from the one on disk. */
  readonly openText?: (file: string) => string | undefined;
}

/** Where a header is, if it was found, and the paths at which it was looked for. */
interface Place {
  readonly file: string | undefined;
  readonly looked: readonly string[];
}

/** Finds and reads headers. Answers do not change until `forget`. */
export class Headers {
  readonly #openText: (file: string) => string | undefined;
  #files = new Map<string, Header | null>();
  #places = new Map<string, Place>();
  #includes = new Map<string, IncludeFolders>();
  /** Roots that are those of kernel trees, or are not. */
  readonly #kernels = new Map<string, boolean>();
  #wrappers = new Map<Header, ReadonlySet<string>>();

  constructor({ openText = () => undefined }: HeaderOptions = {}) {
    this.#openText = openText;
  }

  /** Forgets what was read: all of it, or one file. */
  forget(file?: string): void {
    this.#places = new Map();
    this.#includes = new Map();
    if (file === undefined) this.#files = new Map();
    else this.#files.delete(file);
  }

  /**
   * Reads for one file, shown as `shown` and standing at `file`. Headers outside `root` are not read. Paths that were
   * looked at, whether there was a file or not, are added to `looked`.
   */
  readerFor(shown: string, file: string, root: string, looked: Set<string> = new Set()): ReadHeader {
    const folder = path.dirname(file);
    return (written, from) => {
      const name = this.#nameIn(written, root);
      if (name === undefined) return undefined;
      const place = this.#find(name, from === shown ? folder : path.dirname(from), folder, root);
      for (const each of place.looked) looked.add(each);
      return place.file === undefined ? undefined : this.#read(place.file);
    };
  }

  /**
   * The path to look for. `#include <…>` may name a header of the module's own; those of the kernel, and a kernel tree's,
   * are not followed.
   */
  #nameIn(written: string, root: string): string | undefined {
    if (!written.startsWith('<')) return written;
    const name = written.slice(1, -1).trim();
    if (OF_KERNEL.test(name)) return undefined;
    let isKernel = this.#kernels.get(root);
    if (isKernel === undefined) {
      isKernel = makefileRelease(root) !== undefined;
      this.#kernels.set(root, isKernel);
    }
    return isKernel ? undefined : name;
  }

  /** Whether a text calls a macro or function of a header that acquires pages, by name. */
  callsWrapper(shown: string, text: string, read: ReadHeader): boolean {
    const names = new Set<string>();
    const seen = new Set<string>();
    const follow = (includes: readonly string[], from: string): void => {
      for (const name of includes) {
        const header = seen.size > MAX_HEADERS ? undefined : read(name, from);
        if (header === undefined || seen.has(header.path)) continue;
        seen.add(header.path);
        for (const each of this.wrappersIn(header)) names.add(each);
        follow(header.includes, header.path);
      }
    };
    follow(headerOf(shown, text).includes, shown);
    return names.size > 0 && wordPattern(names).test(text);
  }

  /** Macros and functions of a header that mention an acquiring function, or another such macro or function. */
  wrappersIn(header: Header): ReadonlySet<string> {
    let names = this.#wrappers.get(header);
    if (names === undefined) {
      names = acquiring.test(header.text) ? wrappersOf(header) : new Set<string>();
      this.#wrappers.set(header, names);
    }
    return names;
  }

  #find(name: string, from: string, main: string, root: string): Place {
    const key = `${from}\0${main}\0${name}`;
    let place = this.#places.get(key);
    if (place === undefined) {
      const near = candidates(name, from, main, root).filter((file) => isInside(file, root));
      const isNear = near.some((file) => this.#exists(file));
      const named = isNear ? NOTHING_NAMED : this.#named(name, main, root);
      const inside = [...near, ...named.files];
      const at = inside.findIndex((file) => this.#exists(file));
      const found = at < 0 ? undefined : inside[at]!;
      const leadsOut =
        found !== undefined &&
        this.#openText(found) === undefined &&
        !isInside(realpathSync(found), realpathSync(root));
      const looked = [...named.looked, ...(at < 0 ? inside : inside.slice(0, at + 1))];
      place = { file: leadsOut ? undefined : found, looked };
      this.#places.set(key, place);
    }
    return place;
  }

  /** Where a header is if the Makefiles of the file's folder, and of those above it, name its folder. */
  #named(name: string, main: string, root: string): { files: string[]; looked: string[] } {
    const files = new Set<string>();
    const looked: string[] = [];
    for (const folder of foldersUp(main, root)) {
      let found = this.#includes.get(folder);
      if (found === undefined) {
        found = includeFolders(folder, root);
        this.#includes.set(folder, found);
      }
      looked.push(...found.looked);
      for (const each of found.folders) {
        const file = path.resolve(each, name);
        if (isInside(file, root)) files.add(file);
      }
    }
    return { files: [...files], looked };
  }

  #exists(file: string): boolean {
    return this.#openText(file) !== undefined || existsSync(file);
  }

  #read(file: string): Header | undefined {
    let header = this.#files.get(file);
    if (header === undefined) {
      const text = this.#openText(file) ?? textOf(file);
      header = text === undefined ? null : headerOf(file, text);
      this.#files.set(file, header);
    }
    return header ?? undefined;
  }
}

function candidates(name: string, from: string, main: string, root: string): string[] {
  const found = [path.resolve(from, name), path.resolve(main, name)];
  for (const folder of foldersUp(main, root))
    found.push(path.resolve(folder, 'include', name), path.resolve(folder, name));
  return [...new Set(found)];
}

/** A folder and those above it, up to the root of the project. */
function foldersUp(main: string, root: string): string[] {
  const found: string[] = [];
  let folder = main;
  for (let up = 0; up < MAX_FOLDERS_UP && isInside(folder, root); up++) {
    found.push(folder);
    const parent = path.dirname(folder);
    if (parent === folder) break;
    folder = parent;
  }
  return found;
}

/** Whether a file or folder is in the folder `root`, or is it. */
export function isInside(file: string, root: string): boolean {
  const way = path.relative(root, file);
  return !way.startsWith('..') && !path.isAbsolute(way);
}

function textOf(file: string): string | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const stats = fstatSync(descriptor);
    if (!stats.isFile() || stats.size > MAX_HEADER_BYTES) return undefined;
    const decoded = decodeSource(readFileSync(descriptor));
    return decoded.kind === 'binary' ? undefined : decoded.text;
  } catch {
    // What cannot be read is as good as not there: the compiler's own search may find another.
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** All configurations of the header count: whether one of them is in use shows when the file is analysed. */
function wrappersOf(header: Header): Set<string> {
  const bodies = new Map<string, string>();
  for (const [, name = '', body = ''] of header.text.matchAll(DEFINITION)) {
    bodies.set(name, (bodies.get(name) ?? '') + body);
  }
  const { code } = preprocess(header.path, header.text, { kernelVersion: DEFAULT_KERNEL, prefer: acquiring });
  for (const { name, bodyStart, end } of outline(code).functions)
    bodies.set(name, code.slice(bodyStart, end));
  const found = new Set<string>();
  for (let grew = true; grew; ) {
    grew = false;
    for (const [name, body] of bodies) {
      if (found.has(name)) continue;
      const words = body.match(/[A-Za-z_]\w*/g) ?? [];
      if (!words.some((word) => found.has(word) || (acquiring.test(word) && isMeaningful(word)))) continue;
      found.add(name);
      grew = true;
    }
  }
  return found;
}

const DEFINITION = /^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)((?:\\\r?\n|[^\n])*)/gm;

/** Any of the names, as a word. */
export function wordPattern(names: Iterable<string>): RegExp {
  return new RegExp(`\\b(?:${[...names].join('|')})\\b`);
}
