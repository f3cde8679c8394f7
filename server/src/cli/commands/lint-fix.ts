/** The options of `lint` that are about fixes. */
import type { Command } from 'commander';
import { type FixedRun, type FixMode, fixRun } from '../../linter/apply/fix-files.ts';
import type { LintRun, RunOptions } from '../../linter/run/run.ts';
import { counted } from '../../linter/text/finding.ts';
import type { Level } from '../../rules/finding.ts';
import { UserError } from '../failure.ts';
import { shown } from '../format/output.ts';
import type { Host } from '../host.ts';

export interface FixFlags {
  readonly fix?: true;
  readonly unsafeFixes?: true;
  readonly diff?: true;
  readonly showFixes?: true;
  readonly format: string;
  readonly level: Level;
}

export function addFixOptions(command: Command): Command {
  return command
    .option('--fix', 'apply safe fixes to the files, and report what is left')
    .option(
      '--unsafe-fixes',
      'with --fix or --diff: apply all fixes, also those that change more than references',
    )
    .option('--diff', 'print the fixes as a patch for patch -p1 or git apply, and change no file')
    .option('--show-fixes', 'say for each finding how it can be fixed');
}

/** What is to be done about fixes; undefined where nothing is. Throws for options that exclude each other. */
export function fixMode(flags: FixFlags, stdin: boolean): FixMode | undefined {
  const { fix, diff, unsafeFixes, showFixes } = flags;
  if (fix && diff)
    throw new UserError(
      '--diff',
      '--fix changes the files, --diff prints what would change',
      'give one of the two',
    );
  if (unsafeFixes && !fix && !diff && !showFixes)
    throw new UserError('--unsafe-fixes', 'nothing is fixed', 'give --fix or --diff as well');
  if (fix && stdin)
    throw new UserError('--fix', 'standard input cannot be rewritten', 'use --diff, or name the file');
  if (diff && flags.format !== 'text')
    throw new UserError('--diff', `prints a patch, not ${flags.format}`, 'leave --format out');
  return fix ? 'write' : diff ? 'diff' : showFixes ? 'offer' : undefined;
}

/** Fixes the findings of a run. */
export async function withFixes(
  run: LintRun,
  mode: FixMode,
  flags: FixFlags,
  runOptions: RunOptions,
  host: Host,
  input: Uint8Array | undefined,
): Promise<FixedRun> {
  const options = { level: flags.level, unsafe: flags.unsafeFixes === true };
  return fixRun(await host.analyzer(), run, host.cwd, mode, options, runOptions, input);
}

/** One line about a patch, for standard error. */
export function patchSummary({ fixes, run }: FixedRun, level: Level): string {
  const applied = fixes.files.reduce((sum, file) => sum + file.applied.length, 0);
  const left = run.reports.reduce((sum, report) => sum + shown(report, level).length, 0);
  const made = `${applied} ${applied === 1 ? 'fix' : 'fixes'} in ${counted(fixes.files.length, 'file')}`;
  return `gupcheck: ${made}; ${counted(left, 'finding')} would be left (--show-fixes says what to do about them)`;
}
