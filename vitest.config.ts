import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Better Auth's adapters write the local wall clock into some columns, so the suites fix what "local" is.
process.env['TZ'] = 'UTC';

const common = {
  pool: 'forks' as const,
  globalSetup: ['test/support/global-setup.ts'],
  // One file after the other in the same few processes: each would spend seconds on loading Better Auth again. Whoever
  // replaces something of the process puts it back.
  isolate: false,
  // A test judges what happens, not how fast: a busy machine must not fail one.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  // Most of a test is waiting for a process that it started.
  maxConcurrency: 4,
  // For the same reason two more than the two processors of a small machine.
  maxWorkers: 4,
};

/** Without a server or the built program. */
const unit = [
  'test/*.test.ts',
  'test/{commands,completion,config,doctor,help,history,output,sessions,store}/**/*.test.ts',
];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          // Neither a server nor the built program.
          name: 'unit',
          include: unit,
          exclude: ['test/**/*.property.test.ts'],
          // These do not wait, so more of them than processors would only load everything once more.
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...common,
          // The same, for a great many inputs: each takes seconds.
          name: 'properties',
          include: ['test/**/*.property.test.ts'],
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...common,
          // Every command on every store.
          name: 'stores',
          include: ['test/integration/**/*.test.ts'],
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...common,
          // Faults, topologies, settings, terminals and documentation.
          name: 'thorough',
          include: ['test/{thorough,docs,e2e}/**/*.test.ts'],
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...common,
          // What Better Auth itself does, as far as the other tests take it for granted.
          name: 'better-auth',
          include: ['test/better-auth/*.test.ts'],
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
