/** Which kernel release the code is written for: rules and `#if LINUX_VERSION_CODE` depend on it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { KernelVersion } from '../../syntax/preprocess/version.ts';

/** The release that the engine models. */
export const DEFAULT_KERNEL: KernelVersion = { major: 6, minor: 12, patch: 0 };

/**
 * The release of the kernel tree that a folder is in: VERSION, PATCHLEVEL and SUBLEVEL of the nearest Makefile upwards
 * that has them. Remembers its answers in `known`, by folder.
 */
export function treeRelease(
  folder: string,
  known: Map<string, KernelVersion | undefined>,
): KernelVersion | undefined {
  if (known.has(folder)) return known.get(folder);
  const parent = path.dirname(folder);
  const release = makefileRelease(folder) ?? (parent === folder ? undefined : treeRelease(parent, known));
  known.set(folder, release);
  return release;
}

/** The release that a kernel tree's own Makefile names; undefined where there is none. */
export function makefileRelease(folder: string): KernelVersion | undefined {
  let text: string;
  try {
    text = readFileSync(path.join(folder, 'Makefile'), 'utf8');
  } catch {
    return undefined;
  }
  const number = (name: string) => new RegExp(`^${name}\\s*=\\s*(\\d+)\\s*$`, 'm').exec(text)?.[1];
  const major = number('VERSION');
  const minor = number('PATCHLEVEL');
  if (major === undefined || minor === undefined) return undefined;
  return { major: Number(major), minor: Number(minor), patch: Number(number('SUBLEVEL') ?? 0) };
}
