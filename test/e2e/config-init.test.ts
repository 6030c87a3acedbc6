import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runMain } from '../support/fake-system.ts';
import { describeOnRedis } from '../support/servers.ts';
import { runInTerminal, type Screen } from '../support/terminal.ts';

const REDIS_URL = process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379';

/** What a person types at each question, which is known by these words. */
type Step = readonly [words: string | RegExp, keys: string];

const DRAWN: readonly Step[] = [
  ['Read the options of Better Auth in auth.ts?', '\r'],
  ['Where is the URL of the auth database?', '\r'],
  ['Name of the profile', '\r'],
  ['File to write', '\r'],
  ['Write ', '\r'],
];
const PLAIN = DRAWN.map(([words, keys]): Step => [words, String(words).includes('URL') ? '1\r' : keys]);

describeOnRedis('config init at a terminal', () => {
  const made = mkdtempSync(join(tmpdir(), 'wizard-'));
  beforeAll(async () => {
    const { code, stderr } = await runMain(['demo', 'auth.db', '--users', '3', '--sessions', '9'], {
      cwd: made,
    });
    expect(code, stderr).toBe(0);
  });
  afterAll(() => {
    rmSync(made, { recursive: true });
  });

  /** An application that keeps its sessions in Redis, with these options of `session`. */
  const project = (session: string) => {
    const cwd = mkdtempSync(join(made, 'app-'));
    copyFileSync(join(made, 'auth.db'), join(cwd, 'auth.db'));
    const storage = "redisStorage({ client: new Redis(process.env.REDIS_URL!), keyPrefix: 'wizard-test:' })";
    writeFileSync(
      join(cwd, 'auth.ts'),
      `import { betterAuth } from 'better-auth';
import Database from 'better-sqlite3';
import { Redis } from 'ioredis';
import { redisStorage } from '@better-auth/redis-storage';
export const auth = betterAuth({ database: new Database('auth.db'), secondaryStorage: ${storage}, session: { ${session} } });
`,
    );
    return cwd;
  };

  const walk = async (
    cwd: string,
    steps: readonly Step[],
    { columns = 80, env = {} }: { readonly columns?: number; readonly env?: Record<string, string> } = {},
  ): Promise<{ readonly code: number; readonly screen: Screen; readonly all: string }> => {
    const run = runInTerminal(['config', 'init'], { columns, cwd, env: { REDIS_URL, ...env } });
    for (const [words, keys] of steps) {
      await run.shows(words);
      run.type(keys);
    }
    const { code, screen } = await run.ended;
    return { code, screen, all: screen.lines.join('\n') };
  };

  it.each([
    ['both stores', 'storeSessionInDatabase: true', 80, {}, DRAWN],
    ['both stores', 'storeSessionInDatabase: true', 200, {}, DRAWN],
    ['both stores', 'storeSessionInDatabase: true', 80, { TERM: 'dumb' }, PLAIN],
    ['preserved rows', 'storeSessionInDatabase: true, preserveSessionInDatabase: true', 80, {}, DRAWN],
    ['Redis alone', '', 80, {}, DRAWN],
    ['Redis alone', '', 80, { TERM: 'dumb' }, PLAIN],
  ] as const)('%s (%s), %i columns, %j', async (_name, session, columns, env, steps) => {
    const cwd = project(session);
    const { code, screen, all } = await walk(cwd, steps, { columns, env });
    expect(code, all).toBe(0);
    if (columns === 200) expect(screen.wrapped).toEqual([]);
    const checked = await runMain(['config', 'check'], { cwd, env: { REDIS_URL } });
    expect(checked, all).toMatchObject({ code: 0, stderr: '' });
    expect((await runMain(['list'], { cwd, env: { REDIS_URL } })).code).toBe(0);
  });

  it('a dead Redis is asked for again, and the database is not', async () => {
    const cwd = project('storeSessionInDatabase: true');
    const [read, database, ...last] = DRAWN;
    if (read === undefined || database === undefined) throw new Error('there are such questions');
    const again: readonly Step[] = [
      ['Where is the URL of Redis?', '\r'],
      // The variable of the application did not answer once more.
      [/(?:Where is the URL of Redis\?[^]*){2}/, '\u001b[B\u001b[B\r'],
      ['Name of the variable', '\u0015OTHER\r'],
      [/(?:Where is the URL of Redis\?[^]*){3}/, '\u001b[A\r'],
      ['URL (hidden', `${REDIS_URL}\r`],
    ];
    const env = { REDIS_URL: 'redis://127.0.0.1:1' };
    const { code, all } = await walk(cwd, [read, database, ...again, ...last], { columns: 200, env });
    expect(code, all).toBe(0);
    expect(all.match(/Where is the URL of the auth database/g)).toHaveLength(1);
    expect(await runMain(['config', 'check'], { cwd })).toMatchObject({ code: 0 });
  });

  it('a dead database is asked for again', async () => {
    const cwd = project('storeSessionInDatabase: true');
    const [read, , ...last] = DRAWN;
    const again: readonly Step[] = [
      ['Where is the URL of the auth database?', '\u001b[B\r'],
      [/(?:Where is the URL of the auth database\?[^]*){2}/, '\r'],
    ];
    const env = { DATABASE_URL: 'postgres://app:hunter2hunter2@127.0.0.1:1/app' };
    const { code, all } = await walk(cwd, [...(read === undefined ? [] : [read]), ...again, ...last], {
      env,
    });
    expect(code, all).toBe(0);
    expect(all).toContain('warning: cannot reach 127.0.0.1:1/app');
    expect(all).not.toContain('hunter2');
  });

  it.each(DRAWN.map(([words], at) => [words, at] as const))(
    'Ctrl-C at "%s" writes nothing',
    async (words, at) => {
      const cwd = project('storeSessionInDatabase: true');
      const { code, all } = await walk(cwd, [...DRAWN.slice(0, at), [words, '\u0003']]);
      expect(code, all).toBe(130);
      expect(existsSync(join(cwd, 'sessionctl.toml'))).toBe(false);
      expect(all).not.toMatch(/unexpected|\bat .*\.js:/);
    },
  );
});
