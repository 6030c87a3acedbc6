import { defineConfig } from 'vitest/config';
import { needsOwnProcess, processesOf, readPlan } from './plan.ts';

// As in the other tests.
process.env['TZ'] = 'UTC';

/** For `.ci/compat`, which installs what is tested here. */
export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    projects: processesOf(readPlan()).map((cells, at) => ({
      test: {
        name: `compat ${String(at)}`,
        // Each test of what releases do differently has an application of its own.
        include: [`test/compat/${cells.some(needsOwnProcess) ? 'deployments' : '*'}.compat.ts`],
        pool: 'forks' as const,
        testTimeout: 300_000,
        // Most of a cell is waiting.
        maxConcurrency: 3,
        maxWorkers: 4,
        env: {
          SESSIONCTL_COMPAT_PROCESS: String(at),
          // In a test, as Better Auth understands it, it would take every client for 127.0.0.1.
          NODE_ENV: 'development',
          TEST: '',
        },
      },
    })),
  },
});
