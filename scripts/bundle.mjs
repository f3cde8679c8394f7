/** What all of the project's esbuild bundles have in common. */
import path from 'node:path';
import { root } from './build-info.mjs';

/** @type {import('esbuild').BuildOptions} */
export const nodeBundle = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  absWorkingDir: root,
  external: ['tree-sitter', 'tree-sitter-c'],
  alias: {
    // The ES module build of web-tree-sitter uses import.meta.url, which a CommonJS bundle does not have.
    'web-tree-sitter': path.join(root, 'node_modules/web-tree-sitter/web-tree-sitter.cjs'),
    // The other build of jsonc-parser requires its parts in a way that bundlers do not see.
    'jsonc-parser': path.join(root, 'node_modules/jsonc-parser/lib/esm/main.js'),
  },
  logLevel: 'warning',
};
