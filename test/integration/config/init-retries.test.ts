import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configInit } from '../../../src/commands/config/init.ts';
import { createContext } from '../../../src/context.ts';
import { createRedactor } from '../../../src/redaction.ts';
import { fakeSystem, runMain } from '../../support/fake-system.ts';
import { describeOnRedis } from '../../support/servers.ts';
import { scriptedPrompter, type Answer } from '../../config/scripted-prompter.ts';
import { temporaryDirectory } from '../../config/temporary-directory.ts';

type Env = Readonly<Record<string, string>>;

const redisUrl = process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379';
const DEAD = 'redis://127.0.0.1:1';
const STORAGE =
  "secondaryStorage: redisStorage({ client: new Redis(process.env.REDIS_URL!), keyPrefix: 'init-retries:' }),";

const made = mkdtempSync(join(tmpdir(), 'init-'));
beforeAll(async () => {
  const { code, stderr } = await runMain(['demo', 'auth.db', '--users', '3', '--sessions', '9'], {
    cwd: made,
  });
  expect(code, stderr).toBe(0);
});
afterAll(() => {
  rmSync(made, { recursive: true });
});

/** A directory with a small auth database, `auth.db`, and an application's `auth.ts`. */
function project(options: string): string {
  const directory = temporaryDirectory();
  copyFileSync(join(made, 'auth.db'), join(directory.path, 'auth.db'));
  directory.write(
    'auth.ts',
    `import { betterAuth } from 'better-auth';
import Database from 'better-sqlite3';
import { Redis } from 'ioredis';
import { redisStorage } from '@better-auth/redis-storage';
export const auth = betterAuth({
  database: new Database('auth.db'),
  ${options}
});
`,
  );
  return directory.path;
}

/** Runs the wizard with a person who gives these answers, and what it has written with `config check` and `list`. */
async function finished(cwd: string, env: Env, answers: readonly Answer[], flags = {}) {
  const { system, stderr } = fakeSystem({ cwd, env, tty: { stdin: true, stderr: true }, columns: 500 });
  const script = scriptedPrompter(answers);
  const all = { color: false, input: true, ...flags };
  const context = createContext(system, createRedactor(), all);
  const prompter = () => Promise.resolve(script.prompter);
  const code = await configInit.run({ ...context, prompter }, all, []);
  expect({ code, left: script.left() }, stderr()).toEqual({ code: 0, left: [] });
  const checked = await runMain(['config', 'check'], { cwd, env });
  expect(checked.code, checked.stdout + checked.stderr).toBe(0);
  const listed = await runMain(['list', '-o', 'ids'], { cwd, env });
  expect(listed.code, listed.stderr).toBe(0);
  return { stderr: stderr(), text: readFileSync(`${cwd}/sessionctl.toml`, 'utf8') };
}

const READ: Answer = ['Read the options', true];
const DATABASE: Answer = ['Where is the URL of the auth database?', 'The one in auth.ts:6'];
const LAST: readonly Answer[] = [
  ['Name of the profile', ''],
  ['File to write', ''],
  ['Write ', true],
];

describeOnRedis('the wizard comes to its end', () => {
  it.each([
    ['with both stores', 'session: { storeSessionInDatabase: true },'],
    ['with preserved rows', 'session: { storeSessionInDatabase: true, preserveSessionInDatabase: true },'],
    ['with Redis alone', ''],
    ['with Redis alone and a preserved table', 'session: { preserveSessionInDatabase: true },'],
  ])('%s', async (_name, session) => {
    const cwd = project(`${session}\n  ${STORAGE}`);
    const { text } = await finished(cwd, { REDIS_URL: redisUrl }, [READ, DATABASE, ...LAST]);
    expect(text).toContain('\nkey_prefix = "init-retries:"');
    expect(text.includes('\nstore_in_database = true')).toBe(session.includes('store'));
  });

  it('asks for another Redis where the one of the application does not answer, and not for the database', async () => {
    const cwd = project(STORAGE);
    const { stderr, text } = await finished(cwd, { REDIS_URL: DEAD, OTHER: redisUrl }, [
      READ,
      DATABASE,
      ['Where is the URL of Redis?', 'The one in auth.ts:7'],
      ['Where is the URL of Redis?', 'In an environment variable'],
      ['Name of the variable', 'UNSET'],
      ['Where is the URL of Redis?', 'Type it now'],
      ['URL', 'localhost:6379'],
      ['Where is the URL of Redis?', 'In OTHER of the environment'],
      ...LAST,
    ]);
    expect(
      stderr.match(
        /warning: (?:cannot reach Redis|the variable UNSET is not set|.*redis\.url: is no redis:)/g,
      ),
    ).toHaveLength(3);
    expect(text).toContain('\nurl = "${OTHER}"');
  });

  it('takes a Redis that is typed in where no variable is set', async () => {
    const cwd = project(STORAGE);
    const { text } = await finished(cwd, {}, [
      READ,
      DATABASE,
      ['Where is the URL of Redis?', 'Type it now'],
      ['URL', redisUrl],
      ...LAST,
    ]);
    expect(text).toContain(`\nurl = "${redisUrl}"`);
  });

  it('does not ask for ever where a flag names what does not work', async () => {
    const cwd = project(STORAGE);
    const asked = (env: Env, flags: object) => finished(cwd, env, [READ, DATABASE], flags);
    await expect(asked({ GONE: DEAD }, { redisUrlEnv: 'GONE' })).rejects.toThrow('cannot reach Redis');
    await expect(asked({}, { redisUrlEnv: 'GONE' })).rejects.toThrow('the variable GONE is not set');
    await expect(finished(cwd, {}, [], { envFile: 'none' })).rejects.toThrow('cannot read');
  });
});

describe('the wizard comes to its end without Redis', () => {
  it('where the application sets storeSessionInDatabase all the same', async () => {
    const cwd = project('session: { storeSessionInDatabase: true },');
    const { text } = await finished(cwd, {}, [READ, DATABASE, ...LAST]);
    expect(text).toContain(
      '\n# store_in_database = true   # auth.ts:7, without effect where no sessions are in Redis\n',
    );
  });

  it('where a variable of the application holds no URL', async () => {
    const cwd = project('baseURL: process.env.HOST,');
    const { text } = await finished(cwd, { HOST: 'app.example.com' }, [READ, DATABASE, ...LAST]);
    expect(text).toContain('\n# base_url = "${HOST}"   # auth.ts:7, not valid when this was written\n');
  });

  it('where the variable that is named is not set, and another way is chosen', async () => {
    const cwd = project('');
    const { stderr } = await finished(cwd, {}, [
      READ,
      ['Where is the URL of the auth database?', 'In an environment variable'],
      ['Name of the variable', ''],
      DATABASE,
      ...LAST,
    ]);
    expect(stderr).toContain('warning: the variable DATABASE_URL is not set\nhint: Set it first: export');
  });
});
