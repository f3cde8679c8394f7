import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { COMPILER_FLAGS } from '#server/cli/jit.ts';

// A flag that V8 does not know is complained about on standard error, at every start.
it('sets only flags that the V8 of this Node knows', () => {
  const known = spawnSync(process.execPath, ['--v8-options'], { encoding: 'utf8' }).stdout;
  expect(COMPILER_FLAGS.length).toBeGreaterThan(0);
  for (const flag of COMPILER_FLAGS) expect(known).toContain(`  ${flag.replace(/=.*/, '')} (`);
});
