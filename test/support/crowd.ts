import { literal, type TestDatabase } from './databases.ts';
import { quoteFor } from './drizzle-tables.ts';
import type { Dialect } from './servers.ts';
import type { Shape } from './shapes.ts';

/** A great many sessions, made by the database itself, on tables under Better Auth's own names. */
export interface Crowd {
  /** Ends what is left of the last crowd and makes a new one. */
  readonly gather: () => Promise<void>;
  /** How many sessions there are, whoever made them. */
  readonly count: () => Promise<number>;
  /** What is neither as it was nor ended together with all that hangs on it. Nothing, however a run ended. */
  readonly halfDone: () => Promise<readonly string[]>;
}

export interface CrowdOptions {
  readonly sessions: number;
  /** So many of them have an OAuth access token, a refresh token and an offline one; undefined where there are no tables. */
  readonly withTokens?: number;
  /** All of them have expired, half a day ago. */
  readonly expired?: boolean;
  /** The database takes a while to delete them, few as they are: for tests that come upon a run in the middle. */
  readonly slowly?: boolean;
}

const tokenKinds = [
  { table: 'oauthAccessToken', prefix: 'a-', scopes: '["openid"]', outlives: false },
  { table: 'oauthRefreshToken', prefix: 'r-', scopes: '["openid"]', outlives: false },
  { table: 'oauthRefreshToken', prefix: 'o-', scopes: '["openid","offline_access"]', outlives: true },
] as const;

const userId = 'crowd';
const day = 24 * 60 * 60 * 1000;

export function crowdOf(
  { database, shape }: { readonly database: Pick<TestDatabase, 'query'>; readonly shape: Shape },
  { sessions, withTokens, expired = false, slowly = false }: CrowdOptions,
): Crowd {
  const q = quoteFor(shape.dialect);
  const text = (value: string) => literal(shape.dialect, value);
  const insert = (table: string, values: Readonly<Record<string, string>>, from = '') =>
    database.query(
      `INSERT INTO ${q(table)} (${Object.keys(values).map(q).join(', ')}) SELECT ${Object.values(values).join(', ')} ${from}`,
    );
  const numberOf = async (query: string) => Number((await database.query(query))[0]?.['found']);
  const created = shape.encode(new Date(Date.now() - day));
  const expires = shape.encode(new Date(Date.now() + (expired ? -day / 2 : day)));

  return {
    gather: async () => {
      const tokenTables =
        withTokens === undefined ? [] : ['oauthAccessToken', 'oauthRefreshToken', 'oauthClient'];
      const tables = [...tokenTables, 'session'];
      await database.query(
        `DROP TRIGGER IF EXISTS slowly${shape.dialect === 'postgresql' ? ' ON session' : ''}`,
      );
      // PostgreSQL would keep the pages of whoever is deleted, and the next crowd would stand behind them.
      if (shape.dialect === 'postgresql')
        await database.query(`TRUNCATE ${tables.map(q).join(', ')} CASCADE`);
      else for (const table of tables) await database.query(`DELETE FROM ${q(table)}`);
      await database.query(`DELETE FROM ${q('user')} WHERE id = ${text(userId)}`);
      await insert('user', {
        id: text(userId),
        name: text('Crowd'),
        email: text('crowd@example.com'),
        emailVerified: 'FALSE',
        createdAt: created,
        updatedAt: created,
      });
      const id = `CONCAT('session-', ${scattered})`;
      const times = { createdAt: created, updatedAt: created, expiresAt: expires };
      await insert(
        'session',
        {
          id,
          token: `CONCAT('token-of-', ${id})`,
          userId: text(userId),
          ipAddress: text('192.0.2.1'),
          userAgent: `CONCAT('agent of ', ${id})`,
          ...times,
        },
        `FROM ${numbersBelow(sessions)}`,
      );
      if (slowly) for (const statement of slowdown[shape.dialect]) await database.query(statement);
      if (withTokens === undefined) return;
      await insert('oauthClient', { id: text('client'), clientId: text('client'), redirectUris: text('[]') });
      for (const { table, prefix, scopes } of tokenKinds) {
        await insert(
          table,
          {
            id: `CONCAT(${text(prefix)}, ${id})`,
            token: `CONCAT('secret of ${prefix}', ${id})`,
            clientId: text('client'),
            userId: text(userId),
            sessionId: id,
            scopes: text(scopes),
            createdAt: created,
            expiresAt: expires,
          },
          `FROM ${numbersBelow(withTokens)}`,
        );
      }
    },

    count: () => numberOf('SELECT count(*) AS found FROM session'),

    halfDone: async () => {
      const changed = await numberOf(
        `SELECT count(*) AS found FROM session WHERE ${q('userId')} = ${text(userId)} AND NOT
           (token = CONCAT('token-of-', id) AND ${q('userAgent')} = CONCAT('agent of ', id)
            AND ${q('createdAt')} = ${created} AND ${q('updatedAt')} = ${created} AND ${q('expiresAt')} = ${expires})`,
      );
      const found = [{ what: 'sessions that are changed', count: changed }];
      if (withTokens !== undefined) {
        for (const { table, prefix, outlives } of tokenKinds) {
          const count = (condition: string) =>
            numberOf(
              `SELECT count(*) AS found FROM ${q(table)} t LEFT JOIN session s ON s.id = SUBSTR(t.id, 3)
                WHERE SUBSTR(t.id, 1, 2) = ${text(prefix)} AND ${condition}`,
            );
          const name = `tokens ${prefix}`;
          found.push(
            {
              what: `${name} revoked or unbound while their session lives`,
              count: await count(
                `s.id IS NOT NULL AND (t.revoked IS NOT NULL OR t.${q('sessionId')} IS NULL)`,
              ),
            },
            {
              what: outlives ? `${name} revoked that were not meant` : `${name} alive without their session`,
              count: await count(`s.id IS NULL AND t.revoked IS ${outlives ? 'NOT NULL' : 'NULL'}`),
            },
          );
        }
      }
      return found.filter(({ count }) => count > 0).map(({ what, count }) => `${String(count)} ${what}`);
    },
  };
}

