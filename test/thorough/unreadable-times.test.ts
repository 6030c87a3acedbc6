import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { signIn, signUp, type Person, type SignIn } from '../support/app.ts';
import { createDatabase } from '../support/databases.ts';
import { dumpTables } from '../support/dump.ts';
import { operatorOn, type Operator } from '../support/operator.ts';
import { describeOn } from '../support/servers.ts';
import { deploy, named, plainShape, type Deployment, type Shape } from '../support/shapes.ts';

interface Odd {
  readonly shape: Shape;
  /** A literal, and the state that the list shows of a session that expires then. */
  readonly values: readonly (readonly [literal: string, state: 'active' | 'expired'])[];
  /** Lets the database take such values. */
  readonly prepare?: string;
}

/** Values that the databases hold and that are no date to Better Auth. */
const odds: readonly Odd[] = [
  {
    shape: plainShape('postgresql'),
    values: [
      [`'infinity'`, 'active'],
      [`'-infinity'`, 'expired'],
      [`'0044-03-15 00:00:00 BC'`, 'expired'],
      [`'294276-12-31'`, 'active'],
    ],
  },
  {
    shape: named('postgresql: Drizzle, timestamp, snake case'),
    values: [
      [`'infinity'`, 'active'],
      [`'12026-01-01'`, 'active'],
    ],
  },
  {
    shape: plainShape('mysql'),
    values: [[`'0000-00-00 00:00:00'`, 'active']],
    prepare: `SET SESSION sql_mode = ''`,
  },
  {
    shape: named('mysql: Prisma, datetime(3)'),
    values: [
      [`'0000-00-00 00:00:00'`, 'active'],
      [`'2026-00-00 00:00:00'`, 'active'],
    ],
    prepare: `SET SESSION sql_mode = ''`,
  },
  {
    shape: plainShape('sqlite'),
    values: [
      [`''`, 'active'],
      [`'now'`, 'active'],
      [`x'00ff'`, 'active'],
      [`'0000-00-00T00:00:00.000Z'`, 'active'],
      ['8640000000000001', 'active'],
    ],
  },
  {
    shape: named('sqlite: Drizzle, integer milliseconds, snake case'),
    values: [
      [`current_timestamp`, 'active'],
      ['8640000000000001', 'active'],
      ['1895000000', 'active'],
    ],
  },
];

for (const { shape, values, prepare } of odds) {
  describeOn(shape.dialect, `a time that cannot be read: ${shape.name}`, () => {
    let deployment: Deployment;
    let operator: Operator;
    let ada: Person;
    let grace: Person;
    let odd: SignIn;
    let plain: SignIn;
    let ids: { readonly odd: string; readonly plain: string };
    const { column } = shape;
    const table = shape.table('session');

    beforeAll(async () => {
      deployment = await deploy(shape);
      ada = await signUp(deployment.app, 'Ada', 'ada@example.com');
      grace = await signUp(deployment.app, 'Grace', 'grace@example.com');
      operator = operatorOn(deployment.database.url, { timeZone: 'UTC', ...shape.profile });
      if (prepare !== undefined) await deployment.database.query(prepare);
    });
    beforeEach(async () => {
      const { app, database } = deployment;
      await database.query(`DELETE FROM ${table}`);
      const client = { ip: '192.0.2.1', userAgent: 'Firefox' };
      odd = await signIn(app, ada, client);
      plain = await signIn(app, grace, client);
      const idOf = async ({ token }: SignIn) => {
        const [row] = await database.query(`SELECT id FROM ${table} WHERE token = '${token}'`);
        return String(row?.['id']);
      };
      ids = { odd: await idOf(odd), plain: await idOf(plain) };
    });
    afterAll(async () => {
      await deployment.database.drop();
    });

    const set = (field: string, literal: string) =>
      deployment.database.query(
        `UPDATE ${table} SET ${column(field)} = ${literal} WHERE token = '${odd.token}'`,
      );
    const isIn = async ({ cookie }: SignIn) =>
      (await deployment.app.api.getSession({ headers: { cookie }, query: { disableRefresh: true } })) !==
      null;
    const left = async () =>
      (await deployment.database.query(`SELECT id FROM ${table}`)).map((row) => String(row['id']));
    const ran = async (code: number, ...words: readonly string[]) => {
      const done = await operator.run(words);
      expect(done.code, `${words.join(' ')}: ${done.stderr}`).toBe(code);
      return done;
    };

    for (const [literal, state] of values) {
      it(`${literal} as the expiry is shown, kept by a sweep and ended by name`, async () => {
        await set('expiresAt', literal);
        const listed = await ran(0, 'list', '--state', 'all', '--sort', 'expiresAt:desc', '-o', 'json');
        expect(JSON.parse(listed.stdout)).toMatchObject([
          { id: ids.plain, state: 'active' },
          { id: ids.odd, state, expiresAt: null },
        ]);
        expect(listed.stderr).toContain('1 session has a time that cannot be read');
        expect((await ran(0, 'list', '--state', 'all')).stdout).toContain('unreadable');
        expect((await ran(0, 'list', '--state', state, '-o', 'ids')).stdout).toContain(ids.odd);
        expect((await ran(0, 'list', '--expires-before', '2100-01-01', '-o', 'ids')).stdout).not.toContain(
          ids.odd,
        );
        await ran(0, 'show', ids.odd);
        await ran(0, 'stats');

        const before = await dumpTables(deployment.database);
        for (const dry of [['--dry-run'], []]) {
          const swept = await ran(0, 'sweep', '--json', ...dry);
          expect(JSON.parse(swept.stdout)).toMatchObject({ deleted: 0, remaining: 0, unreadable: 1 });
        }
        expect(await dumpTables(deployment.database)).toEqual(before);

        await ran(0, 'revoke', ids.odd, '--yes');
        expect(await left()).toEqual([ids.plain]);
        expect([await isIn(odd), await isIn(plain)]).toEqual([false, true]);
      });
    }

    const [first] = values;
    it('does not keep anything from the sessions beside it, and doctor says how to fix it', async () => {
      for (const field of ['createdAt', 'updatedAt', 'expiresAt']) await set(field, first?.[0] ?? '');
      await ran(0, 'limit', '--max', '5', '--dry-run');
      const ended = await ran(6, 'revoke-all', '--created-after', '1h', '--yes', '--json');
      expect(JSON.parse(ended.stdout)).toMatchObject({ revoked: 1, remaining: 0, unreadableTimes: 1 });
      expect(await left()).toEqual([ids.odd]);
      expect(await isIn(plain)).toBe(false);

      const examined = await operator.run(['doctor', '--json']);
      const { checks } = JSON.parse(examined.stdout) as {
        checks: { id: string; status: string; remedy: { text: string } | null }[];
      };
      const check = checks.find(({ id }) => id === 'times-readable');
      expect(check?.status).toBe('fail');
      for (const statement of (check?.remedy?.text ?? '').split(/;\n?/).filter((each) => each !== ''))
        await deployment.database.query(statement);
      expect((await ran(0, 'list', '--state', 'all')).stderr).not.toContain('cannot be read');
      await ran(0, 'revoke-all', '--user', 'ada@example.com', '--yes');
      expect(await left()).toEqual([]);
    });
  });
}

