/** Runs the command line in this process, in a folder of its own, with the analyzer without analysis. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { runProgram } from '#server/cli/program.ts';
import { plain } from '#server/linter/text/style.ts';
import { fakeAnalyzer } from './fake.ts';

export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** A temporary folder with the given files (text or bytes by path), removed after the test. */
export function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'gupcheck-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  return folder;
}

/** One run of the program. */
export async function gupcheck(
  cwd: string,
  args: readonly string[],
  options: { readonly input?: string | Uint8Array; readonly debug?: boolean } = {},
): Promise<Ran> {
  let out = '';
  let err = '';
  const status = await runProgram(args, {
    cwd,
    style: plain,
    debug: options.debug ?? false,
    print: (output) => {
      out += typeof output === 'string' ? output : Buffer.from(output).toString('utf8');
    },
    complain: (line) => {
      err += `${line}\n`;
    },
    readInput: () => Buffer.from(options.input ?? ''),
    analyzer: async () => fakeAnalyzer,
  });
  return { status, out, err };
}
