/** The other C files of a folder, and which of them have to do with the pages that one of them acquires. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { FlowExports } from '../../flow/file.ts';
import { decodeSource } from '../../syntax/decode.ts';
import type { OtherFile } from '../../syntax/range.ts';

/** Files of a folder that are looked at, and their size in bytes; larger folders are many drivers. */
const MAX_SIBLINGS = 300;
const MAX_SIBLING_BYTES = 512 << 10;
/** Files that are joined to one. */
const MAX_JOINED = 6;

/** A file of the same folder that mentions what leads to the pages. */
export interface Sibling {
  readonly file: OtherFile;
  readonly functions: readonly string[];
  readonly held: FlowExports['held'];
}

/** A word without which a file neither uses nor releases pages. */
const TOUCHES =
  /put_page|unpin_|release_pages|folio_put|__free_page|set_page_dirty|kmap|page_address|vmap|memcpy|\*\w+->/;

/** A word without which nobody loses an array of pages that a function of another file has returned. */
const FREES = /\bk?v?free\s*\(/;

/** Finds siblings. The texts of a folder are kept until another folder is asked for. */
export class Siblings {
  #folder = '';
  #names: readonly string[] = [];
  #texts = new Map<string, string | undefined>();
  readonly #openText: (file: string) => string | undefined;

  /** Folder of the project that a file is in, where that is known. */
  readonly rootOf: (file: string) => string | undefined;

  /** `openText` has the texts of files that are open in an editor, which count instead of those on the disk. */
  constructor(
    openText: (file: string) => string | undefined = () => undefined,
    rootOf: (file: string) => string | undefined = () => undefined,
  ) {
    this.#openText = openText;
    this.rootOf = rootOf;
  }

  /**
   * Files that may have to do with what `file` exports, at most six. `shown` is its path in messages. Paths that were
   * looked at are added to `looked`.
   */
  of(shown: string, file: string, exports: FlowExports, looked: Set<string>): Sibling[] {
    const folder = path.dirname(file);
    if (folder !== this.#folder) {
      this.#folder = folder;
      this.#names = cFilesIn(folder);
      this.#texts = new Map();
    }
    const found: Sibling[] = [];
    looked.add(folder);
    const deciding = exports.lasting.flatMap(({ names }) => names).map(called);
    const functions = exports.functions.map(called);
    const held = exports.held.map((each) => ({ each, mentions: each.members.map(mentioned) }));
    for (const name of this.#names) {
      const full = path.join(folder, name);
      if (full === file || found.length >= MAX_JOINED) continue;
      looked.add(full);
      const text = this.textOf(full);
      if (text === undefined) continue;
      const decides = deciding.some((isIn) => isIn(text));
      const used = exports.functions.filter((_, i) => functions[i]!(text));
      const seen = held.filter(({ mentions }) => mentions.some((isIn) => isIn(text)));
      const concerned = used.length + seen.length > 0 && TOUCHES.test(text);
      if (!decides && !concerned && !(used.length > 0 && FREES.test(text))) continue;
      const place = path.posix.join(path.posix.dirname(shown), name);
      found.push({ file: { path: place, text }, functions: used, held: seen.map(({ each }) => each) });
    }
    return found;
  }

  /** Text of a file of the folder that was asked for last, or of one near it. */
  textOf(file: string): string | undefined {
    if (!this.#texts.has(file)) this.#texts.set(file, this.#openText(file) ?? textOf(file));
    return this.#texts.get(file);
  }
}

type IsIn = (text: string) => boolean;

/** Whether a text calls a function, and not one of its own that has the name: then it is of another program. */
function called(fn: string): IsIn {
  const pattern = new RegExp(`\\b${fn}\\s*\\(`);
  const defines = new RegExp(`^(?:[A-Za-z_][^\\n;={}()]*\\b)?${fn}\\s*\\([^;{}]*\\)\\s*\\{`, 'm');
  return (text) => text.includes(fn) && pattern.test(text) && !defines.test(text);
}

/**
 * Whether a text names a structure and looks into a member of that name: `struct.member`. A structure that it defines
 * itself is another one, since what two files share stands in a header.
 */
function mentioned(member: string): IsIn {
  const [struct, name] = member.split('.') as [string, string];
  const ofStruct = new RegExp(`\\b${struct}\\b`);
  const ofMember = new RegExp(`(?:->|\\.)\\s*${name}\\b`);
  const defines = definitionOf(struct);
  return (text) =>
    text.includes(struct) &&
    text.includes(name) &&
    ofStruct.test(text) &&
    ofMember.test(text) &&
    !defines.test(text);
}

/** Finds the definition of a structure: `struct name {`, or a typedef of that name. */
export function definitionOf(struct: string): RegExp {
  return new RegExp(`\\bstruct\\s+${struct}\\s*\\{|^\\}\\s*${struct}\\s*;`, 'm');
}

function cFilesIn(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.c'));
    return names.length > MAX_SIBLINGS ? [] : names.sort();
  } catch {
    return [];
  }
}

function textOf(file: string): string | undefined {
  try {
    if (statSync(file).size > MAX_SIBLING_BYTES) return undefined;
    const decoded = decodeSource(readFileSync(file));
    return decoded.kind === 'binary' ? undefined : decoded.text;
  } catch {
    return undefined;
  }
}
