import { defineConfig } from 'vitest/config';
import { buildInfoVite } from './scripts/build-info.mjs';

export default defineConfig({
  plugins: [buildInfoVite],
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/build.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
