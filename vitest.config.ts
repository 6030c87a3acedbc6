import { defineConfig } from 'vitest/config';

// Better Auth's adapters write the local wall clock into some columns, so the suites fix what "local" is.
process.env['TZ'] = 'UTC';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Most of a test is waiting for a process that it started.
    maxConcurrency: 4,
  },
});
