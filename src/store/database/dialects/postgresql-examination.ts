import type { ExaminationDialect } from './examination-dialect.ts';

interface State {
  readonly recovering: boolean;
  readonly account: string;
}

export const postgresqlExamination: ExaminationDialect = {
  // Checks rights as running it would, and that the transaction may write it does not (ExecCheckXactReadOnly).
  plan: (knex, statement) => knex.raw('EXPLAIN ?', [statement]),

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
    const table = schema === null ? knex.raw('??', [name]) : knex.raw('??.??', [schema, name]);
    return `${knex.raw(`GRANT ${right} ON ? TO ??`, [table, rows[0]?.account ?? '']).toQuery()};`;
  },

  async seeAllRows(knex) {
    const { rows } = await knex.raw<{ rows: readonly Pick<State, 'account'>[] }>(
      'SELECT current_user AS account',
    );
    return `${knex.raw('ALTER ROLE ?? BYPASSRLS', [rows[0]?.account ?? '']).toQuery()};`;
  },

  keepColumn: () => Promise.resolve(null),
};
