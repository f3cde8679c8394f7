/**
 * The virtual module `virtual:gupcheck-build`: what the bundle must carry because it cannot read it at run time.
 * It exports `version` (package.json) and `rulePages` (docs/rules/GUPnnn.md as text, keyed by code).
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const buildInfoId = 'virtual:gupcheck-build';
const pagesFolder = path.join(root, 'docs', 'rules');

/** Source text of the virtual module, as an ES module. */
export function buildInfoSource() {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const pages = Object.fromEntries(
    pageNames().map((name) => [
      name.slice(0, -'.md'.length),
      readFileSync(path.join(pagesFolder, name), 'utf8'),
    ]),
  );
  return `export const version = ${JSON.stringify(version)};\nexport const rulePages = ${JSON.stringify(pages)};\n`;
}

function pageNames() {
  try {
    return readdirSync(pagesFolder)
      .filter((name) => /^GUP\d{3}\.md$/.test(name))
      .sort();
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

/** The virtual module for esbuild. */
export const buildInfoEsbuild = {
  name: 'gupcheck-build-info',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^${buildInfoId}$`) }, () => ({
      path: buildInfoId,
      namespace: 'gupcheck',
    }));
    build.onLoad({ filter: /.*/, namespace: 'gupcheck' }, () => ({
      contents: buildInfoSource(),
      loader: 'js',
    }));
  },
};

/** The virtual module for vite and vitest. */
export const buildInfoVite = {
  name: 'gupcheck-build-info',
  resolveId: (id) => (id === buildInfoId ? `\0${buildInfoId}` : undefined),
  load: (id) => (id === `\0${buildInfoId}` ? buildInfoSource() : undefined),
};
