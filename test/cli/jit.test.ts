import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { compilerFlags } from '#server/cli/jit.ts';

// A flag that V8 does not know is complained about on standard error, at every start.
it('sets only flags that the V8 of this Node knows', () => {
  const known = spawnSync(process.execPath, ['--v8-options'], { encoding: 'utf8' }).stdout;
  for (const flag of compilerFlags(process.versions.v8))
    expect(known).toContain(`  ${flag.replace(/=.*/, '')} (`);
});

it('sets them for the releases of Node that it knows, and none for others', () => {
  const counts = ['11.3.244.8-node.38', '12.4.254.21-node.57', '13.6.233.17-node.53', '15.0.1'].map(
    (v8) => compilerFlags(v8).length,
  );
  expect(counts).toEqual([3, 2, 2, 0]);
});
