import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { commandOutput } from '../../src/config/command-output.ts';
import { createRedactor } from '../../src/redaction.ts';
import { fakeSystem } from '../support/fake-system.ts';
import { temporaryDirectory } from './temporary-directory.ts';

it('does not wait for a command that hangs, nor for what the command has started', async () => {
  const { path: directory } = temporaryDirectory();
  const place = { system: fakeSystem().system, redactor: createRedactor(), directory, timeout: 100 };
  const pipes = () => process.getActiveResourcesInfo().filter((kind) => kind === 'PipeWrap').length;
  const before = pipes();
  await expect(commandOutput('url_command', 'sleep 150 | cat; true', place)).rejects.toThrow(
    'url_command took longer than 0.1 s',
  );
  // A pipe that stays open would keep the process from ending until the last grandchild has ended.
  await setTimeout(100);
  expect(pipes()).toBe(before);
});
