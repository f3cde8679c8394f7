/** Work that is shared by threads: the queue, and the bundled program with several threads. */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FolderQueue } from '#server/linter/run/folder-queue.ts';
import { lintPaths } from '#server/linter/run/run.ts';
import { fakeAnalyzer } from '../cli/fake.ts';
import { folderWith } from '../cli/harness.ts';

const program = fileURLToPath(new URL('../../dist/gupcheck.cjs', import.meta.url));

describe('the folder queue', () => {
  it('hands each folder out once, to whoever asks', () => {
    const one = new FolderQueue();
    const two = new FolderQueue(one.memory);
    const folders = ['', 'a/', 'b/ü b/', 'c/'].map((below, root) => ({ root, below }));
    for (const folder of folders) one.push(folder);
    expect([two.take(), one.take(), two.take(), two.take()]).toEqual(folders);
    expect(one.take()).toBeUndefined();
    expect(one.isDone).toBe(false);
    for (const queue of [one, one, two, two]) queue.finish();
    expect([one.isDone, two.isDone, one.waiting]).toEqual([true, true, 0]);
  });

  it('keeps what does not fit with the thread that found it', () => {
    const one = new FolderQueue();
    const two = new FolderQueue(one.memory);
    const long = { root: 0, below: 'x'.repeat(9 << 20) };
    one.push(long);
    one.push(long);
    expect(two.take()).toEqual(long);
    expect(two.take()).toBeUndefined();
    expect(one.take()).toEqual(long);
  });

  it('can be abandoned', () => {
    const queue = new FolderQueue();
    queue.push({ root: 0, below: '' });
    queue.abandon();
    queue.finish();
    expect(queue.isDone).toBe(true);
  });
});

/** Enough folders for other threads to be started. */
function manyFolders(): string {
  const bad = `int f(unsigned long a, struct page **p)
{
\tint n = get_user_pages_fast(a, 1, FOLL_PIN, p);
\treturn n;
}
`;
  return folderWith(
    Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [`d${i}/sub/f.c`, i % 3 === 0 ? bad : 'int x;\n']),
    ),
  );
}

describe('threads', () => {
  const json = (folder: string, ...options: string[]) =>
    execFileSync(process.execPath, [program, 'lint', '--format', 'json', '--exit-zero', ...options, '.'], {
      cwd: folder,
      encoding: 'utf8',
    });

  it('give the same output however many they are, and with a cache', () => {
    const folder = manyFolders();
    const alone = json(folder, '--no-cache', '--threads', '1');
    expect(JSON.parse(alone).summary.files).toBe(60);
    expect(JSON.parse(alone).findings).toHaveLength(20);
    expect(json(folder, '--no-cache', '--threads', '3')).toBe(alone);
    const cache = ['--cache-dir', path.join(folder, '.cache')];
    expect(json(folder, ...cache, '--threads', '2')).toBe(alone);
    expect(json(folder, ...cache, '--threads', '2')).toBe(alone);
  });

  it('do not lose a failure of one of them', async () => {
    const folder = manyFolders();
    const broken = path.join(folder, 'worker.cjs');
    for (const code of ['throw new Error("no memory");', 'process.exit(0);']) {
      writeFileSync(broken, code);
      const run = lintPaths(async () => fakeAnalyzer, ['.'], folder, {
        explanations: false,
        levels: {},
        threads: { count: 2, program: broken },
      });
      await expect(run).rejects.toThrow(/no memory|ended with status 0 before its work was done/);
    }
  });

  it.each(['0', 'many'])('are not %s', (count) => {
    const { status, stderr } = spawnSync(process.execPath, [program, 'lint', '--threads', count, '.'], {
      encoding: 'utf8',
    });
    expect(status).toBe(2);
    expect(stderr).toContain('a number from 1 to 64');
  });
});
