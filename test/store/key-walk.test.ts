import type { Database } from 'better-sqlite3';
import knex from 'knex';
import { expect, it } from 'vitest';
import { keyWalk, type WalkedKind } from '../../src/store/database/dialects/key-walk.ts';
import { describeOn } from '../support/servers.ts';

describeOn('sqlite', 'the rows that SQLite looks at for a piece', () => {
  it.each<[WalkedKind, string, string]>([
    ['rowid', 's.rowid', 'CREATE TABLE session (id integer PRIMARY KEY)'],
    ['text', 's.id', 'CREATE TABLE session (id text PRIMARY KEY) WITHOUT ROWID'],
  ])('are those of the piece, also where the walk ends far behind it (%s)', async (kind, column, table) => {
    let looked = 0;
    const sqlite = knex({
      client: 'better-sqlite3',
      useNullAsDefault: true,
      connection: { filename: ':memory:' },
      pool: {
        min: 1,
        max: 1,
        afterCreate: (database: Database, done: (error: null, database: Database) => void) => {
          database.function('looked_at', () => (looked += 1));
          done(null, database);
        },
      },
    });
    try {
      await sqlite.raw(table);
      await sqlite.raw(
        `WITH RECURSIVE n(x) AS (SELECT 1000 UNION ALL SELECT x + 1 FROM n WHERE x < 1999) INSERT INTO session SELECT x FROM n`,
      );
      const walk = keyWalk(sqlite, sqlite.raw('session AS s'), column, kind);
      const [from, until] = kind === 'rowid' ? [1099, 1899] : ['1099', '1899'];
      const { condition, next } = await walk.piece(from, 10, until);
      const rows = await sqlite.from(sqlite.raw('session AS s')).whereRaw('looked_at() > 0').where(condition);
      expect(rows).toHaveLength(10);
      expect(String(next)).toBe('1109');
      expect(looked).toBe(10);
    } finally {
      await sqlite.destroy();
    }
  });
});
