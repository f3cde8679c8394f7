/** Runs the suite in the extension host of a VS Code server: what VS Code's own API sees of the packaged extension. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { remote, type VsCode, workbench } from './vscode.ts';

const LIMIT = 120_000;

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
}

/** `bundle` is the suite, bundled; `examples` the folder that is opened, as a copy. */
export async function runSuite(code: VsCode, bundle: string, examples: string): Promise<Outcome> {
  const scratch = mkdtempSync(path.join(tmpdir(), 'gupcheck-api-'));
  const workspace = path.join(scratch, 'workspace');
  const host = path.join(scratch, 'host');
  cpSync(examples, workspace, { recursive: true });
  mkdirSync(host);
  // The extension under test is the installed one; this one only carries the tests.
  writeFileSync(
    path.join(host, 'package.json'),
    JSON.stringify({
      name: 'tests',
      publisher: 'gupcheck',
      version: '0.0.0',
      engines: { vscode: '^1.91.0' },
    }),
  );
  cpSync(bundle, path.join(host, 'suite.js'));
  let passed = 0;
  let failed = 0;
  let finish: (exitCode: unknown) => void = () => undefined;
  const finished = new Promise<unknown>((resolve) => {
    finish = resolve;
  });
  const { page, base } = code;
  await page.exposeFunction('codeAutomationLog', (_type: string, args: unknown[]) => {
    for (const line of args.map(String)) {
      if (/^ {2}ok /.test(line)) passed++;
      else if (/^ {2}FAILED /.test(line)) failed++;
      else if (!/^ {2}info /.test(line)) continue;
      console.log(line);
    }
  });
  await page.exposeFunction('codeAutomationExit', finish);
  await page.goto(
    workbench(base, workspace, [
      ['extensionDevelopmentPath', remote(base, host)],
      ['extensionTestsPath', remote(base, path.join(host, 'suite.js'))],
      ['skipWelcome', 'true'],
    ]),
  );
  const late = new Promise((resolve) => setTimeout(resolve, LIMIT, 'late').unref());
  const exitCode = await Promise.race([finished, late]);
  const popUps = await page.locator('.notification-toast').allInnerTexts();
  rmSync(scratch, { recursive: true, force: true });
  if (exitCode !== 0 && failed === 0) {
    console.log(
      `  FAILED the suite: ${exitCode === 'late' ? `not done after ${LIMIT} ms` : `exit code ${exitCode}`}`,
    );
    failed++;
  }
  if (popUps.length > 0) {
    console.log(`  FAILED no message box appears: ${popUps.join(' | ')}`);
    failed++;
  } else passed++;
  return { passed, failed };
}
