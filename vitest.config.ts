import { defineConfig } from 'vitest/config';
// @ts-expect-error: a plain module shared with esbuild.mjs; it has no declaration file.
import { buildInfoVite } from './scripts/build-info.mjs';

export default defineConfig({
  plugins: [buildInfoVite],
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
