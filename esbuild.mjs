/**
 * Bundles the command line into dist/gupcheck.cjs and puts the two wasm files beside it. Native `tree-sitter` stays
 * outside the bundle: it is optional, and looked for at run time.
 */
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { buildInfoEsbuild, root } from './scripts/build-info.mjs';
import { nodeBundle } from './scripts/bundle.mjs';

const out = path.join(root, 'dist');
mkdirSync(out, { recursive: true });
await build({
  ...nodeBundle,
  entryPoints: [path.join(root, 'server/src/cli/main.ts')],
  outfile: path.join(out, 'gupcheck.cjs'),
  format: 'cjs',
  minifySyntax: true,
  // Only read where the code is not bundled (syntax/assets.ts).
  logOverride: { 'empty-import-meta': 'silent' },
  plugins: [buildInfoEsbuild],
  banner: { js: '#!/usr/bin/env node' },
});
chmodSync(path.join(out, 'gupcheck.cjs'), 0o755);
for (const wasm of ['web-tree-sitter/web-tree-sitter.wasm', 'tree-sitter-c/tree-sitter-c.wasm']) {
  copyFileSync(path.join(root, 'node_modules', wasm), path.join(out, path.basename(wasm)));
}
