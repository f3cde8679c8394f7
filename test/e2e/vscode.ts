/** A VS Code server with the packaged extension, and a browser for it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import type { Hosts } from './hosts.ts';

/** Nothing may be asked of the network. */
const BROWSER_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--host-resolver-rules=MAP *.localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
];

const SETTINGS = {
  'workbench.startupEditor': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'chat.disableAIFeatures': true,
  'extensions.autoCheckUpdates': false,
  'window.commandCenter': false,
  'editor.minimap.enabled': false,
  'editor.fontSize': 12,
};

export interface VsCode {
  /** For instance `http://127.0.0.1:41000`. */
  readonly base: string;
  readonly page: Page;
  stop(): Promise<void>;
}

/** Installs the extension in a new VS Code server, starts it, and opens a browser. */
export async function startVsCode(hosts: Hosts, vsix: string): Promise<VsCode> {
  const data = mkdtempSync(path.join(tmpdir(), 'gupcheck-vscode-'));
  const main = path.join(hosts.server, 'out/server-main.js');
  const folders = [
    '--accept-server-license-terms',
    '--server-data-dir',
    data,
    '--extensions-dir',
    path.join(data, 'extensions'),
  ];
  mkdirSync(path.join(data, 'data/Machine'), { recursive: true });
  writeFileSync(path.join(data, 'data/Machine/settings.json'), JSON.stringify(SETTINGS));
  // On standard error it complains of native modules that are not there, and does without them.
  execFileSync(hosts.node, [main, ...folders, '--install-extension', vsix], { stdio: 'pipe' });
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const server = spawn(
    hosts.node,
    [
      main,
      ...folders,
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--without-connection-token',
      '--telemetry-level',
      'off',
      '--disable-workspace-trust',
      '--enable-smoke-test-driver',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const log = createWriteStream(path.join(data, 'server.log'));
  server.stdout.pipe(log);
  server.stderr.pipe(log);
  const profile = mkdtempSync(path.join(tmpdir(), 'gupcheck-chromium-'));
  let browser: BrowserContext | undefined;
  const stop = async () => {
    await browser?.close();
    await ended(server);
    for (const folder of [data, profile]) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await answers(`${base}/version`);
    browser = await chromium.launchPersistentContext(profile, {
      executablePath: hosts.chromium,
      headless: true,
      args: BROWSER_FLAGS,
      viewport: { width: 1280, height: 800 },
    });
    const page = browser.pages()[0] ?? (await browser.newPage());
    if (process.env.VERBOSE !== undefined)
      page.on('console', (message) => console.log('[page]', message.text()));
    return { base, page, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** URL of the workbench with a folder, and what its smoke test driver is told. */
export function workbench(
  base: string,
  folder: string,
  payload: readonly (readonly [string, string])[],
): string {
  return `${base}/?folder=${folder}&payload=${encodeURIComponent(JSON.stringify(payload))}`;
}

/** A path as the workbench names it. */
export function remote(base: string, file: string): string {
  return `vscode-remote://${new URL(base).host}${file}`;
}

async function answers(url: string): Promise<void> {
  for (let attempt = 0; attempt < 120; attempt++) {
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    await new Promise((resume) => setTimeout(resume, 250));
  }
  throw new Error(`${url} does not answer`);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

function ended(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    process.once('exit', () => resolve());
    process.kill();
  });
}
