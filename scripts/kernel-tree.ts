/** The kernel tree that a report is about, and the C files in it. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';

/** Where Debian's package is unpacked by most. */
const USUAL = '/usr/src/linux-source-6.12';

/** The tree that was given, else GUPCHECK_KERNEL, else the usual place. Ends `program` with status 2 where there is none. */
export function kernelTree(program: string, given: string | undefined): string {
  const tree = given ?? process.env.GUPCHECK_KERNEL ?? USUAL;
  if (existsSync(tree) && statSync(tree).isDirectory()) return tree;
  console.error(
    `${program}: ${tree}: no such kernel tree; name one, set GUPCHECK_KERNEL, or unpack Debian's linux-source-6.12`,
  );
  process.exit(2);
}

/** C files below a folder, but for those in folders whose name is left out. */
export function* cFiles(
  folder: string,
  isLeftOut: (name: string) => boolean = () => false,
): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!isLeftOut(entry.name)) yield* cFiles(full, isLeftOut);
    } else if (entry.isFile() && entry.name.endsWith('.c')) yield full;
  }
}
