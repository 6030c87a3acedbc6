import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { makeAccount } from '../support/account.ts';
import { createDatabase, type TestDatabase } from '../support/databases.ts';
import { examine } from '../support/doctor.ts';
import { runMain } from '../support/fake-system.ts';
import { operatorOn } from '../support/operator.ts';
import { describeOn, type Dialect } from '../support/servers.ts';

const opened: TestDatabase[] = [];
afterEach(async () => {
  for (const database of opened.splice(0)) await database.drop();
});

const columns = (dialect: Dialect) => {
  const text = dialect === 'mysql' ? 'varchar(64)' : 'text';
  const time = { postgresql: 'timestamptz', mysql: 'datetime(3)', sqlite: 'date' }[dialect];
  return `id ${text} PRIMARY KEY, token ${text} NOT NULL, user_id ${text}, expires_at ${time}, created_at ${time}, updated_at ${time}`;
};

async function databaseWith(dialect: Dialect, ...statements: readonly string[]): Promise<TestDatabase> {
  const database = await createDatabase(dialect);
  opened.push(database);
  for (const statement of statements) await database.query(statement);
  return database;
}

const live = (table: string, id: string) =>
  `INSERT INTO ${table} VALUES ('${id}', 'token of ${id}', 'u1', now() + interval '1 day', now(), now())`;

describe.each<Dialect>(['postgresql', 'mysql', 'sqlite'])('%s', (dialect) => {
  describeOn(dialect, 'a view', () => {
    it('in place of the session table is refused as one, by schema migrate too', async () => {
      const { url } = await databaseWith(
        dialect,
        `CREATE TABLE kept (${columns(dialect)})`,
        'CREATE VIEW session AS SELECT * FROM kept',
      );
      for (const words of [['list'], ['revoke-all', '--everyone', '--yes'], ['schema', 'migrate', '--yes']]) {
        const { code, stderr } = await operatorOn(url, { timeZone: 'UTC' }).run(words);
        expect({ code, stderr }).toEqual({
          code: 5,
          stderr: expect.stringMatching(/session is a view/) as unknown,
        });
      }
    });

    it('beside the session table is of no concern', async () => {
      const { url } = await databaseWith(
        dialect,
        `CREATE TABLE session (${columns(dialect)})`,
        'CREATE VIEW sessions AS SELECT * FROM session',
      );
      expect(await operatorOn(url, { timeZone: 'UTC' }).run(['list'])).toMatchObject({ code: 0 });
    });
  });
});

describeOn('postgresql', 'two session tables', () => {
  const twoTables = () =>
    databaseWith(
      'postgresql',
      `CREATE TABLE session (${columns('postgresql')})`,
      live('session', 'used'),
      'CREATE SCHEMA backup',
      'CREATE TABLE backup.session AS TABLE session',
      `UPDATE backup.session SET id = 'copy'`,
    );

  it('are refused where nothing says which one is in use, with the way to choose', async () => {
    const { url } = await twoTables();
    const { code, stderr } = await operatorOn(url).run(['list', '-o', 'ids']);
    expect(code).toBe(5);
    expect(stderr).toMatch(/several session tables: backup\.session, public\.session/);
    expect(stderr).toMatch(/hint: Choose one.*database_schema = "backup"/);
  });

  it('of which the account may read one: that one', async () => {
    const database = await twoTables();
    await using account = await makeAccount(database);
    expect(await operatorOn(account.url).run(['list', '-o', 'ids'])).toMatchObject({
      code: 0,
      stdout: 'used\n',
    });
    expect(await operatorOn(account.url).run(['sweep', '--dry-run'])).toMatchObject({ code: 0 });
  });

  it('of which a search_path that is set finds one: that one', async () => {
    const database = await twoTables();
    const name = new URL(database.url).pathname.slice(1);
    await database.query(`ALTER DATABASE "${name}" SET search_path = backup, public`);
    expect(await operatorOn(database.url).run(['list', '-o', 'ids'])).toMatchObject({ stdout: 'copy\n' });
  });
});

