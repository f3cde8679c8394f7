import type { Command } from 'commander';
import { GupTestUsage, parseGupTest, runGupTest } from '#engine/index.ts';
import { type ExitStatus, exitStatus, UserError } from '../failure.ts';
import type { Host } from '../host.ts';

const HELP = `
Options as in the kernel's tools/testing/selftests/mm/gup_test.c:
  -a  pin_user_pages_fast (the default is -u)    -b  pin_user_pages
  -u  get_user_pages_fast                        -U  get_user_pages
  -L  pin_user_pages with FOLL_LONGTERM          -c  dump pages, with -p under a pin
  -m MB  size    -n PAGES  per call    -r TIMES  -j THREADS
  -w  FOLL_WRITE    -W  without    -t  with huge pages    -T  without    -H  hugetlb
  -S  MAP_SHARED    -z  fault in by the call     -F FLAGS
  -f NAME  a file of the file system that NAME names: tmpfs, ext2, ext4 or dax`;

/** `gupcheck gup-test -a -m 16 …` */
export function addGupTest(program: Command, host: Host, finish: (status: ExitStatus) => void): void {
  program
    .command('gup-test')
    .summary("run the kernel's gup_test on the model")
    .description(
      "Runs the kernel's gup_test on the model of page pinning: the same calls, counts and counters, no times.",
    )
    .addHelpText('after', HELP)
    .argument('[options...]', "gup_test's own options")
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption('--help', 'print help')
    .action((args: string[]) => {
      host.print(gupTest(args));
      finish(exitStatus.clean);
    });
}

function gupTest(args: readonly string[]): string {
  try {
    return runGupTest(parseGupTest(args)).output;
  } catch (error) {
    if (error instanceof GupTestUsage)
      throw new UserError('gup-test', error.message, 'see gupcheck gup-test --help');
    throw error;
  }
}
