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
