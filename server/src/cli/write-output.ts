import { chmodSync, lstatSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { UserError } from './failure.ts';

/**
 * Writes a whole file, or leaves what was there: the text goes to a file beside it, which then takes its name. Follows
 * a symbolic link, keeps the mode, and writes straight to what is no regular file (a terminal, a pipe).
 *
 * @throws UserError when the file cannot be written.
 */
export function writeOutput(file: string, text: string | Uint8Array): void {
  try {
    const target = resolve(file);
    const existing = statSync(target, { throwIfNoEntry: false });
    if (existing !== undefined && !existing.isFile()) {
      writeFileSync(target, text);
      return;
    }
    const draft = path.join(path.dirname(target), `.${path.basename(target)}.${process.pid}.tmp`);
    try {
      writeFileSync(draft, text);
      if (existing !== undefined) chmodSync(draft, existing.mode);
      renameSync(draft, target);
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UserError(file, `cannot be written (${code})`, 'check --output');
  }
}

function resolve(file: string): string {
  const link = lstatSync(file, { throwIfNoEntry: false });
  return link === undefined ? file : realpathSync(file);
}
