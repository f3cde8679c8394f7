/**
 * Tests the packaged extension in a real VS Code: `npm run e2e`. The node extension host by VS Code's API, the user
 * interface in a browser, and desktop VS Code where there is one.
 *
 *   GUPCHECK_CACHE      where VS Code is installed (default ~/.cache/gupcheck)
 *   CHROMIUM            the browser (default /usr/bin/chromium)
 *   VSCODE_EXECUTABLE   a desktop VS Code; REQUIRE_DESKTOP=1 makes its absence a failure
 *   SHOTS               folder for the pictures (default node_modules/.cache/gupcheck/shots)
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { build, type Plugin } from 'esbuild';
import { type Outcome, runSuite } from './api.ts';
import { runDesktop } from './desktop.ts';
import { installHosts } from './hosts.ts';
import { useIt } from './ui.ts';
import { startVsCode } from './vscode.ts';

const root = process.cwd();
const cache = path.join(root, 'node_modules/.cache/gupcheck');
const vsix = path.join(cache, 'gupcheck.vsix');
const suite = path.join(cache, 'e2e-suite.js');
const examples = path.join(root, 'examples/bad');

/** mocha's browser build assigns to `module` where it finds one: the bundle's own. */
const mochaGlobal: Plugin = {
  name: 'mocha-global',
  setup(bundle) {
    bundle.onLoad({ filter: /node_modules\/mocha\/mocha\.js$/ }, ({ path: file }) => ({
      contents: `var module, exports, define;\n${readFileSync(file, 'utf8')}\nexport {};`,
    }));
  },
};

const hosts = installHosts();
execFileSync(process.execPath, ['esbuild.mjs'], { cwd: root, stdio: 'inherit' });
execFileSync(process.execPath, ['scripts/package.mjs', vsix], {
  cwd: root,
  stdio: ['ignore', 'ignore', 'inherit'],
});
await build({
  entryPoints: [path.join(root, 'test/e2e/suite/index.ts')],
  outfile: suite,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  external: ['vscode'],
  plugins: [mochaGlobal],
  logLevel: 'warning',
});

let passed = 0;
let failed = 0;
const count = (outcome: Outcome) => {
  passed += outcome.passed;
  failed += outcome.failed;
};

for (const [title, run] of [
  ['extension host', (code) => runSuite(code, suite, examples)],
  [
    'user interface',
    (code) =>
      useIt(code, path.join(examples, 'status_page.c'), process.env.SHOTS ?? path.join(cache, 'shots')),
  ],
] as [string, (code: Awaited<ReturnType<typeof startVsCode>>) => Promise<Outcome>][]) {
  console.log(title);
  const code = await startVsCode(hosts, vsix);
  try {
    count(await run(code));
  } finally {
    await code.stop();
  }
}

console.log('desktop');
const desktop = await runDesktop(path.join(cache, 'vsix'), suite, examples, cache);
if ('exitCode' in desktop)
  count({ passed: desktop.exitCode === 0 ? 1 : 0, failed: desktop.exitCode === 0 ? 0 : 1 });
else {
  console.log(`!!! NOT RUN: desktop VS Code: ${desktop.cannotRun}`);
  if (process.env.REQUIRE_DESKTOP === '1') failed++;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
