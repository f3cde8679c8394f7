import { tmpdir } from 'node:os';
import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { buildInfoVite } from './scripts/build-info.mjs';

export default defineConfig({
  plugins: [buildInfoVite],
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/build.ts'],
    // What the program keeps between runs must not meet the user's own.
    env: { XDG_CACHE_HOME: path.join(tmpdir(), `gupcheck-tests-${process.pid}`) },
    testTimeout: 90_000,
    hookTimeout: 90_000,
  },
});
