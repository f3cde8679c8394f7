/** The command line: arguments in, exit status out. */

import { version } from 'virtual:gupcheck-build';
import { Command, CommanderError } from 'commander';
import { addGupTest } from './commands/gup-test.ts';
import { addLint } from './commands/lint.ts';
import { addLitmus } from './commands/litmus.ts';
import { addLsp } from './commands/lsp.ts';
import { addRules } from './commands/rules.ts';
import { addWhy } from './commands/why.ts';
import { type ExitStatus, exitStatus, problemLine, UserError } from './failure.ts';
import type { Host } from './host.ts';

/** Runs one command; `args` are the arguments behind the program's name. Never throws. */
export async function runProgram(args: readonly string[], host: Host): Promise<ExitStatus> {
  let status: ExitStatus = exitStatus.clean;
  const finish = (value: ExitStatus) => {
    status = value;
  };
  const program = new Command('gupcheck')
    .description(
      "Finds misuse of the Linux kernel's get_user_pages*() and pin_user_pages*() and proves it by a run.",
    )
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .configureOutput({
      writeOut: (text) => host.print(text),
      writeErr: (text) => host.complain(text.trimEnd()),
      // Errors are printed below, all in one form.
      outputError: () => undefined,
    })
    .enablePositionalOptions()
    .exitOverride();
  addLint(program, host, finish);
  addWhy(program, host, finish);
  addRules(program, host, finish);
  addLitmus(program, host, finish);
  addGupTest(program, host, finish);
  addLsp(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    return explainFailure(error, args, host);
  }
}

function explainFailure(error: unknown, args: readonly string[], host: Host): ExitStatus {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitStatus.clean;
    // Commander has printed the help: no command was given.
    if (error.code === 'commander.help') return exitStatus.failure;
    const command = args.find((arg) => !arg.startsWith('-'));
    const what = error.message
      .replace(/^error: /, '')
      .replace(/\.?\s*\n\s*/g, ' ')
      .replace(/\.$/, '');
    const known = command !== undefined && error.code !== 'commander.unknownCommand';
    const help = known ? `gupcheck ${command} --help` : 'gupcheck --help';
    host.complain(problemLine({ place: known ? command : 'command line', what, cure: `see ${help}` }));
  } else if (error instanceof UserError) {
    host.complain(problemLine({ place: error.place, what: error.message, cure: error.cure }));
  } else {
    const what = error instanceof Error ? error.message : String(error);
    const cure = 'please report this (GUPCHECK_DEBUG=1 shows where it happened)';
    host.complain(problemLine({ place: 'internal error', what, cure }));
    if (host.debug && error instanceof Error) host.complain(error.stack ?? '');
  }
  return exitStatus.failure;
}