/** Two milliseconds for one row in ten, so that a batch of two hundred takes what a transaction may take. */
const slowRow = `OLD.id LIKE '%7'`;
const slowdown: Readonly<Record<Dialect, readonly string[]>> = {
  postgresql: [
    `CREATE OR REPLACE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN PERFORM pg_sleep(0.002); RETURN OLD; END $$`,
    `CREATE TRIGGER slowly BEFORE DELETE ON session FOR EACH ROW WHEN (${slowRow}) EXECUTE FUNCTION slowly()`,
  ],
  mysql: [
    `CREATE TRIGGER slowly BEFORE DELETE ON session FOR EACH ROW
       IF ${slowRow} THEN DO SLEEP(0.002); END IF`,
  ],
  // SQLite cannot wait, so it counts.
  sqlite: [
    `CREATE TRIGGER slowly BEFORE DELETE ON session WHEN ${slowRow}
       BEGIN SELECT sum(a.value * b.value) FROM json_each('[${'1,'.repeat(200)}1]') a, json_each('[${'1,'.repeat(50)}1]') b; END`,
  ],
};

const digits = Array.from({ length: 10 }, (_, digit) => `SELECT ${String(digit)} AS d`).join(' UNION ALL ');
/** The numbers below this one, which is 100,000 at most, as every database can count: as `n` of a derived table. */
function numbersBelow(limit: number): string {
  const places = ['a', 'b', 'c', 'e', 'f'].slice(0, Math.max(1, Math.ceil(Math.log10(limit))));
  const sum = places.map((place, power) => `${String(10 ** power)} * ${place}.d`).join(' + ');
  const from = places.map((place) => `(${digits}) ${place}`).join(' CROSS JOIN ');
  return `(SELECT ${sum} AS n FROM ${from}) numbers WHERE n < ${String(limit)}`;
}
/** Different for each of them, and in an order that has nothing to do with theirs, as random ids are. */
const scattered = '(n * 7919) % 100003';
