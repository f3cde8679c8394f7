/** Which kernel release the code is written for: rules and `#if LINUX_VERSION_CODE` depend on it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** The release that the engine models. */
export const DEFAULT_KERNEL = '6.12';

/** `major.minor`, or undefined where the text is no kernel release. `6.12.117` and `v6.12-rc3` are `6.12`. */
export function kernelRelease(text: string): string | undefined {
  const match = /^v?(\d{1,2})\.(\d{1,3})(?:[.-].*)?$/.exec(text);
  return match === null ? undefined : `${Number(match[1])}.${Number(match[2])}`;
}

/**
 * The release of the kernel tree that a folder is in: VERSION and PATCHLEVEL of the nearest Makefile upwards that has
 * both. Remembers its answers in `known`, by folder.
 */
export function treeRelease(folder: string, known: Map<string, string | undefined>): string | undefined {
  if (known.has(folder)) return known.get(folder);
  const parent = path.dirname(folder);
  const release = makefileRelease(folder) ?? (parent === folder ? undefined : treeRelease(parent, known));
  known.set(folder, release);
  return release;
}

function makefileRelease(folder: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path.join(folder, 'Makefile'), 'utf8');
  } catch {
    return undefined;
  }
  const version = /^VERSION\s*=\s*(\d+)\s*$/m.exec(text);
  const patchlevel = /^PATCHLEVEL\s*=\s*(\d+)\s*$/m.exec(text);
  return version === null || patchlevel === null ? undefined : `${version[1]}.${patchlevel[1]}`;
}
