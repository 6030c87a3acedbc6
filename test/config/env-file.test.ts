import { describe, expect, it } from 'vitest';
import { runMain } from '../support/fake-system.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const PROFILE = '[profiles.a]\nenv_file = ".env"\nurl = "${DATABASE_URL}"\n';

/** A directory whose configuration takes its URL from a file of variables. */
function directoryWith(variables: string | null, profile = PROFILE) {
  const directory = temporaryDirectory();
  directory.write('sessionctl.toml', profile, 0o600);
  if (variables !== null) directory.write('.env', variables);
  const run = async (words: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const { code, stdout, stderr } = await runMain(words, { cwd: directory.path, env });
    const short = (text: string) => text.replaceAll(directory.path, '.');
    return { code, stdout: short(stdout), stderr: short(stderr) };
  };
  return { ...directory, run };
}

const entry = (stdout: string, key: string): unknown =>
  (JSON.parse(stdout) as { settings: { key: string }[] }).settings.find((one) => one.key === key);

describe('env_file', () => {
  it.each([
    ['plain', 'DATABASE_URL=sqlite:a.db\n'],
    ['quoted', 'OTHER=1\nDATABASE_URL="sqlite:a.db" # the one\n'],
    ['exported, with a mark of byte order and CRLF', "\uFEFFexport DATABASE_URL='sqlite:a.db'\r\nX=2\r\n"],
  ])('gives a variable that is not set, and says so: %s', async (_title, variables) => {
    const { run } = directoryWith(variables);
    const { code, stdout, stderr } = await run(['config', 'show', '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(entry(stdout, 'url')).toEqual({
      key: 'url',
      value: 'sqlite:a.db',
      origin: { kind: 'file', path: './sessionctl.toml', line: 3, envFile: './.env' },
    });
    expect((await run(['config', 'show'])).stdout).toMatch(
      /^url +sqlite:a\.db +\.\/sessionctl\.toml:3 with \.\/\.env$/m,
    );
    expect((await run(['config', 'check'])).stdout).toBe('./sessionctl.toml: 1 profile, no problems\n');
  });

  it('gives way to the environment', async () => {
    const { run } = directoryWith('DATABASE_URL=sqlite:a.db\n');
    const { stdout } = await run(['config', 'show', '--json'], { DATABASE_URL: 'sqlite:b.db' });
    expect(entry(stdout, 'url')).toMatchObject({
      value: 'sqlite:b.db',
      origin: { kind: 'file', path: './sessionctl.toml', line: 3 },
    });
    expect(entry(stdout, 'url')).not.toHaveProperty('origin.envFile');
  });

  it.each([
    ['is absent', null, 'profiles.a.env_file: cannot read ./.env: there is no such file'],
    [
      'does not have it',
      'X=1\nDATABASE_URL=\n',
      'profiles.a.url: the variable DATABASE_URL is not set, and ./.env does not set it either',
    ],
    [
      'makes it of others',
      'HOST=h\nDATABASE_URL=postgres://u:pa55word@${HOST}/d\n',
      'profiles.a.url: the variable DATABASE_URL is not set, and ./.env builds it from other variables, which sessionctl does not support',
    ],
  ])('is refused where it %s', async (_title, variables, message) => {
    const { run } = directoryWith(variables);
    for (const words of [['list'], ['config', 'check'], ['config', 'show']]) {
      const { code, stdout, stderr } = await run(words);
      expect(code).toBe(3);
      expect(stdout + stderr).toContain(message);
      expect(stdout + stderr).not.toContain('pa55word');
    }
  });

  it('is one problem where it cannot be read, however many variables it would set', async () => {
    const profile = `${PROFILE}time_zone = "\${ZONE}"\n[profiles.a.redis]\nurl = "\${REDIS_URL}"\n`;
    const { run } = directoryWith(null, profile);
    const { stdout } = await run(['config', 'check']);
    expect(stdout).toBe(
      './sessionctl.toml:2: profiles.a.env_file: cannot read ./.env: there is no such file. It is needed for DATABASE_URL, ZONE, REDIS_URL, which the environment does not set.\n',
    );
    const { stderr } = await run(['list']);
    expect(stderr).toContain('It is needed for DATABASE_URL, ZONE, REDIS_URL, which the environment');
    expect(stderr).not.toContain('is not set');
    const set = { DATABASE_URL: 'sqlite:a.db', ZONE: 'UTC', REDIS_URL: 'redis://127.0.0.1:1' };
    expect((await run(['list'], set)).stderr).toContain('env_file can be left out');
  });

  it('is no concern of other profiles, nor of a database that is named by its URL', async () => {
    const { run } = directoryWith(
      null,
      `default_profile = "b"\n${PROFILE}[profiles.b]\nurl = "sqlite:b.db"\n`,
    );
    expect((await run(['config', 'show'])).code).toBe(0);
    expect((await run(['--url', 'sqlite:c.db', 'config', 'show'])).code).toBe(0);
    expect((await run(['config', 'check'])).stdout).toContain('profiles.a.env_file: cannot read');
  });

  it('keeps the passwords of its URLs hidden', async () => {
    const { run } = directoryWith('DATABASE_URL=postgres://u:pa55word@127.0.0.1:1/d\n');
    const outcomes = [await run(['config', 'show']), await run(['list', '--verbose'])];
    expect(outcomes.map(({ code }) => code)).toEqual([0, 4]);
    for (const { stdout, stderr } of outcomes) expect(stdout + stderr).not.toContain('pa55word');
  });
});
