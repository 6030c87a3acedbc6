import { afterEach, describe, expect, it } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/databases.ts';
import { operatorOn } from '../support/operator.ts';
import type { TestProfile } from '../support/run-sessionctl.ts';
import { describeOn, type Dialect } from '../support/servers.ts';

const opened: TestDatabase[] = [];
afterEach(async () => {
  for (const database of opened.splice(0)) await database.drop();
});

async function openDatabase(dialect: Dialect): Promise<TestDatabase> {
  const database = await createDatabase(dialect);
  opened.push(database);
  return database;
}

const PRINTABLE = Array.from({ length: 0x7f - 0x20 }, (_, at) => String.fromCharCode(0x20 + at)).join('');

/** Knex reads these as something else than one name. `other` is a decoy of its own where a query splits them. */
const refusedNames = (dialect: Dialect, other: string) => [
  `${other}.session`,
  '.session',
  'session.',
  `${other}?session`,
  'a??b',
  `a\\?b`,
  `${other} as session`,
  `${other} AS session`,
  'session[1]',
  '*',
  ' session',
  // MySQL has none such.
  ...(dialect === 'mysql' ? [] : ['session ']),
];

/** Every other printable character of ASCII, a few at once. */
const usableNames = [
  ...(PRINTABLE.replace(/[.?]/g, '').match(/.{1,12}/g) ?? []).map((some) => `other${some}session`),
  ':name',
  ':name:',
  "'; DROP TABLE session; --",
  '"',
  '`',
  '\\',
];

const expectedOf = (dialect: Dialect, other: string): Readonly<Record<string, string>> =>
  Object.fromEntries([
    ...usableNames.map((name) => [name, 'works'] as const),
    ...refusedNames(dialect, other).map((name) => [name, 'refused'] as const),
  ]);

