import { describe, expect, it } from 'vitest';
import { runMain } from '../support/fake-system.ts';

describe('help', () => {
  it.each([
    [['help', 'list'], 'Usage: sessionctl list'],
    [['help', 'config', 'init'], 'Usage: sessionctl config init'],
    [['help'], 'Usage: sessionctl <command>'],
    [['config'], 'Usage: sessionctl config'],
    [['list', '--help'], 'Global options'],
  ])('%j', async (words, beginning) => {
    const { code, stdout, stderr } = await runMain(words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(beginning);
  });

  it.each([
    [['help', 'lst'], "there is no command or topic 'lst'"],
    [['help', 'config', 'nosuch'], "unknown command 'config nosuch'"],
    [['config', 'shw'], "unknown command 'config shw'"],
  ])('%j is refused', async (words, message) => {
    const { code, stdout, stderr } = await runMain(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`error: ${message}\n`);
  });
});

describe('a command that is misspelt', () => {
  it.each([
    [['revoke-al', '--user', 'x'], "unknown command 'revoke-al'", 'Did you mean revoke-all?'],
    [['revoke-al', '--user=x', '--yes'], "unknown command 'revoke-al'", 'Did you mean revoke-all?'],
    [['--url', 'a.db', 'lst', '--wide'], "unknown command 'lst'", 'Did you mean list?'],
    [['revok'], "unknown command 'revok'", 'Did you mean revoke?'],
    [['revok', '--token-stdin'], "unknown command 'revok'", 'Did you mean revoke?'],
    [['schema', 'migrat', '--expiry-index'], "unknown command 'schema migrat'", 'Did you mean migrate?'],
  ])('%j is named, with the nearest one', async (words, message, hint) => {
    const { code, stdout, stderr } = await runMain(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`error: ${message}\nhint: ${hint} Use one of `);
  });

  it.each([
    [['list', '--usr', 'x'], "unknown option '--usr'", '(Did you mean --user?)'],
    [['--usr', 'x'], "unknown option '--usr'", ''],
    [['config', '--nosuch', 'show'], "unknown option '--nosuch'", ''],
    [['config', 'show', '--nosuch'], "unknown option '--nosuch'", ''],
  ])('%j has another fault', async (words, message) => {
    const { code, stderr } = await runMain(words);
    expect(code).toBe(2);
    expect(stderr).toContain(`error: ${message}\n`);
  });
});

describe('a token in a wrong place is not shown', () => {
  const tokens = [
    'Zq3xKp9vTn4sWb7hRc2mLd8fGj6yQa1e',
    '0191f3a4-7c55-7b1e-9d2f-3a4b5c6d7e8f',
    'Zq3xKp9v-Tn4sWb7h_Rc2mLd8f-Gj6yQa1eUu5',
    `short.${'A'.repeat(43)}=`,
  ];
  const places: readonly (readonly string[])[] = [
    ['@'],
    ['@', '--yes'],
    ['help', '@'],
    ['config', '@'],
    ['schema', '@', '--yes'],
    ['--@'],
    ['-@'],
    ['list', '--@'],
    ['list', '--@=x'],
    ['list', '--nosuch=@'],
    ['list', '@'],
    ['--profile', '@', 'list'],
    ['--config', '@', 'list'],
    ['config', 'check', '@'],
    ['--url', 'a.db', '--time-zone', '@', 'list'],
    ['-o', '@', 'list'],
    ['-o@', 'list'],
    ['--json', '-o', '@', 'list'],
    ['list', '--limit', '@'],
    ['list', '--sort', '@'],
    ['demo', '--users', '@'],
    ['config', 'init', '--url-env', '@', '--no-input'],
    ['--url', '@', '--url', '@', 'list'],
  ];

  it.each(places)('%s %s %s', async (...words) => {
    for (const token of tokens) {
      const typed = words.map((word) => word.replace('@', token));
      for (const more of [[], ['--verbose'], ['--json']]) {
        const { code, stdout, stderr } = await runMain([...typed, ...more]);
        expect([2, 3]).toContain(code);
        expect(stdout).toBe('');
        expect(stderr).not.toContain(token.slice(0, 20));
        expect(stderr).toMatch(/error/);
      }
    }
  });
});

describe('an option that means one thing', () => {
  it.each([
    ['--url', 'a.db', 'b.db'],
    ['--profile', 'a', 'b'],
    ['--config', 'a.toml', 'a.toml'],
    ['--time-zone', 'UTC', 'UTC'],
    ['--output', 'table', 'csv'],
  ])('%s is refused twice, before and after the command', async (option, first, second) => {
    const orders = [
      [option, first, option, second, 'list'],
      [option, first, 'list', option, second],
      ['list', option, first, `${option}=${second}`],
    ];
    for (const words of orders) {
      const { code, stdout, stderr } = await runMain(words);
      expect({ code, stdout }, words.join(' ')).toEqual({ code: 2, stdout: '' });
      expect(stderr).toBe(
        `error: ${option} was given twice\nhint: It means one thing: leave one of them out.\n`,
      );
    }
  });

  it('-o is --output', async () => {
    expect((await runMain(['-o', 'json', 'list', '-ocsv'])).stderr).toContain('--output was given twice');
  });

  it.each([
    ['demo', '--users'],
    ['demo', '--sessions'],
    ['demo', '--seed'],
  ])('%s %s too', async (command, option) => {
    const { code, stderr } = await runMain([command, option, '1', option, '2']);
    expect(code).toBe(2);
    expect(stderr).toContain(`${option} was given twice`);
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
