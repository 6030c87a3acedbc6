import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeAccount } from '../support/account.ts';
import { quoteFor } from '../support/drizzle-tables.ts';
import { HELD } from '../support/faults.ts';
import { operatorOn } from '../support/operator.ts';
import { describeOn, type Dialect, type ServerDialect } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { returningApp } from '../support/ways-back.ts';

const included = ['--include', 'device-codes,verifications,trusted-devices,api-keys'] as const;
const words = ['revoke-all', '--user', 'ada@example.com', '--yes', '--json', ...included] as const;

interface Report {
  readonly revoked: number;
  readonly outlives: Readonly<Record<string, { readonly found: number; readonly ended: number } | null>>;
}

async function scene(dialect: Dialect) {
  const deployment = await returningApp(dialect);
  onTestFinished(() => deployment.database.drop());
  const ada = await deployment.returning('ada@example.com');
  return { ...deployment, ada, operator: operatorOn(deployment.database.url) };
}

/** Statements that have every DELETE of a verification fail. */
const refusing = {
  postgresql: [
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$`,
    `CREATE TRIGGER refuse BEFORE DELETE ON "verification" FOR EACH ROW EXECUTE FUNCTION refuse()`,
  ],
  mysql: [
    `CREATE TRIGGER refuse BEFORE DELETE ON verification FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not today'`,
  ],
  sqlite: [
    `CREATE TRIGGER refuse BEFORE DELETE ON "verification" BEGIN SELECT RAISE(ABORT, 'not today'); END`,
  ],
} as const satisfies Readonly<Record<Dialect, readonly string[]>>;

/** And those that have none of a device code delete anything. */
const keeping = {
  postgresql: [
    `CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$`,
    `CREATE TRIGGER keep BEFORE DELETE ON "deviceCode" FOR EACH ROW EXECUTE FUNCTION keep()`,
  ],
  sqlite: [`CREATE TRIGGER keep BEFORE DELETE ON "deviceCode" BEGIN SELECT RAISE(IGNORE); END`],
} as const;

const isWaiting = {
  postgresql: `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  mysql: `SELECT 1 FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND INFO LIKE 'DELETE%deviceCode%' AND INFO NOT LIKE '%1 = 0%'`,
} as const satisfies Readonly<Record<ServerDialect, string>>;

describe('--include, where something goes wrong half-way', () => {
  for (const dialect of ['postgresql', 'mysql'] as const)
    describeOn(dialect, dialect, () => {
      it('a right is missing on one of the tables: nothing is changed', async () => {
        const { database, ada } = await scene(dialect);
        await using account = await makeAccount(database);
        for (const table of ['session', 'verification']) await account.grant('DELETE', table);
        await account.grant('UPDATE', 'apikey');
        const ran = await operatorOn(account.url).run(words);
        expect(ran).toMatchObject({ code: 4, stdout: '' });
        expect(ran.stderr).toMatch(/the account lacks the right to DELETE on (public\.)?deviceCode/);
        expect(ran.stderr).toContain('Nothing was changed');
        expect(await ada.sessions()).toBeGreaterThan(0);
        for (const use of [ada.ways.trustedDevice, ada.ways.magicLink, ada.ways.apiKey])
          expect(await use()).toBe(true);
      });

      it('another program holds a row: it waits', async () => {
        const { database, ada, operator } = await scene(dialect);
        if (database.dialect === 'sqlite') throw new Error('no server');
        const q = quoteFor(dialect);
        const lock = `SELECT id FROM ${q('deviceCode')} FOR UPDATE`;
        const release = await (async () => {
          if (database.dialect === 'postgresql') {
            const client = await database.pool.connect();
            await client.query('BEGIN');
            await client.query(lock);
            return async () => {
              await client.query('ROLLBACK');
              client.release();
            };
          }
          const connection = await database.pool.getConnection();
          await connection.query('BEGIN');
          await connection.query(lock);
          return async () => {
            await connection.query('ROLLBACK');
            connection.release();
          };
        })();
        const running = operator.run(words);
        await until(
          'sessionctl waits for the row',
          async () => (await database.query(isWaiting[dialect])).length > 0,
        );
        // Longer than a single attempt.
        await sleep(HELD);
        await release();
        const ran = await running;
        expect(ran.code, ran.stderr).toBe(0);
        expect((JSON.parse(ran.stdout) as Report).outlives['device-codes']).toEqual({ found: 1, ended: 1 });
        expect(await ada.ways.device()).toBe(false);
        expect(await ada.sessions()).toBe(0);
      });
    });

  for (const dialect of ['postgresql', 'mysql', 'sqlite'] as const)
    describeOn(dialect, dialect, () => {
      it('one table refuses: it ends there, says what was done, and goes on later', async () => {
        const { database, ada, operator } = await scene(dialect);
        for (const statement of refusing[dialect]) await database.query(statement);
        const ran = await operator.run(words);
        expect(ran.code).not.toBe(0);
        expect(ran.stderr).toContain('0 sessions and 1 approved device code had been ended');
        expect(ran.stderr).toContain('un the same command again');
        const report = JSON.parse(ran.stdout) as Report;
        expect(report).toMatchObject({ revoked: 0, stoppedBecause: 'failed', effectiveAt: null });
        expect(report.outlives).toMatchObject({
          'device-codes': { found: 1, ended: 1 },
          verifications: { found: 3, ended: 0 },
          'api-keys': { found: 1, ended: 0 },
        });
        expect(await ada.sessions()).toBeGreaterThan(0);
        expect(await ada.ways.apiKey()).toBe(true);

        const drop =
          dialect === 'postgresql' ? 'DROP TRIGGER refuse ON "verification"' : 'DROP TRIGGER refuse';
        await database.query(drop);
        const again = await operator.run(words);
        expect(again.code, again.stderr).toBe(0);
        expect((JSON.parse(again.stdout) as Report).outlives).toMatchObject({
          'device-codes': { found: 0, ended: 0 },
          verifications: { found: 3, ended: 3 },
          'api-keys': { found: 1, ended: 1 },
        });
        expect(await ada.sessions()).toBe(0);
        for (const use of Object.values(ada.ways)) expect(await use()).toBe(false);
      });
    });

  for (const dialect of ['postgresql', 'sqlite'] as const)
    describeOn(dialect, dialect, () => {
      it('a trigger keeps a row: the second look finds it', async () => {
        const { database, ada, operator } = await scene(dialect);
        for (const statement of keeping[dialect]) await database.query(statement);
        const ran = await operator.run(words);
        expect(ran.code).toBe(9);
        expect(ran.stderr).toContain('1 approved device code that should be gone still works');
        const report = JSON.parse(ran.stdout) as Report;
        expect(report.revoked).toBeGreaterThan(0);
        expect(report.outlives['device-codes']).toEqual({ found: 1, ended: 0 });
        expect(await database.query(`SELECT 1 FROM "deviceCode"`)).toHaveLength(1);
        expect(await ada.sessions()).toBe(0);
        expect(await ada.ways.apiKey()).toBe(false);
      });
    });
});