describe('an SQLite column of values in several forms', () => {
  const columns =
    'id text primary key, token text not null unique, "expiresAt", "createdAt", "updatedAt", "ipAddress" text, "userAgent" text, "userId" text not null';
  const listed = async (...statements: readonly string[]) => {
    const database = await createDatabase('sqlite');
    try {
      for (const statement of [`CREATE TABLE session (${columns})`, ...statements])
        await database.query(statement);
      const operator = operatorOn(database.url);
      const { code, stdout, stderr } = await operator.run(['list', '--state', 'all', '-o', 'jsonl']);
      expect(code, stderr).toBe(0);
      const swept = await operator.run(['sweep', '--json']);
      const rows = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      return { rows, stderr, swept: JSON.parse(swept.stdout) as Record<string, unknown> };
    } finally {
      await database.drop();
    }
  };

  it('is read in the form of most, and of two in that of the newest', async () => {
    const { rows, stderr } = await listed(
      `INSERT INTO session VALUES ('a', 'token a', '2030-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '', '', 'u')`,
      `INSERT INTO session VALUES ('b', 'token b', 1893456000000, 1767225600000, 1767225600000, '', '', 'u')`,
    );
    expect(rows.map(({ id, expiresAt }) => [id, expiresAt])).toEqual([
      ['b', '2030-01-01T00:00:00.000Z'],
      ['a', null],
    ]);
    expect(stderr).toContain('1 session has a time that cannot be read');
  });

  it('one of many, wherever it stands, is counted', async () => {
    const times = (encoding: string) => [encoding, encoding, encoding].join(', ');
    const { rows, stderr, swept } = await listed(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
       INSERT INTO session SELECT 's' || i, 't' || i, ${times("'2030-01-01T00:00:00.000Z'")}, '', '', 'u' FROM n`,
      `UPDATE session SET "expiresAt" = 1893456000000 WHERE id = 's200'`,
    );
    expect(rows).toHaveLength(400);
    expect(rows.filter(({ expiresAt }) => expiresAt === null).map(({ id }) => id)).toEqual(['s200']);
    expect(stderr).toContain('1 session has a time that cannot be read');
    expect(swept).toMatchObject({ deleted: 0, unreadable: 1 });
  });

  it.each(["'next tuesday'", "'01/02/2030'", '2462502.5', "x'00ff'", '-5', "''"])(
    'a column that holds %s alone is unknown, and its session is kept',
    async (value) => {
      const { rows, swept } = await listed(
        `INSERT INTO session VALUES ('a', 'token a', ${value}, ${value}, ${value}, '', '', 'u')`,
      );
      expect(rows).toMatchObject([{ id: 'a', state: 'active', createdAt: null, expiresAt: null }]);
      expect(swept).toMatchObject({ deleted: 0, unreadable: 1 });
    },
  );
});
