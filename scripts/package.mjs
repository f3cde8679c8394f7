#!/usr/bin/env node
/**
 * Packages the VS Code extension: `node scripts/package.mjs [FILE.vsix]`. What goes in is listed here, file by file;
 * the bundles are built before.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createVSIX } from '@vscode/vsce';
import { root } from './build-info.mjs';

/** Path in the extension: path in the repository. */
const CONTENT = {
  'README.md': 'docs/editor.md',
  'CHANGELOG.md': 'CHANGELOG.md',
  LICENSE: 'LICENSE',
  'dist/extension.cjs': 'dist/extension.cjs',
  'dist/server.cjs': 'dist/server.cjs',
  'dist/web-tree-sitter.wasm': 'dist/web-tree-sitter.wasm',
  'dist/tree-sitter-c.wasm': 'dist/tree-sitter-c.wasm',
  'docs/images/icon.png': 'docs/images/icon.png',
  'schemas/gupcheck.schema.json': 'schemas/gupcheck.schema.json',
  'syntaxes/gup-c.tmLanguage.json': 'syntaxes/gup-c.tmLanguage.json',
  'syntaxes/gup-litmus.configuration.json': 'syntaxes/gup-litmus.configuration.json',
  'syntaxes/gup-litmus.tmLanguage.json': 'syntaxes/gup-litmus.tmLanguage.json',
  'syntaxes/gup-suppression.tmLanguage.json': 'syntaxes/gup-suppression.tmLanguage.json',
  'syntaxes/gup-trace.tmLanguage.json': 'syntaxes/gup-trace.tmLanguage.json',
  'syntaxes/gup-trace.configuration.json': 'syntaxes/gup-trace.configuration.json',
};

/** What of package.json says something about the extension. */
const FIELDS = [
  'name',
  'displayName',
  'description',
  'version',
  'publisher',
  'license',
  'repository',
  'categories',
  'keywords',
  'engines',
  'main',
  'icon',
  'extensionKind',
  'activationEvents',
  'capabilities',
  'contributes',
];

const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const target = path.resolve(process.argv[2] ?? path.join(root, `gupcheck-${manifest.version}.vsix`));
const stage = path.join(root, 'node_modules/.cache/gupcheck/vsix');
rmSync(stage, { recursive: true, force: true });
mkdirSync(path.dirname(target), { recursive: true });
for (const [to, from] of Object.entries(CONTENT)) {
  cpSync(path.join(root, from), path.join(stage, to), { recursive: true });
}
const own = Object.fromEntries(FIELDS.map((field) => [field, manifest[field]]));
own.engines = { vscode: manifest.engines.vscode };
writeFileSync(path.join(stage, 'package.json'), `${JSON.stringify(own, null, 2)}\n`);
// Everything in the stage goes in; vsce asks for the file all the same.
writeFileSync(path.join(stage, '.vscodeignore'), '.vscodeignore\n');
const documents = manifest.repository.url.replace(/\.git$/, '');
await createVSIX({
  cwd: stage,
  packagePath: target,
  dependencies: false,
  // The README stands in docs/ in the repository, and its links start there.
  baseContentUrl: `${documents}/blob/main/docs`,
  baseImagesUrl: `${documents}/raw/main/docs`,
});
