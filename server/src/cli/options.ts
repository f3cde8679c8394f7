/** Options that several commands have. */
import { InvalidArgumentError, Option } from 'commander';
import { DEFAULT_KERNEL } from '../linter/kernel-version.ts';
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
