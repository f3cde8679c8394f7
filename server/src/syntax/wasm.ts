/** The wasm back end: web-tree-sitter with the same grammar. */
import { Language, type Tree, Edit as WasmEdit, Parser as WasmParser } from 'web-tree-sitter';
import type { WasmAssets } from './assets.ts';
import { type Engine, parserOver } from './backend.ts';
import type { Parser } from './parser.ts';

/** web-tree-sitter has one runtime per process: two that are set up at once would overwrite each other. */
let runtime: Promise<void> | undefined;

/**
 * The wasm parser.
 *
 * @throws Error when the bytes are not the runtime's and the grammar's.
 */
export async function createWasmParser(assets: WasmAssets): Promise<Parser> {
  runtime ??= WasmParser.init({ wasmBinary: assets.runtime });
  await runtime;
  const language = await Language.load(assets.grammar);
  return parserOver(engineOver(language));
}

function engineOver(language: Language): Engine<Tree> {
  let parser = create(language);
  return {
    backend: 'wasm',
    parse: (code, old) => parser.parse(code, old ?? null) ?? undefined,
    edit: (tree, edit) => tree.edit(new WasmEdit(edit)),
    walk: (tree, read) => {
      const cursor = tree.walk();
      try {
        return read(cursor);
      } finally {
        cursor.delete();
      }
    },
    free: (tree) => tree.delete(),
    recover: () => {
      parser = create(language);
    },
  };
}

function create(language: Language): WasmParser {
  const parser = new WasmParser();
  parser.setLanguage(language);
  return parser;
}
