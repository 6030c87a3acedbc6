import { describe, expect, it } from 'vitest';
import { runMain } from '../support/fake-system.ts';

describe('help', () => {
  it.each([
    [['help', 'list'], 'Usage: sessionctl list'],
    [['help', 'config', 'init'], 'Usage: sessionctl config init'],
    [['help'], 'Usage: sessionctl [options]'],
    [['config'], 'Usage: sessionctl config'],
    [['list', '--help'], 'Global Options:'],
  ])('%j', async (words, beginning) => {
    const { code, stdout, stderr } = await runMain(words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(beginning);
  });

  it.each([
    [['help', 'lst'], "unknown command 'lst'"],
    [['help', 'config', 'nosuch'], "unknown command 'config nosuch'"],
    [['config', 'shw'], "unknown command 'config shw'"],
  ])('%j is refused', async (words, message) => {
    const { code, stdout, stderr } = await runMain(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`error: ${message}\n`);
  });
});

it.each(['--created-after', '--state', '--limit', '--sort'])('%s given twice is refused', async (option) => {
  const { code, stderr } = await runMain(['--url', 'sqlite:nowhere.db', 'list', option, '1d', option, '2d']);
  expect(code).toBe(2);
  expect(stderr).toContain(`${option} was given twice`);
});

it('the error of a full disk says so', async () => {
  const { fakeSystem } = await import('../support/fake-system.ts');
  const { main } = await import('../../src/main.ts');
  const { system, stderr } = fakeSystem();
  const full = {
    write: (_text: string | Uint8Array, done?: (error: Error) => void) => {
      done?.(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }));
      return true;
    },
  };
  expect(await main(['--version'], { ...system, stdout: full })).toBe(1);
  expect(stderr()).toContain('error: the output cannot be written: ENOSPC: no space left on device, write');
});
