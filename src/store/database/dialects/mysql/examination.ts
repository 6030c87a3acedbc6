import type { Socket } from 'node:net';
import type { Knex } from 'knex';
import { quoted } from './schema.ts';
import type { ExaminationDialect, FoundObstacle } from '../examination-dialect.ts';

type Answer<Row> = readonly [readonly Row[], unknown];

interface Definition {
  readonly type: string;
  readonly nullable: string;
  readonly preset: string | null;
}

export const mysqlExamination: ExaminationDialect = {
  // "EXPLAIN requires the same privileges required to execute the explained statement" (manual of MySQL and of MariaDB).
  plan: (knex, statement) => knex.raw('EXPLAIN ?', [statement]),

  // A trigger can change the values that an UPDATE writes. It can stop a DELETE only by an error.
  async obstacles(knex, { name }, change) {
    const [triggers] = await knex.raw<Answer<{ readonly name: string; readonly timing: string }>>(
      'SELECT TRIGGER_NAME AS name, ACTION_TIMING AS timing FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = ? AND EVENT_MANIPULATION = ?',
      [name, change],
    );
    const found = triggers.map((trigger): FoundObstacle => ({
      kind: change === 'UPDATE' && trigger.timing === 'BEFORE' ? 'keeping trigger' : 'trigger',
      name: trigger.name,
      place: null,
    }));
    if (change === 'UPDATE') return found;
    const [keys] = await knex.raw<Answer<{ readonly name: string; readonly place: string }>>(
      `SELECT CONSTRAINT_NAME AS name, TABLE_NAME AS place FROM information_schema.REFERENTIAL_CONSTRAINTS
        WHERE UNIQUE_CONSTRAINT_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME = ? AND DELETE_RULE IN ('NO ACTION', 'RESTRICT')`,
      [name],
    );
    return [...found, ...keys.map((key): FoundObstacle => ({ kind: 'foreign key', ...key }))];
  },

  socketOf: (connection) => (connection as { readonly stream: Socket }).stream,

  async findReadOnly(knex) {
    const [rows] = await knex.raw<Answer<{ readonly readonly: number | string }>>(
      'SELECT @@GLOBAL.read_only AS `readonly`',
    );
    return Number(rows[0]?.readonly) === 0 ? null : 'read_only is on, as on a replica';
  },

  async grant(knex, right, { name }) {
    const [rows] = await knex.raw<Answer<{ readonly account: string; readonly place: string }>>(
      'SELECT CURRENT_USER() AS account, DATABASE() AS place',
    );
    const { account = '', place = '' } = rows[0] ?? {};
    const at = account.lastIndexOf('@');
    const whom = knex.raw('?@?', [account.slice(0, at), account.slice(at + 1)]).toQuery();
    return `GRANT ${right} ON ${quoted(place)}.${quoted(name)} TO ${whom};`;
  },

  seeAllRows: () => Promise.resolve(null),

  async keepColumn(knex, { name }, column) {
    const definition = await definitionOf(knex, name, column);
    if (definition === null) return null;
    const { type, nullable, preset } = definition;
    // With explicit_defaults_for_timestamp off, a definition without a default gets one automatically, and ON UPDATE
    // with it.
    const precision = /\(\d\)/.exec(type)?.[0] ?? '';
    const constraint =
      nullable === 'YES'
        ? 'NULL DEFAULT NULL'
        : preset === null && !type.startsWith('timestamp')
          ? 'NOT NULL'
          : `NOT NULL DEFAULT CURRENT_TIMESTAMP${precision}`;
    return `${knex.raw(`ALTER TABLE ?? MODIFY ?? ${type} ${constraint}`, [name, column]).toQuery()};`;
  },
};

/** Null where the type is not a time; only times can be set by an update. */
async function definitionOf(knex: Knex, table: string, column: string): Promise<Definition | null> {
  const [rows] = await knex.raw<Answer<Definition>>(
    'SELECT COLUMN_TYPE AS type, IS_NULLABLE AS nullable, COLUMN_DEFAULT AS preset FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COLUMN_NAME = ?',
    [table, column],
  );
  const [definition] = rows;
  return definition !== undefined && /^(?:timestamp|datetime)(?:\(\d\))?$/.test(definition.type)
    ? definition
    : null;
}
