import { configDefaults, defineConfig } from 'vitest/config';

// Better Auth's adapters write the local wall clock into some columns, so the suites fix what "local" is.
process.env['TZ'] = 'UTC';

/** Many small files, most of whose time would be spent on loading the same modules again. */
const small = ['commands', 'config', 'history', 'output', 'sessions', 'store'].map(
  (room) => `test/${room}/**/*.test.ts`,
);

/** These measure how long an application waits for sessionctl, which a neighbour at work would falsify. */
const measuring = ['test/integration/concurrency.test.ts', 'test/integration/faults/row-locks.test.ts'];

const common = {
  pool: 'forks',
  testTimeout: 30_000,
  hookTimeout: 60_000,
  // Most of a test is waiting for a process that it started.
  maxConcurrency: 4,
} as const;

// For the same reason one more than the two processors of a small machine.
const together = { ...common, maxWorkers: 3, sequence: { groupOrder: 1 } } as const;

export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    projects: [
      { test: { ...together, name: 'small', include: small, isolate: false } },
      {
        test: {
          ...together,
          name: 'large',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...small, ...measuring],
        },
      },
      {
        test: {
          ...common,
          name: 'alone',
          include: measuring,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
