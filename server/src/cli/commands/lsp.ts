import type { Command } from 'commander';
import { UserError } from '../failure.ts';

/** `gupcheck lsp --stdio` */
export function addLsp(program: Command): void {
  program
    .command('lsp')
    .summary('start the language server')
    .description('Serves an editor on standard input and output until the editor ends it.')
    .option('--stdio', 'speak on standard input and output')
    .action(async ({ stdio }: { stdio?: true }) => {
      if (stdio !== true) throw new UserError('lsp', 'no channel', 'write gupcheck lsp --stdio');
      // A bundle of its own, so that the other commands do not load it. It serves as soon as it is loaded, and the
      // name is not a literal, so that this bundle does not contain it.
      const bundle = './server.cjs';
      await import(/* @vite-ignore */ bundle);
    });
}
