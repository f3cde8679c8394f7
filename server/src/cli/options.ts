/** Options that several commands have. */
import { InvalidArgumentError, Option } from 'commander';
import { DEFAULT_KERNEL, kernelRelease } from '../linter/kernel-version.ts';

export function kernelOption(): Option {
  return new Option(
    '--kernel <version>',
    `kernel release that the code is for (default: that of the tree around it, else ${DEFAULT_KERNEL})`,
  ).argParser((text) => {
    const release = kernelRelease(text);
    if (release === undefined) throw new InvalidArgumentError('It must look like 6.12.');
    return release;
  });
}
