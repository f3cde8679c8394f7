/** The native back end: tree-sitter's addon, where it is installed and loads. */
import { type Engine, parserOver } from './backend.ts';
import type { Edit } from './edit.ts';
import type { Cursor } from './flatten.ts';
import type { Parser } from './parser.ts';

/** The part of the addon that is used. The package is optional, so its own types may be missing. */
interface NativeTree {
  edit(edit: Edit): unknown;
  walk(): Cursor;
}

interface NativeParser {
  setLanguage(language: unknown): void;
  parse(
    input: (offset: number) => string,
    old: NativeTree | null,
    options?: { bufferSize?: number },
  ): NativeTree | undefined;
}

/**
 * How much text the addon asks for at a time. It copies what its callback gives it, so a large buffer is slower:
 * of 2, 8, 16 and 30 thousand, the smallest was best, and all were faster than passing the string itself.
 */
const CHUNK = 2048;

/** The native parser, or undefined where its addon does not load. */
export async function createNativeParser(): Promise<Parser | undefined> {
  const engine = await load();
  return engine === undefined ? undefined : parserOver(engine);
}

async function load(): Promise<Engine<NativeTree> | undefined> {
  try {
    // The names are not literals, so that bundlers leave these imports alone.
    const [addon, grammar] = await Promise.all(['tree-sitter', 'tree-sitter-c'].map(importDefault));
    const NativeParserClass = addon as new () => NativeParser;
    const create = () => {
      const parser = new NativeParserClass();
      parser.setLanguage(grammar);
      return parser;
    };
    return engineOver(create);
  } catch {
    return undefined;
  }
}

async function importDefault(name: string): Promise<unknown> {
  const module = (await import(/* @vite-ignore */ name)) as { default: unknown };
  return module.default;
}

function engineOver(create: () => NativeParser): Engine<NativeTree> {
  let parser = create();
  return {
    backend: 'native',
    parse: (code, old) => parser.parse((offset) => code.slice(offset, offset + CHUNK), old ?? null),
    edit: (tree, edit) => tree.edit(edit),
    walk: (tree, read) => read(tree.walk()),
    // The addon's trees are freed by the garbage collector once nothing refers to them.
    free: () => undefined,
    recover: () => {
      parser = create();
    },
  };
}
