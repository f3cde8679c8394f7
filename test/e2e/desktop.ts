/** The same suite in desktop VS Code, where one can be had: by download, or named in VSCODE_EXECUTABLE. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { downloadAndUnzipVSCode, runTests } from '@vscode/test-electron';

/** Undefined with a reason when there is no VS Code here. `stage` is the unpacked extension. */
export async function runDesktop(
  stage: string,
  bundle: string,
  examples: string,
  cache: string,
): Promise<{ readonly exitCode: number } | { readonly cannotRun: string }> {
  let executable = process.env.VSCODE_EXECUTABLE;
  if (executable === undefined) {
    try {
      executable = await downloadAndUnzipVSCode({
        version: process.env.VSCODE_VERSION ?? 'stable',
        cachePath: path.join(cache, 'desktop'),
        timeout: 10_000,
      });
    } catch (error) {
      const cause = error instanceof Error ? (error.cause ?? error) : error;
      return { cannotRun: cause instanceof Error ? cause.message : String(cause) };
    }
  }
  const scratch = mkdtempSync(path.join(tmpdir(), 'gupcheck-desktop-'));
  const extension = path.join(scratch, 'extension');
  const workspace = path.join(scratch, 'workspace');
  cpSync(stage, extension, { recursive: true });
  mkdirSync(path.join(extension, 'test'));
  cpSync(bundle, path.join(extension, 'test/suite.js'));
  cpSync(examples, workspace, { recursive: true });
  try {
    const exitCode = await runTests({
      vscodeExecutablePath: executable,
      extensionDevelopmentPath: extension,
      extensionTestsPath: path.join(extension, 'test/suite.js'),
      launchArgs: [workspace, '--disable-extensions', '--disable-gpu', '--disable-workspace-trust'],
    });
    return { exitCode };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
