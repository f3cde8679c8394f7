/** Options that several commands have. */
import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CONFIG_NAME } from '../linter/config/config.ts';
import { DEFAULT_KERNEL } from '../linter/project/kernel-version.ts';
import { formatKernelVersion, parseKernelVersion } from '../syntax/preprocess/version.ts';

export function kernelOption(): Option {
  return new Option(
    '--kernel <version>',
    `kernel release that the code is for (default: that of the tree around it, else ${formatKernelVersion(DEFAULT_KERNEL)})`,
  ).argParser((text) => {
    const release = parseKernelVersion(text);
    if (release === undefined) throw new InvalidArgumentError('It must look like 6.12.');
    return release;
  });
}

export function threadsOption(): Option {
  return new Option(
    '--threads <number>',
    'how many threads read folders (default: the processors, 4 at most)',
  ).argParser((text) => {
    const number = Number(text);
    if (!Number.isInteger(number) || number < 1 || number > 64)
      throw new InvalidArgumentError('It must be a number from 1 to 64.');
    return number;
  });
}

/** `--config FILE` and `--no-config`. */
export function addConfigOptions(command: Command): void {
  command
    .option('--config <file>', `configuration, instead of the nearest ${CONFIG_NAME} above each file`)
    .option('--no-config', `read no ${CONFIG_NAME}`);
}

/** The configuration for a run; absent where those beside the code count. */
export function configFor(
  flag: string | boolean | undefined,
  cwd: string,
): { readonly config?: string | null } {
  if (typeof flag === 'string') return { config: path.resolve(cwd, flag) };
  return flag === false ? { config: null } : {};
}
