import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryDirectory } from '../config/temporary-directory.ts';
import { createMysql, createPostgres } from '../support/databases.ts';
import { runMain } from '../support/fake-system.ts';
import { freePort } from '../support/private-postgres.ts';
import { describeOn } from '../support/servers.ts';
import { startProxy } from '../support/tcp-proxy.ts';

/** `list` ends with 5 once it has reached a database, and found no session table in it. */
const reached = { code: 5, stderr: expect.stringContaining('no session table') as string };
const refused = (code: number, text: string) => ({ code, stderr: expect.stringContaining(text) as string });

async function list(url: string, env: Readonly<Record<string, string>> = {}) {
  const { code, stderr } = await runMain(['--url', url, 'list'], { env });
  return { code, stderr };
}

describeOn('postgresql', 'PostgreSQL', () => {
  it('is reached by what the URL says, wherever in it, and by the variables of libpq', async () => {
    const database = await createPostgres();
    const proxy = await startProxy(database.url);
    try {
      const { username, password, pathname } = new URL(database.url);
      const { hostname, port } = new URL(proxy.url);
      const [user, name] = [`user=${username}&password=${password}`, pathname.slice(1)];
      const dead = String(await freePort());
      const places = [
        `postgres:///${name}?host=${hostname}&port=${port}&${user}`,
        `postgres://no:one@${hostname}:${dead}/other?port=${port}&dbname=${name}&${user}`,
        `postgres://nowhere.invalid/${name}?hostaddr=127.0.0.1&port=${port}&${user}`,
        `postgres://${hostname}:${dead},${hostname}:${port}/${name}?target_session_attrs=read-write&${user}`,
      ];
      for (const url of places) expect(await list(url)).toEqual(reached);
      const variables = { PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: password };
      expect(await list(`postgres:///${name}`, variables)).toEqual(reached);
      // All of them went by this way, or they would go on.
      proxy.refuse(true);
      for (const url of places) expect((await list(url)).code).toBe(4);
      expect((await list(`postgres:///${name}`, variables)).code).toBe(4);
    } finally {
      await proxy.stop();
      await database.drop();
    }
  });

  it('gets options and patience, and has to be what target_session_attrs asks for', async () => {
    const database = await createPostgres();
    try {
      const on = (parameters: string, env = {}) => list(`${database.url}?${parameters}`, env);
      expect(await on('application_name=x&options=-c%20search_path%3Dpublic')).toEqual(reached);
      // The server refuses to begin with a setting that it does not know.
      expect((await on('options=-c%20no_such_setting%3D1')).stderr).toMatch(/42704|no_such_setting/);
      const variables = { PGOPTIONS: '-c no_such_setting=1' };
      expect((await on('connect_timeout=9', variables)).stderr).toMatch(/42704|no_such_setting/);
      expect(await on('connect_timeout=soon')).toEqual(refused(3, 'connect_timeout of the database URL'));
      expect(await on('', { PGCONNECT_TIMEOUT: 'soon' })).toEqual(refused(3, 'PGCONNECT_TIMEOUT'));
      expect(await on('target_session_attrs=primary')).toEqual(reached);
      expect(await on('target_session_attrs=standby')).toEqual(refused(4, 'no host is a standby'));
      expect(await on('', { PGTARGETSESSIONATTRS: 'prefer-standby' })).toEqual(
        refused(3, 'PGTARGETSESSIONATTRS'),
      );
      expect(await on('', { PGTZ: 'Asia/Kolkata', PGDATESTYLE: 'German, DMY' })).toEqual(reached);
    } finally {
      await database.drop();
    }
  });
});

describeOn('mysql', 'MySQL', () => {
  it('asks for time_zone where the URL says timezone', async () => {
    const database = await createMysql();
    try {
      expect(await list(`${database.url}?timezone=Z`)).toEqual(refused(3, 'time_zone'));
      expect(await list(`${database.url}?timezone=Z`, { SESSIONCTL_TIME_ZONE: 'UTC' })).toEqual(reached);
      expect(await list(`${database.url}?connectTimeout=soon`)).toEqual(refused(3, 'connectTimeout'));
    } finally {
      await database.drop();
    }
  });
});

it("names the file that Prisma's relative path means, and makes none", async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory.path, 'prisma'));
  writeFileSync(join(directory.path, 'prisma', 'dev.db'), '');
  const run = async (url: string, ...argv: string[]) => {
    const { code, stderr } = await runMain(['--url', url, ...argv], { cwd: directory.path });
    return { code, stderr };
  };
  const url = 'file:./dev.db?connection_limit=1&socket_timeout=3';
  for (const command of [['list'], ['schema', 'migrate', '--yes']]) {
    const { code, stderr } = await run(url, ...command);
    expect(code).toBe(4);
    expect(stderr).toContain(`cannot open ${directory.path}/dev.db`);
    expect(stderr).toContain(`Give the URL file:${directory.path}/prisma/dev.db.`);
  }
  expect((await run('file:./other.db', 'list')).stderr).toContain('schema.prisma');
  expect(await run('file:./prisma/dev.db?connection_limit=1', 'list')).toEqual(reached);
  expect(await run('file:./prisma/dev.db?mode=ro', 'revoke-all', '--everyone', '--yes')).toEqual(
    refused(3, 'prisma/dev.db read-only'),
  );
  expect(readdirSync(directory.path)).toEqual(['prisma']);
});

it('shows no value of a parameter that may be a secret', async () => {
  const directory = temporaryDirectory();
  const urls = [
    'libsql://db.example.com?authToken=hunter2',
    'postgres://db/x?api_key=hunter2',
    'sqlite:a.db?authToken=hunter2',
    'mysql://db/x?token=hunter2&charset=utf8',
    'host=db password=hunter2 dbname=x',
  ];
  for (const url of urls) {
    for (const argv of [
      ['config', 'show'],
      ['config', 'show', '--json'],
      ['list'],
      ['list', '--json', '-v'],
      ['doctor'],
    ]) {
      const { stdout, stderr } = await runMain(['--url', url, ...argv], { cwd: directory.path });
      expect(stdout + stderr).not.toContain('hunter2');
    }
  }
  const file = directory.write('sessionctl.toml', '[profiles.p]\nurl = "postgres://db/x?api_key=hunter2"\n');
  const { code, stdout, stderr } = await runMain(['--config', file, 'config', 'check']);
  expect(code).toBe(3);
  expect(stdout).toContain('sessionctl.toml:2: profiles.p.url: has the parameter "api_key"');
  expect(stdout + stderr).not.toContain('hunter2');
  const variables = { PGPASSWORD: 'hunter2', PGOPTIONS: 'hunter2', PGSSLMODE: 'require' };
  const shown = await runMain(['--url', 'postgres://db/x', 'config', 'show'], { env: variables });
  expect(shown.stdout).toMatch(/PGSSLMODE +require +variable PGSSLMODE/);
  expect(shown.stdout).not.toContain('hunter2');
});