const quoted = (dialect: Dialect, name: string) =>
  dialect === 'mysql' ? `\`${name.replaceAll('`', '``')}\`` : `"${name.replaceAll('"', '""')}"`;

const COLUMNS = ['id', 'token', 'userId', 'expiresAt', 'createdAt', 'updatedAt', 'ipAddress'];

function tableOf(dialect: Dialect, table: string, columns: readonly string[] = COLUMNS): string {
  const type = dialect === 'mysql' ? 'varchar(64)' : 'text';
  const time = { postgresql: 'timestamptz', mysql: 'datetime(3)', sqlite: 'text' }[dialect];
  const typed = columns.map((name, at) => `${quoted(dialect, name)} ${at > 2 && at < 6 ? time : type}`);
  return `CREATE TABLE ${table} (${typed.join(', ')})`;
}

function rowsOf(dialect: Dialect, table: string, ids: readonly string[]): string {
  const end = dialect === 'mysql' ? '' : dialect === 'sqlite' ? 'T00:00:00.000Z' : 'T00:00:00Z';
  const values = ids.map(
    (id) =>
      `('${id}', 'token-of-${id}', 'u1', '2036-01-01${end}', '2026-01-01${end}', '2026-01-01${end}', '203.0.113.7')`,
  );
  return `INSERT INTO ${table} VALUES ${values.join(', ')}`;
}

const count = async ({ query }: TestDatabase, table: string) => {
  const [row] = await query(`SELECT count(*) AS rows_left FROM ${table}`);
  return Number(row?.['rows_left']);
};

/** Revokes everything, and says whether exactly the meant table is empty, or nothing was done and exit 5 says why. */
async function outcomeOf(
  database: TestDatabase,
  profile: TestProfile,
  meant: string,
  decoys: readonly string[],
): Promise<string> {
  const operator = operatorOn(database.url, { timeZone: 'UTC', ...profile });
  const { code, stderr } = await operator.run(['revoke-all', '--ip', '203.0.113.0/24', '--yes']);
  const left = await count(database, meant);
  for (const decoy of decoys) if ((await count(database, decoy)) !== 3) return `${decoy} lost rows`;
  if (code === 0) return left === 0 ? 'works' : `exit 0 and ${String(left)} left`;
  if (code === 5 && stderr.includes('cannot use the name'))
    return left === 1 ? 'refused' : 'refused and changed';
  return `exit ${String(code)}: ${stderr}`;
}

describe.each<Dialect>(['postgresql', 'mysql', 'sqlite'])('%s', (dialect) => {
  describeOn(dialect, 'a name of any characters', () => {
    const q = (name: string) => quoted(dialect, name);

    it('of a table means that table or is refused', async () => {
      const database = await openDatabase(dialect);
      // What `other.session` would be: a database of MySQL's, a schema of PostgreSQL's; of SQLite `main` is one.
      const beside = dialect === 'mysql' ? await openDatabase(dialect) : null;
      const other = beside === null ? 'other' : new URL(beside.url).pathname.slice(1);
      if (dialect === 'postgresql') await database.query('CREATE SCHEMA other');
      const apart = dialect === 'sqlite' ? [] : [`${q(other)}.${q('session')}`];
      const decoys = ['session', q(other), ...apart];
      for (const decoy of decoys) {
        await database.query(tableOf(dialect, decoy));
        await database.query(rowsOf(dialect, decoy, ['d1', 'd2', 'd3']));
      }
      const seen: Record<string, string> = {};
      const expected = expectedOf(dialect, other);
      for (const name of Object.keys(expected)) {
        await database.query(tableOf(dialect, q(name)));
        await database.query(rowsOf(dialect, q(name), ['meant']));
        const profile = { table: name, ...(dialect === 'postgresql' ? { databaseSchema: 'public' } : {}) };
        seen[name] = await outcomeOf(database, profile, q(name), decoys);
        await database.query(`DROP TABLE ${q(name)}`);
      }
      expect(seen).toEqual(expected);
    });

    it('of a column means that column or is refused', async () => {
      const database = await openDatabase(dialect);
      await database.query(tableOf(dialect, 'decoy'));
      await database.query(rowsOf(dialect, 'decoy', ['d1', 'd2', 'd3']));
      const expected = expectedOf(dialect, 'decoy');
      const seen: Record<string, string> = {};
      for (const name of Object.keys(expected)) {
        const columns = COLUMNS.map((column) => (column === 'ipAddress' ? name : column));
        await database.query(tableOf(dialect, 'session', columns));
        await database.query(rowsOf(dialect, 'session', ['meant']));
        seen[name] = await outcomeOf(database, { columns: { ipAddress: name } }, 'session', ['decoy']);
        await database.query('DROP TABLE session');
      }
      expect(seen).toEqual(expected);
    });

    it('of a column that is not used is no obstacle', async () => {
      const database = await openDatabase(dialect);
      for (const name of ['last.seen', 'really?', 'a as b', 's.expiresAt']) {
        const ending = dialect === 'sqlite' ? ', PRIMARY KEY (id)) WITHOUT ROWID' : ')';
        const columns = tableOf(dialect, 'session').replace('(', `(${q(name)} varchar(64), `);
        await database.query(columns.replace(/\)$/, ending));
        await database.query(rowsOf(dialect, 'session', ['meant']).replace("('meant'", "('x', 'meant'"));
        const operator = operatorOn(database.url, { timeZone: 'UTC' });
        for (const words of [['list'], ['show', 'meant'], ['stats'], ['sweep']])
          expect(await operator.run(words)).toMatchObject({ code: 0 });
        expect(await outcomeOf(database, {}, 'session', [])).toBe('works');
        await database.query('DROP TABLE session');
      }
    });
  });
});

describeOn('postgresql', 'a schema', () => {
  it('of any characters means that schema or is refused, by schema migrate too', async () => {
    const database = await openDatabase('postgresql');
    const q = (name: string) => quoted('postgresql', name);
    await database.query('CREATE SCHEMA other');
    const decoys = ['other.session', 'public.session'];
    for (const decoy of decoys) {
      await database.query(tableOf('postgresql', decoy));
      await database.query(rowsOf('postgresql', decoy, ['d1', 'd2', 'd3']));
    }
    const expected = expectedOf('postgresql', 'other');
    const seen: Record<string, string> = {};
    for (const name of Object.keys(expected)) {
      await database.query(`CREATE SCHEMA ${q(name)}`);
      const profile = { databaseSchema: name };
      const operator = operatorOn(database.url, { timeZone: 'UTC', ...profile });
      const migrated = await operator.run(['schema', 'migrate', '--yes']);
      if (migrated.code === 5) {
        await database.query(tableOf('postgresql', `${q(name)}.session`));
      } else if (migrated.code !== 0) {
        seen[name] = migrated.stderr;
        continue;
      } else {
        await database.query(
          `INSERT INTO ${q(name)}."user" (id, name, email, "emailVerified") VALUES ('u1', 'Ada', 'ada@example.com', true)`,
        );
      }
      await database.query(
        `INSERT INTO ${q(name)}.session (id, token, "userId", "expiresAt", "createdAt", "updatedAt", "ipAddress") VALUES ('meant', 'token-of-meant', 'u1', '2036-01-01', '2026-01-01', '2026-01-01', '203.0.113.7')`,
      );
      const revoked = await outcomeOf(database, profile, `${q(name)}.session`, decoys);
      seen[name] = migrated.code === (expected[name] === 'works' ? 0 : 5) ? revoked : migrated.stderr;
      await database.query(`DROP SCHEMA ${q(name)} CASCADE`);
    }
    expect(seen).toEqual(expected);
  });
});
