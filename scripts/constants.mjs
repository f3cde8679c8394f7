/**
 * An esbuild plugin that writes the engine's constants as numbers: `PG.dirty` becomes `1`, as a `const enum` of
 * TypeScript would. A bundle's constants are variables to V8, read again at every use; without that, explore() is an
 * eighth faster.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { transformSync } from 'esbuild';
import { root } from './build-info.mjs';

/** Modules whose numbers, and tables of numbers, are replaced; they import nothing. */
const MODULES = ['model/constants.ts', 'protocol/flags.ts', 'explore/layout.ts', 'explore/row.ts'];
const engine = path.join(root, 'engine/src');

/** What a module exports, by name. */
async function exportsOf(module) {
  const { code } = transformSync(readFileSync(path.join(engine, module), 'utf8'), { loader: 'ts' });
  return Object.entries(await import(`data:text/javascript,${encodeURIComponent(code)}`));
}

/** What stays as it is (imports, comments, texts), or a name in capitals and perhaps an entry of it. */
const TOKENS =
  /^import [^;]*;|\/\*[\s\S]*?\*\/|\/\/.*|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|(?<![\w.$])([A-Z][A-Z_]*)\b(?:\.(\w+)\b)?/gm;

/** Replaces constants in a module's text by their numbers, as far as the module imports them. */
export function inlineConstants(text, values) {
  const imported = new Set(
    [...text.matchAll(/import \{([^}]*)\} from '[^']*\/(?:constants|flags|layout|row)\.ts'/g)].flatMap(
      (found) => found[1].split(',').map((name) => name.trim()),
    ),
  );
  return text.replace(TOKENS, (token, name, entry) => {
    if (!imported.has(name)) return token;
    const value = entry === undefined ? values.get(name) : values.get(name)?.[entry];
    return typeof value === 'number' ? `(${value})` : token;
  });
}

export const constants = {
  name: 'gupcheck-constants',
  async setup(build) {
    const values = new Map((await Promise.all(MODULES.map(exportsOf))).flat());
    build.onLoad({ filter: /engine[\\/]src[\\/].*\.ts$/ }, ({ path: file }) => ({
      contents: inlineConstants(readFileSync(file, 'utf8'), values),
      loader: 'ts',
    }));
  },
};
