import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import {
  LitmusError,
  type LitmusResult,
  type LitmusTest,
  litmusReport,
  parseLitmusFile,
  runLitmus,
} from '#engine/index.ts';
import { type ExitStatus, exitStatus, problemLine, UserError } from '../failure.ts';
import type { Host } from '../host.ts';

interface LitmusFlags {
  readonly states?: number;
  readonly quiet?: boolean;
}

/** `gupcheck litmus PATH…` */
export function addLitmus(program: Command, host: Host, finish: (status: ExitStatus) => void): void {
  program
    .command('litmus')
    .summary('run litmus tests of the pinning model')
    .description(
      'Runs litmus tests (see docs/litmus.md) and prints their final states as herd does. Exits with 1 when an observation is not the one that its file expects.',
    )
    .addArgument(new Argument('<paths...>', 'files, or folders with .litmus files'))
    .addOption(new Option('--states <number>', 'give up a test after this many states').argParser(positive))
    .option('--quiet', 'print one line for each test')
    .action((paths: string[], flags: LitmusFlags) => {
      finish(runAll(filesOf(paths, host.cwd), flags, host));
    });
}

function runAll(files: readonly string[], flags: LitmusFlags, host: Host): ExitStatus {
  let unexpected = 0;
  let broken = 0;
  let count = 0;
  const started = performance.now();
  for (const file of files) {
    const shown = path.relative(host.cwd, file) || file;
    try {
      for (const test of parseLitmusFile(readFileSync(file, 'utf8'), shown)) {
        count++;
        if (!runOne(test, shown, flags, host)) unexpected++;
      }
    } catch (error) {
      if (!(error instanceof LitmusError)) throw error;
      count++;
      broken++;
      host.complain(`gupcheck: ${error.message}`);
    }
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const tests = `${count} litmus test${count === 1 ? '' : 's'}`;
  host.print(`${tests}, ${unexpected} not as expected, ${broken} unreadable, ${seconds} s\n`);
  if (broken > 0) return exitStatus.failure;
  return unexpected > 0 ? exitStatus.findings : exitStatus.clean;
}

/** Runs and prints one test; false when it is not as its file expects. */
function runOne(test: LitmusTest, file: string, flags: LitmusFlags, host: Host): boolean {
  const before = performance.now();
  const result = runLitmus(test, file, flags.states === undefined ? {} : { states: flags.states });
  host.print(
    flags.quiet === true
      ? `${quietLine(result)}\n`
      : `${litmusReport(result, (performance.now() - before) / 1000)}\n`,
  );
  if (!result.asExpected) host.complain(problemLine({ place: file, ...complaint(result) }));
  return result.asExpected;
}

function quietLine(result: LitmusResult): string {
  const { name, observation, positive, negative } = result;
  return `Observation ${name} ${observation} ${positive} ${negative}`;
}

/** Why a result is not what its file says. */
function complaint(result: LitmusResult): { what: string; cure: string } {
  if (result.refused)
    return {
      what: 'no run has the results that the test assumes',
      cure: 'compare the assumed results with what the calls return in the kernel',
    };
  if (result.bounded) return { what: 'the bound on states was hit', cure: 'raise --states' };
  const expected = result.expected ?? 'the condition to hold';
  return {
    what: `observed ${result.observation}, but the file expects ${expected}`,
    cure: 'correct the test, or report the model',
  };
}

function filesOf(paths: readonly string[], cwd: string): string[] {
  const files: string[] = [];
  for (const given of paths) {
    const absolute = path.resolve(cwd, given);
    const stats = statOf(absolute);
    if (stats === undefined) throw new UserError(given, 'no such file or folder', 'check the path');
    if (!stats.isDirectory()) {
      files.push(absolute);
      continue;
    }
    const inside = readdirSync(absolute, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.litmus'))
      .sort();
    if (inside.length === 0)
      throw new UserError(given, 'no .litmus file in this folder', 'name a folder with litmus tests');
    files.push(...inside.map((name) => path.join(absolute, name)));
  }
  return files;
}

function statOf(file: string): Stats | undefined {
  try {
    return statSync(file);
  } catch {
    return undefined;
  }
}

function positive(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n <= 0) throw new InvalidArgumentError('give a positive whole number.');
  return n;
}
