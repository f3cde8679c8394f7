import { defineConfig } from 'vitest/config';
import { buildInfoVite } from './scripts/build-info.mjs';

export default defineConfig({
  plugins: [buildInfoVite],
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/build.ts'],
    testTimeout: 90_000,
    hookTimeout: 90_000,
  },
});
