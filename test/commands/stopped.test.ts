import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/main.ts';
import { fakeSystem, runMain } from '../support/fake-system.ts';

describe('an error that comes after a signal', () => {
  let directory: string;
  let url: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'stopped-'));
    url = `sqlite:${join(directory, 'auth.db')}`;
    expect(await runMain(['demo', join(directory, 'auth.db')])).toMatchObject({ code: 0 });
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  /** Runs a change that a signal reaches, and that fails in that moment. */
  const failing = async (moment: 'before a change' | 'within a change') => {
    const controller = new AbortController();
    const fail = () => {
      controller.abort('SIGTERM');
      throw new Error('the disk is gone');
    };
    const { system, stdout, stderr } = fakeSystem({ signal: controller.signal });
    let asked = 0;
    const code = await main(['--url', url, 'schema', 'migrate', '--yes'], {
      ...system,
      env: { XDG_STATE_HOME: directory },
      ...(moment === 'within a change' ? { changing: fail } : {}),
      // The clock is asked for the first record, which is written before anything changes.
      now: () => {
        asked += 1;
        return moment === 'before a change' && asked === 1 ? fail() : Date.now();
      },
    });
    return { code, stdout: stdout(), stderr: stderr() };
  };

  it('before anything was changed: says so', async () => {
    const { code, stderr } = await failing('before a change');
    expect(stderr).toMatch(/stopped by SIGTERM, nothing was changed/);
    expect(code).toBe(130);
  });

  it('while something was being changed: does not say that nothing was', async () => {
    const { code, stderr } = await failing('within a change');
    expect(stderr).toMatch(/stopped by SIGTERM during a change \(the disk is gone\)/);
    expect(stderr).toMatch(/it is not known what was done by then/);
    expect(stderr).not.toMatch(/nothing was changed/);
    expect(code).toBe(6);
  });
});
