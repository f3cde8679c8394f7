#!/usr/bin/env node
/**
 * Runs a TypeScript program of this repository: `node scripts/run.mjs FILE.ts ARGUMENTS…`.
 * The program is bundled to node_modules/.cache/gupcheck and started in a process of its own.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { build } from 'esbuild';
import { buildInfoEsbuild, root } from './build-info.mjs';
import { nodeBundle } from './bundle.mjs';
import { constants } from './constants.mjs';

const [entry, ...args] = process.argv.slice(2);
if (entry === undefined) {
  console.error('usage: node scripts/run.mjs FILE.ts ARGUMENTS…');
  process.exit(2);
}
const name = path.relative(root, path.resolve(entry)).replace(/[\\/]/g, '-');
const outfile = path.join(root, 'node_modules/.cache/gupcheck', name.replace(/\.m?ts$/, '.mjs'));
try {
  await build({
    ...nodeBundle,
    entryPoints: [path.resolve(entry)],
    outfile,
    format: 'esm',
    sourcemap: 'inline',
    packages: 'external',
    alias: {},
    plugins: [buildInfoEsbuild, constants],
  });
} catch {
  process.exit(2); // esbuild has said what is wrong
}
const { status, signal } = spawnSync(
  process.execPath,
  ['--enable-source-maps', '--expose-gc', outfile, ...args],
  {
    stdio: 'inherit',
  },
);
process.exit(signal === null ? (status ?? 2) : 2);
