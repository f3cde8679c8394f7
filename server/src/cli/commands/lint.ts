import path from 'node:path';
import { version } from 'virtual:gupcheck-build';
import { type Command, Option } from 'commander';
import { isFailure } from '../../linter/file/report.ts';
import { type LintRun, lintInput, lintPaths, type RunOptions } from '../../linter/run/run.ts';
import { plain } from '../../linter/text/style.ts';
import { LEVELS } from '../../rules/finding.ts';
import type { KernelVersion } from '../../syntax/preprocess/version.ts';
import { usualCacheFolder, usualThreads } from '../bundle.ts';
import { type ExitStatus, exitStatus, problemLine, UserError } from '../failure.ts';
import { formatJson } from '../format/json.ts';
import { atLeast, type Formatter } from '../format/output.ts';
import { formatSarif } from '../format/sarif.ts';
import { formatText } from '../format/text.ts';
import type { Host } from '../host.ts';
import { addConfigOptions, configFor, kernelOption, threadsOption } from '../options.ts';
import { writeOutput } from '../write-output.ts';
import { addFixOptions, type FixFlags, fixMode, patchSummary, withFixes } from './lint-fix.ts';

const formats: Readonly<Record<string, Formatter>> = {
  text: formatText,
  json: formatJson,
  sarif: formatSarif,
};

interface LintFlags extends FixFlags {
  readonly output?: string;
  readonly exitZero?: true;
  readonly kernel?: KernelVersion;
  readonly config?: string | boolean;
  readonly explain: boolean;
  readonly stdinFilename?: string;
  readonly cache: boolean;
  readonly cacheDir?: string;
  readonly threads?: number;
}

/** `gupcheck lint PATH…` */
export function addLint(program: Command, host: Host, finish: (status: ExitStatus) => void): void {
  const command = program
    .command('lint')
    .summary('find misuse of page pinning in C files')
    .description(
      'Lints C files and all .c and .h files in folders. Exit status: 0 no findings at --level or above (with --fix: none is left), 1 findings, 2 wrong use, a file that could not be read or rewritten, or an internal error.',
    )
    .argument('<paths...>', 'files and folders; - for standard input')
    .addOption(new Option('--format <format>', 'output format').choices(Object.keys(formats)).default('text'))
    .option('--output <file>', 'write to a file instead of standard output')
    .addOption(
      new Option('--level <level>', 'show, and fail for, findings of this level and above')
        .choices(LEVELS)
        .default('warning'),
    )
    .option('--exit-zero', 'exit with 0 even when there are findings')
    .addOption(kernelOption())
    .option(
      '--no-explain',
      'do not run the engine (faster; levels are then not lowered by runs that show nothing)',
    )
    .option('--no-cache', 'do not keep results of folders between runs, nor use those that were kept')
    .option(
      '--cache-dir <folder>',
      'keep them here (default: $XDG_CACHE_HOME/gupcheck, else ~/.cache/gupcheck)',
    )
    .addOption(threadsOption())
    .option('--stdin-filename <file>', 'name of the file that comes from standard input')
    .action(async (paths: string[], flags: LintFlags) => finish(await lint(paths, flags, host)));
  addConfigOptions(command);
  addFixOptions(command);
}

async function lint(paths: readonly string[], flags: LintFlags, host: Host): Promise<ExitStatus> {
  const options: RunOptions = {
    explanations: flags.explain,
    levels: {},
    ...(flags.kernel !== undefined && { kernel: flags.kernel }),
    ...configFor(flags.config, host.cwd),
    ...means(flags, host),
  };
  const stdin = paths.includes('-');
  const mode = fixMode(flags, stdin);
  const input = stdin ? host.readInput() : undefined;
  const linted = await (input !== undefined
    ? lintStdin(paths, flags, host, options, input)
    : lintNamed(paths, flags, host, options));
  const fixed =
    mode === undefined || linted.reports.length === 0
      ? undefined
      : await withFixes(linted, mode, flags, options, host, input);
  const run = fixed?.run ?? linted;
  complain(run, host);
  if (mode === 'diff') {
    if (fixed !== undefined) {
      deliver(Buffer.from(fixed.patch), flags, host);
      host.complain(patchSummary(fixed, flags.level));
    }
    // No file was changed: what counts is what is in them.
    return statusOf({ ...linted, problems: run.problems }, flags);
  }
  const status = statusOf(run, flags);
  if (run.scanned === 0 && flags.format === 'text') return status;
  const { rules } = await host.analyzer();
  const format = formats[flags.format]!;
  const text = format({
    run,
    rules,
    level: flags.level,
    status,
    cwd: host.cwd,
    version,
    style: flags.output === undefined ? host.style : plain,
    ...(fixed !== undefined && { fixes: fixed.fixes }),
  });
  deliver(text, flags, host);
  return status;
}

function deliver(output: string | Uint8Array, flags: LintFlags, host: Host): void {
  if (flags.output === undefined) host.print(output);
  else writeOutput(path.resolve(host.cwd, flags.output), output);
}

/** The threads and the cache of a run. */
function means(flags: LintFlags, { program, cwd }: Host): Pick<RunOptions, 'threads' | 'cache'> {
  if (program === undefined) return {};
  const folder = flags.cacheDir === undefined ? usualCacheFolder() : path.resolve(cwd, flags.cacheDir);
  return {
    threads: { count: flags.threads ?? usualThreads(), program: program.worker },
    ...(flags.cache && { cache: { folder, build: program.build() } }),
  };
}

async function lintNamed(paths: readonly string[], flags: LintFlags, host: Host, options: RunOptions) {
  if (flags.stdinFilename !== undefined) {
    throw new UserError('--stdin-filename', 'there is no standard input to name', 'give - as the path');
  }
  return lintPaths(host.analyzer, paths, host.cwd, options);
}

async function lintStdin(
  paths: readonly string[],
  flags: LintFlags,
  host: Host,
  options: RunOptions,
  input: Uint8Array,
) {
  if (paths.length > 1) {
    throw new UserError('-', 'standard input and files in one run', 'lint them one after the other');
  }
  return lintInput(host.analyzer, input, flags.stdinFilename ?? 'stdin.c', host.cwd, options);
}

/** Says on standard error what could not be read, and what went wrong in the analysis. Budgets are counted in the output. */
function complain(run: LintRun, host: Host): void {
  for (const problem of [...run.problems, ...run.skipped, ...run.notes]) host.complain(problemLine(problem));
  for (const report of run.reports) {
    for (const problem of report.problems.filter(isFailure)) {
      const cure = 'please report this (GUPCHECK_DEBUG=1 shows where it happened)';
      host.complain(problemLine({ place: report.path, what: problem.message, cure }));
      if (host.debug && problem.stack !== undefined) host.complain(problem.stack);
    }
  }
}

function statusOf(run: LintRun, flags: LintFlags): ExitStatus {
  const failed = run.problems.length > 0 || run.reports.some((report) => report.problems.some(isFailure));
  if (failed) return exitStatus.failure;
  const found = run.reports.some((report) =>
    report.findings.some((finding) => atLeast(finding.level, flags.level)),
  );
  return found && flags.exitZero !== true ? exitStatus.findings : exitStatus.clean;
}
