import type { Socket } from 'node:net';
import type { ExaminationDialect, FoundObstacle } from '../examination-dialect.ts';
import { quoted, regclassName, TABLE_TREE } from './regclass-name.ts';

interface State {
  readonly recovering: boolean;
  readonly account: string;
}

/**
 * Bits of `tgtype`: 1 for each row, 2 before, 8 delete, 16 update (pg_trigger.h). Only a trigger before each row can
 * keep the row. Partitions and child tables have their own triggers.
 */
const OBSTACLES = `
WITH RECURSIVE tree AS (${TABLE_TREE})
SELECT 'rule' AS kind, quote_ident(r.rulename) AS name, NULL AS place
  FROM pg_catalog.pg_rewrite r
 WHERE r.ev_class = CAST(:name AS regclass) AND r.ev_type = :event AND r.is_instead AND r.ev_enabled <> 'D'
UNION
SELECT CASE WHEN (t.tgtype & 3) = 3 THEN 'keeping trigger' ELSE 'trigger' END, quote_ident(t.tgname), NULL
  FROM pg_catalog.pg_trigger t JOIN tree ON tree.oid = t.tgrelid
 WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND (t.tgtype & :bit) <> 0
UNION
SELECT 'foreign key', quote_ident(k.conname), CAST(CAST(k.conrelid AS regclass) AS text)
  FROM pg_catalog.pg_constraint k
 WHERE k.contype = 'f' AND k.confrelid = CAST(:name AS regclass) AND k.confdeltype IN ('a', 'r') AND :bit = 8
 ORDER BY 1, 2`;

export const postgresqlExamination: ExaminationDialect = {
  // Checks rights like running it would, but not whether the transaction may write (ExecCheckXactReadOnly).
  plan: (knex, statement) => knex.raw('EXPLAIN ?', [statement]),

  async obstacles(knex, table, change) {
    const [event, bit] = change === 'DELETE' ? ['4', 8] : ['2', 16];
    const { rows } = await knex.raw<{ rows: readonly FoundObstacle[] }>(OBSTACLES, {
      name: regclassName(table),
      event,
      bit,
    });
    return rows;
  },

  socketOf: (connection) =>
    (connection as { readonly connection: { readonly stream: Socket } }).connection.stream,

  async findReadOnly(knex) {
    const { rows } = await knex.raw<{ rows: readonly Pick<State, 'recovering'>[] }>(
      'SELECT pg_is_in_recovery() AS recovering',
    );
    return rows[0]?.recovering === true ? 'it is a replica' : null;
  },

  async grant(knex, right, { schema, name }) {
    const { rows } = await knex.raw<{ rows: readonly Pick<State, 'account'>[] }>(
      'SELECT current_user AS account',
    );
    return `GRANT ${right} ON ${regclassName({ schema, name })} TO ${quoted(rows[0]?.account ?? '')};`;
  },

  async seeAllRows(knex) {
    const { rows } = await knex.raw<{ rows: readonly Pick<State, 'account'>[] }>(
      'SELECT current_user AS account',
    );
    return `ALTER ROLE ${quoted(rows[0]?.account ?? '')} BYPASSRLS;`;
  },

  keepColumn: () => Promise.resolve(null),
};
