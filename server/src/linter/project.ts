/** Where a project ends: nothing above that folder is read for a file in it. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { makefileRelease } from './kernel-version.ts';

/**
 * The folder of the project that a file's folder belongs to: the nearest upwards that is a repository or a kernel tree;
 * else `within`, where the file is in it; else the folder itself. Remembers its answers in `known`, by folder.
 */
export function projectRoot(folder: string, within: string, known: Map<string, string>): string {
  const before = known.get(folder);
  if (before !== undefined) return before;
  let root: string | undefined;
  for (let at = folder; root === undefined; at = path.dirname(at)) {
    if (existsSync(path.join(at, '.git')) || makefileRelease(at) !== undefined) root = at;
    else if (path.dirname(at) === at) break;
  }
  const inside = !path.relative(within, folder).startsWith('..');
  root ??= inside ? within : folder;
  known.set(folder, root);
  return root;
}
