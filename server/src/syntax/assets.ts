/** Where the wasm back end's two files are: beside the bundle, else in an installed package. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Bytes of web-tree-sitter.wasm (the runtime) and tree-sitter-c.wasm (the grammar). */
export interface WasmAssets {
  readonly runtime: Uint8Array;
  readonly grammar: Uint8Array;
}

const RUNTIME = { file: 'web-tree-sitter.wasm', inPackage: 'web-tree-sitter/web-tree-sitter.wasm' } as const;
const GRAMMAR = { file: 'tree-sitter-c.wasm', inPackage: 'tree-sitter-c/tree-sitter-c.wasm' } as const;

/**
 * Reads the two files.
 *
 * @throws Error naming the file that was not found.
 */
export function findWasmAssets(): WasmAssets {
  return { runtime: read(RUNTIME), grammar: read(GRAMMAR) };
}

function read(asset: { readonly file: string; readonly inPackage: string }): Uint8Array {
  for (const candidate of candidates(asset)) if (existsSync(candidate)) return readFileSync(candidate);
  throw new Error(`${asset.file} was not found beside gupcheck nor in node_modules`);
}

function* candidates(asset: { readonly file: string; readonly inPackage: string }): Generator<string> {
  const here = codeFolder();
  yield join(here, asset.file);
  for (let folder = here; ; folder = dirname(folder)) {
    yield join(folder, 'node_modules', asset.inPackage);
    if (dirname(folder) === folder) return;
  }
}

/** The folder this code runs from. Bundled it is a CommonJS module, unbundled an ES module. */
function codeFolder(): string {
  return typeof __dirname === 'string' ? __dirname : dirname(fileURLToPath(import.meta.url));
}
