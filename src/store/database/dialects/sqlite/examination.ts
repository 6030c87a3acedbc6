import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ExaminationDialect, FoundObstacle } from '../examination-dialect.ts';

export const sqliteExamination: ExaminationDialect = {
  plan: null,

  async obstacles(knex, { name }, change) {
    const triggers = await knex.raw<readonly { readonly name: string; readonly sql: string }[]>(
      `SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = lower(?)`,
      [name],
    );
    const found = triggers
      .filter(({ sql }) => sql.search(new RegExp(String.raw`\b${change}\s(?:[^;]*?\s)?ON\s`, 'i')) >= 0)
      .map((trigger): FoundObstacle => ({
        kind: /\bRAISE\s*\(\s*IGNORE/i.test(trigger.sql) ? 'keeping trigger' : 'trigger',
        name: trigger.name,
        place: null,
      }));
    if (change === 'UPDATE') return found;
    const keys = await knex.raw<readonly { readonly name: string; readonly place: string }[]>(
      `SELECT key."from" AS name, m.name AS place FROM sqlite_master m, pragma_foreign_key_list(m.name) key
        WHERE m.type = 'table' AND lower(key."table") = lower(?) AND key.on_delete IN ('NO ACTION', 'RESTRICT')`,
      [name],
    );
    return [...found, ...keys.map((key): FoundObstacle => ({ kind: 'foreign key', ...key }))];
  },

  socketOf: null,

  async findReadOnly(knex) {
    const databases =
      await knex.raw<readonly { readonly name: string; readonly file: string }[]>('PRAGMA database_list');
    const file = databases.find(({ name }) => name === 'main')?.file ?? '';
    const mayWrite = (path: string) =>
      access(path, constants.W_OK).then(
        () => true,
        () => false,
      );
    if (!(await mayWrite(file))) return 'this user has no write permission on the file';
    // The journal is in the same directory.
    return (await mayWrite(dirname(file)))
      ? null
      : 'this user has no write permission on the directory of the file';
  },

  grant: () => Promise.resolve(null),
  seeAllRows: () => Promise.resolve(null),
  keepColumn: () => Promise.resolve(null),
};
