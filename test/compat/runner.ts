import { mkdtempSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, inject } from 'vitest';
import { bareEnvironment, runProgram, writeConfig } from '../support/run-sessionctl.ts';
import type { Cell } from './plan.ts';

/** Runs sessionctl on the cell's Node, which is to end well, and reads what it prints. */
export function runnerOf(
  cell: Cell,
  { url, profile }: { readonly url: string; readonly profile: Parameters<typeof writeConfig>[0] },
) {
  const config = writeConfig(profile);
  const history = mkdtempSync(join(inject('temporaryDirectory'), 'state-'));
  return async <Printed>(words: readonly string[]): Promise<Printed> => {
    const { code, stdout, stderr } = await runProgram(
      join(cell.node.sessionctl, 'node_modules/.bin/sessionctl'),
      ['--config', config, ...words],
      {
        env: {
          PATH: [cell.node.path, bareEnvironment['PATH']].join(delimiter),
          DATABASE_URL: url,
          XDG_STATE_HOME: history,
        },
      },
    );
    expect(code, `sessionctl ${words.join(' ')}\n${stdout}${stderr}`).toBe(0);
    return JSON.parse(stdout) as Printed;
  };
}
