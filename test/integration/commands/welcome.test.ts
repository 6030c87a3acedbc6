import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runMain } from '../../support/fake-system.ts';
import { temporaryDirectory } from '../../config/temporary-directory.ts';

interface Report {
  readonly target: { readonly profile: string | null; readonly database: string } | null;
  readonly origin: string | null;
  readonly reachable: boolean | null;
  readonly activeSessions: number | null;
  readonly problem: string | null;
  readonly next: readonly string[];
}

const report = (stdout: string) => JSON.parse(stdout) as Report;

describe('sessionctl alone', () => {
  it('says that nothing is configured, and what to do', async () => {
    const { path } = temporaryDirectory();
    const { code, stdout, stderr } = await runMain([], { cwd: path });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /^database +none is configured\n\nnext\n {2}sessionctl config init .*\n {2}sessionctl demo /,
    );
    expect(report((await runMain(['--json'], { cwd: path })).stdout)).toEqual({
      target: null,
      origin: null,
      reachable: null,
      activeSessions: null,
      problem: null,
      next: ['sessionctl config init', 'sessionctl demo', 'sessionctl --help'],
    });
  });

  it('says where it is connected, what decided that, and how many sessions are active', async () => {
    const directory = temporaryDirectory();
    await runMain(['demo', 'auth.db', '--users', '3', '--sessions', '9'], { cwd: directory.path });
    directory.write('sessionctl.toml', '[profiles.shop]\nurl = "sqlite:auth.db"\n', 0o600);
    const active = await runMain(['list', '-o', 'ids'], { cwd: directory.path });
    const count = active.stdout.trim().split('\n').length;
    const { code, stdout, stderr } = await runMain([], { cwd: directory.path });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(
      `profile   shop\ndatabase  sqlite ${directory.path}/auth.db\nnamed by  ${directory.path}/sessionctl.toml:2\nanswers   yes, ${String(count)} active sessions\n`,
    );
    expect(stdout).toContain('  sessionctl list ');
    expect(report((await runMain(['--json'], { cwd: directory.path })).stdout)).toMatchObject({
      target: { profile: 'shop' },
      reachable: true,
      activeSessions: count,
    });
  });

  it.each([
    ['that nobody listens on', 'postgres://u:hunter2hunter2@127.0.0.1:1/d', /no server listens/],
    ['of a file that is not there', 'sqlite:absent.db', /absent\.db/],
  ])('never fails for a database %s', async (_title, url, reason) => {
    const { path } = temporaryDirectory();
    const { code, stdout, stderr } = await runMain([], { cwd: path, env: { DATABASE_URL: url } });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^answers +no: /m);
    expect(stdout).toMatch(reason);
    expect(stdout).toContain('named by  variable DATABASE_URL');
    expect(stdout + stderr).not.toContain('hunter2');
  });

  it('does not wait longer than two seconds for a database, and says so', async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const { code, stdout } = await runMain(['--json', '--url', `mysql://u@127.0.0.1:${String(port)}/d`]);
    expect(code).toBe(0);
    expect(report(stdout)).toMatchObject({ reachable: false, problem: 'no answer within 2 s' });
  });

  it('runs no command that prints a URL, and asks no database then', async () => {
    const directory = temporaryDirectory();
    directory.write('sessionctl.toml', '[profiles.a]\nurl_command = "touch was-run"\n', 0o600);
    const { code, stdout } = await runMain(['--json'], { cwd: directory.path });
    expect(code).toBe(0);
    expect(report(stdout)).toMatchObject({
      target: null,
      origin: `${directory.path}/sessionctl.toml:2`,
      reachable: null,
    });
    expect(report(stdout).problem).toContain('is not run for this');
    await expect(
      import('node:fs/promises').then(({ access }) => access(`${directory.path}/was-run`)),
    ).rejects.toThrow();
  });

  it('says what is wrong with a configuration', async () => {
    const directory = temporaryDirectory();
    directory.write('sessionctl.toml', '[profiles.a]\nurl = "${UNSET_HERE}"\n', 0o600);
    const { code, stdout } = await runMain([], { cwd: directory.path });
    expect(code).toBe(0);
    expect(stdout).toContain('the configuration cannot be used');
    expect(stdout).toContain('the variable UNSET_HERE is not set');
    expect(stdout).toContain('sessionctl config check');
  });

  it('refuses words and values that mean nothing', async () => {
    expect((await runMain(['-o', 'csv'])).code).toBe(2);
    expect((await runMain(['--url', ''])).code).toBe(2);
    expect((await runMain(['lst'])).code).toBe(2);
  });
});
