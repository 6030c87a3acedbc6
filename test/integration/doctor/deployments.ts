import { afterAll, beforeAll, expect, test } from 'vitest';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { DatabaseSettings } from '../../../src/config/settings.ts';
import { createRedactor } from '../../../src/redaction.ts';
import { openDatabaseStore } from '../../../src/store/database/open.ts';
import { everySession, signIn, signUp, type Person } from '../../support/app.ts';
import { literal } from '../../support/databases.ts';
import { examine } from '../../support/doctor.ts';
import { dumpTables } from '../../support/dump.ts';
import { describeOn, type Dialect } from '../../support/servers.ts';
import { deploy, named, type Deployment } from '../../support/shapes.ts';
import { quoteFor } from '../../support/drizzle-tables.ts';

const minute = 60_000;
const day = 24 * 60 * minute;

/** A deployment as Better Auth makes it, and then one fault after the other in it. */
export function examineDeployments(dialect: Dialect): void {
  describeOn(dialect, `doctor on ${dialect}`, () => {
    const q = quoteFor(dialect);
    let deployment: Deployment;
    let people: readonly Person[];

    beforeAll(async () => {
      deployment = await deploy(named(`${dialect}: own adapter, plugins and additional fields`));
      const { app } = deployment;
      const ada = await signUp(app, 'Ada', 'ada@example.com');
      const zoe = await signUp(app, 'Zoe', 'zoe@example.com');
      people = [ada, zoe];
      for (const [at, person] of [ada, zoe, ada].entries())
        await signIn(app, person, { ip: `192.0.2.${String(at + 1)}`, userAgent: 'Firefox' });
    });
    afterAll(() => deployment.database.drop());

    test('of a healthy deployment nothing is said, and nothing is changed', async () => {
      const { database, app } = deployment;
      const before = await dumpTables(database);
      const { wrong, code, stderr, checks } = await examine(database.url);
      expect({ wrong, code, stderr }).toEqual({ wrong: [], code: 0, stderr: '' });
      expect(checks.length).toBeGreaterThan(24);
      expect(new Set(checks.map(({ id }) => id)).size).toBe(checks.length);
      expect(await dumpTables(database)).toEqual(before);
      expect(
        await everySession(
          app,
          people.map(({ id }) => id),
        ),
      ).toHaveLength(3);
    });

    test('each planted fault is found, with something to paste', async () => {
      const { database, shape } = deployment;
      const table = shape.table('session');
      const [ada] = people;
      await loosen(deployment);
      let made = 0;
      const plant = (fields: Readonly<Record<string, string | null>>) => {
        made += 1;
        const now = new Date();
        const all: Readonly<Record<string, string>> = {
          id: literal(dialect, `planted-${String(made)}`),
          token: literal(dialect, `token-of-nobody-${String(made)}`),
          userId: literal(dialect, ada?.id ?? ''),
          createdAt: shape.encode(now),
          updatedAt: shape.encode(now),
          expiresAt: shape.encode(new Date(now.getTime() + day)),
          ipAddress: literal(dialect, '198.51.100.1'),
          channel: "'web'",
          ...Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, value ?? 'NULL'])),
        };
        const names = Object.keys(all).map(q).join(', ');
        return database.query(`INSERT INTO ${table} (${names}) VALUES (${Object.values(all).join(', ')})`);
      };
      const at = (offset: number) => shape.encode(new Date(Date.now() + offset));
      await plant({ userId: null });
      await plant({ createdAt: at(3 * day), expiresAt: at(5 * day) });
      await plant({ expiresAt: at(400 * day) });
      await plant({ impersonatedBy: literal(dialect, ada?.id ?? '') });
      // Users who are gone, many of them from one address, whose ports an early release stored.
      for (let user = 0; user < 30; user += 1)
        await plant({
          userId: literal(dialect, `gone-${String(user)}`),
          ipAddress: literal(dialect, `10.0.0.7:${String(4000 + user)}`),
        });
      const old = { createdAt: at(-30 * day), updatedAt: at(-30 * day), expiresAt: at(-23 * day) };
      for (let row = 0; row < 60; row += 1) await plant(old);
      // Not among the oldest and the newest, by which the encoding is learnt.
      if (dialect === 'sqlite') await plant({ id: "'unreadable'", createdAt: "'yesterday'" });
      for (let row = 0; row < 60; row += 1) await plant(old);

      const state = brokenHistory();
      const found = await examine(
        database.url,
        {
          mode: 0o644,
          session: 'expires_in = "7d"\nupdate_age = "7d"\ncookie_cache = { enabled = true, max_age = "2d" }',
          auth: 'secret = "short"\nbase_url = "http://app.example.com"',
        },
        { now: () => Date.now() + 90 * minute, env: { XDG_STATE_HOME: state } },
      );
      expect(found.wrong).toEqual(
        [
          'auth-secret: fail',
          'base-url: fail',
          'clock-skew: warn',
          'config-permissions: fail',
          'cookie-cache: warn',
          'expired-backlog: warn',
          'future-sessions: warn',
          'history-intact: fail',
          'index-token: fail',
          'index-user: warn',
          'long-lived-sessions: warn',
          ...(dialect === 'mysql' ? ['on-update: fail'] : []),
          'open-impersonations: warn',
          'orphan-sessions: warn',
          'ownerless-sessions: warn',
          'session-lengths: warn',
          'shared-address: warn',
          ...(dialect === 'sqlite' ? ['times-readable: fail'] : []),
        ].sort(),
      );
      expect(found.code).toBe(1);
      for (const { status, remedy, explanation, inconclusive } of found.checks) {
        expect(explanation).not.toBe('');
        expect(inconclusive).toBe(false);
        expect(remedy === null).toBe(status === 'ok');
      }
      expect(found.stdout + found.stderr).not.toMatch(/token-of-nobody|short"/);
      // What is to be pasted is pasted.
      for (const id of ['index-token', 'index-user', 'on-update'])
        for (const statement of (found.checks.find((check) => check.id === id)?.remedy?.text ?? '').split(
          '\n',
        ))
          if (statement !== '') await database.query(statement.replace(/;$/, ''));
      const { text = '' } = found.of('orphan-sessions').remedy ?? {};
      for (const statement of text.split('\n')) await database.query(statement.replace(/;$/, ''));
      if (dialect === 'sqlite') await database.query(`DELETE FROM ${table} WHERE ${q('id')} = 'unreadable'`);
      const mended = await examine(database.url);
      expect(mended.wrong).toEqual([
        'expired-backlog: warn',
        'future-sessions: warn',
        'long-lived-sessions: warn',
        'open-impersonations: warn',
      ]);
    });

    test('of more sessions than are looked at, a sample of as many is taken', async () => {
      const settings: DatabaseSettings = {
        profile: null,
        url: deployment.database.url,
        timeZone: 'UTC',
        statementTimeout: 0,
        connectTimeout: 5000,
        replicas: [],
        tls: null,
        schema: { databaseSchema: null, table: null, userTable: null, columns: {}, userColumns: {} },
        cwd: '/',
      };
      const { signal } = new AbortController();
      const store = await openDatabaseStore(settings, { access: 'read', redactor: createRedactor(), signal });
      try {
        const { table } = await store.examination();
        const some = await table?.sample(20);
        expect(some?.isWhole).toBe(false);
        expect(some?.sessions).toHaveLength(20);
        expect(new Set(some?.sessions.map(({ id }) => id)).size).toBe(20);
        expect((await table?.sample(100_000))?.isWhole).toBe(true);
      } finally {
        await store.close();
      }
    });

    test('what cannot be opened is said, and the rest goes on', async () => {
      const nowhere = {
        postgresql: 'postgres://nobody@127.0.0.1:1/nowhere',
        mysql: 'mysql://nobody@127.0.0.1:1/nowhere',
        sqlite: 'sqlite:/nowhere/at/all.db',
      }[dialect];
      const { of, code } = await examine(nowhere);
      expect(code).toBe(1);
      expect(of('database-reachable').status).toBe('fail');
      expect(of('schema-recognised')).toMatchObject({ status: 'warn', inconclusive: true });
      expect(of('auth-secret').status).toBe('ok');
    });
  });

  /** Takes the foreign key and the indexes away, as a migration by hand may; and makes what else a test plants. */
  async function loosen({ database, shape }: Deployment): Promise<void> {
    const table = shape.table('session');
    if (dialect === 'postgresql') {
      await database.query(
        `ALTER TABLE ${table} DROP CONSTRAINT "session_userId_fkey", DROP CONSTRAINT "session_token_key", ALTER "userId" DROP NOT NULL`,
      );
      await database.query('DROP INDEX "session_userId_idx"');
    } else if (dialect === 'mysql') {
      const [key] = await database.query(
        "SELECT CONSTRAINT_NAME AS name FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'session' AND REFERENCED_TABLE_NAME = 'user'",
      );
      await database.query(`ALTER TABLE ${table} DROP FOREIGN KEY \`${String(key?.['name'])}\``);
      await database.query(
        `ALTER TABLE ${table} DROP INDEX \`token\`, DROP INDEX \`session_userId_idx\`, MODIFY userId varchar(36) NULL, MODIFY expiresAt timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)`,
      );
    } else {
      const [{ sql = '' } = {}] = (await database.query(
        `SELECT sql FROM sqlite_master WHERE name = 'session'`,
      )) as readonly { sql?: string }[];
      await database.query('PRAGMA foreign_keys = OFF');
      await database.query('DROP INDEX "session_userId_idx"');
      await database.query('ALTER TABLE session RENAME TO before');
      await database.query(
        sql
          .replace(/"token" text not null unique/, '"token" text not null')
          .replace(/"userId" text not null references "user" \("id"\) on delete cascade/, '"userId" text'),
      );
      await database.query('INSERT INTO session SELECT * FROM before');
      await database.query('DROP TABLE before');
    }
  }

  function brokenHistory(): string {
    const state = mkdtempSync(join(inject('temporaryDirectory'), 'state-'));
    mkdirSync(join(state, 'sessionctl'));
    writeFileSync(join(state, 'sessionctl', 'history.jsonl'), '{"no":"record"}\n');
    return state;
  }
}