describeOn('postgresql', 'a user table', () => {
  it('whose id is not known finds nobody by address, and says so', async () => {
    const { url } = await databaseWith(
      'postgresql',
      'CREATE TABLE users (user_id text PRIMARY KEY, email text)',
      `INSERT INTO users VALUES ('u1', 'ada@example.com')`,
      `CREATE TABLE session (${columns('postgresql').replace('user_id text', 'user_id text REFERENCES users')})`,
      live('session', 'used'),
    );
    const operator = operatorOn(url);
    const { code, stderr } = await operator.run(['list', '--user', 'ada@example.com']);
    expect({ code, stderr }).toEqual({
      code: 5,
      stderr: expect.stringMatching(/public\.users has no column.* id of a user[^]*user_columns/) as unknown,
    });
    expect(await operator.run(['list', '--user', 'u1', '-o', 'ids'])).toMatchObject({ stdout: 'used\n' });
    expect((await examine(url)).of('schema-recognised')).toMatchObject({
      status: 'warn',
      result: expect.stringContaining('public.users') as unknown,
    });
  });

  it('a session table with other names: those that are missing and those that are there', async () => {
    const { url } = await databaseWith(
      'postgresql',
      `CREATE TABLE session (${columns('postgresql').replace('id text', 'session_id text').replace('expires_at', 'expires')})`,
    );
    const { code, stderr } = await operatorOn(url).run(['list']);
    expect(code).toBe(5);
    expect(stderr).toMatch(/lacks id, expiresAt/);
    expect(stderr).toMatch(/session_id, expires\..*columns = \{ id = "…", expiresAt = "…" \}/);
  });
});

describeOn('postgresql', 'config init --auth, where an adapter renames fields', () => {
  it('takes the names that the database has, and works with them', async () => {
    const { url, query } = await databaseWith(
      'postgresql',
      'CREATE TABLE "User" (id text PRIMARY KEY, first_name text, email text)',
      `CREATE TABLE "Session" (${columns('postgresql').replace('token', '"sessionToken"').replace('expires_at', 'expires')}, ip_addr text)`,
      'CREATE TABLE "VerificationToken" (id text PRIMARY KEY, identifier text, token text, expires timestamptz)',
      `INSERT INTO "User" VALUES ('u1', 'Ada', 'ada@example.com')`,
      live('"Session"', 'used'),
      `INSERT INTO "VerificationToken" VALUES ('v1', 'a', 'b', now() - interval '1 day')`,
    );
    const directory = mkdtempSync(join(inject('temporaryDirectory'), 'nextauth-'));
    const [auth, file] = [join(directory, 'auth.ts'), join(directory, 'sessionctl.toml')];
    writeFileSync(
      auth,
      `import { betterAuth } from 'better-auth';
import { prismaAdapter } from 'better-auth/adapters/prisma';
import prisma from './prisma';
export const auth = betterAuth({
  database: prismaAdapter(prisma, { provider: 'postgresql' }),
  user: { fields: { name: 'firstName' } },
  session: { modelName: 'Session', fields: { token: 'sessionToken', expiresAt: 'expires', ipAddress: 'ip' } },
  verification: { modelName: 'VerificationToken', fields: { value: 'token', expiresAt: 'expires' } },
});`,
    );
    const env = { DATABASE_URL: url, XDG_STATE_HOME: directory };
    const made = await runMain(
      ['config', 'init', '--auth', auth, '--url-env', 'DATABASE_URL', '--file', file, '--no-input'],
      { env },
    );
    expect(made.code, made.stderr).toBe(0);
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(/^columns = \{ token = "sessionToken", expiresAt = "expires" \}/m);
    expect(text).toMatch(/^user_columns = \{ name = "first_name" \}/m);
    expect(text).toMatch(/session\.fields\.ipAddress is "ip" to the adapter/);
    const run = (...words: readonly string[]) => runMain(['--config', file, ...words], { env });
    expect(await run('list', '--user', 'ada@example.com', '-o', 'ids')).toMatchObject({ stdout: 'used\n' });
    expect((await run('sweep', '--verifications')).code).toBe(0);
    expect(await query('SELECT id FROM "VerificationToken"')).toEqual([]);
    expect((await run('revoke-all', '--everyone', '--yes')).code).toBe(0);
    expect(await query('SELECT id FROM "Session"')).toEqual([]);
  });
});

describeOn('postgresql', 'tables that inherit from the session table', () => {
  it('are counted, and swept in batches', async () => {
    const { url, query } = await databaseWith(
      'postgresql',
      `CREATE TABLE session (${columns('postgresql')})`,
      'CREATE TABLE session_2026 () INHERITS (session)',
      `INSERT INTO session_2026 SELECT 'c' || n, repeat('t', 200) || n, 'u1', now() - interval '1 day', now(), now() FROM generate_series(1, 3000) n`,
      live('session_2026', 'alive'),
      'ANALYZE',
    );
    const operator = operatorOn(url);
    const swept = await operator.run(['sweep', '--json', '--batch-size', '500']);
    const report = JSON.parse(swept.stdout) as { readonly deleted: number; readonly batches: number };
    expect(report.deleted).toBe(3000);
    expect(report.batches).toBeGreaterThan(3);
    expect(await operator.run(['revoke-all', '--everyone', '--yes'])).toMatchObject({ code: 0 });
    expect(await query('SELECT id FROM session')).toEqual([]);
  });
});
