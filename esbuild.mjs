/**
 * Bundles the command line (dist/gupcheck.cjs), the language server (dist/server.cjs) and the VS Code extension
 * (dist/extension.cjs), and puts the two wasm files beside them. Native `tree-sitter` stays outside the bundles: it is
 * optional, and looked for at run time.
 */
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { buildInfoEsbuild, root } from './scripts/build-info.mjs';
import { nodeBundle } from './scripts/bundle.mjs';
import { constants } from './scripts/constants.mjs';

const out = path.join(root, 'dist');
mkdirSync(out, { recursive: true });

/** One CommonJS bundle; `entry` is a path from the root. */
function bundle(entry, name, options = {}) {
  return build({
    ...nodeBundle,
    entryPoints: [path.join(root, entry)],
    outfile: path.join(out, name),
    format: 'cjs',
    minifySyntax: true,
    // Only read where the code is not bundled (syntax/assets.ts).
    logOverride: { 'empty-import-meta': 'silent' },
    plugins: [buildInfoEsbuild, constants],
    ...options,
  });
}

await Promise.all([
  bundle('server/src/cli/main.ts', 'gupcheck.cjs', { banner: { js: '#!/usr/bin/env node' } }),
  bundle('server/src/linter/run/worker.ts', 'worker.cjs'),
  bundle('server/src/lsp/main.ts', 'server.cjs', { minify: true, keepNames: true }),
  bundle('client/src/extension.ts', 'extension.cjs', { minify: true, keepNames: true, external: ['vscode'] }),
]);
chmodSync(path.join(out, 'gupcheck.cjs'), 0o755);
for (const wasm of ['web-tree-sitter/web-tree-sitter.wasm', 'tree-sitter-c/tree-sitter-c.wasm']) {
  copyFileSync(path.join(root, 'node_modules', wasm), path.join(out, path.basename(wasm)));
}
