import type { Knex } from 'knex';
import { FailedError } from '../../errors.ts';
import { parseRecord, recordLine, type HistoryRecord } from '../../history/history-record.ts';
import type { Dialect } from './dialects/dialect.ts';
import { shownText, isDuplicate, isRaised, withoutText } from '../refusals.ts';
import type { HistoryTable } from './shape.ts';

/** Appends one record. One that is there already, as after a connection that broke, is left as it is. */
export async function appendToHistoryTable(
  knex: Knex,
  dialect: Dialect,
  table: HistoryTable,
  record: HistoryRecord,
): Promise<void> {
  const { runId, event, at, operator, sequence, previous, hash } = record;
  try {
    await rowsOf(knex, table).insert({
      run_id: runId,
      event,
      at,
      operator: operator.user,
      host: operator.host,
      sequence,
      previous,
      hash,
      // The columns are for queries; this is what was hashed.
      record: recordLine(record),
    });
  } catch (error) {
    if (isDuplicate(error)) return;
    // What the dialect knows it tells better, a missing right for one.
    if (dialect.hindrance(error) !== undefined || dialect.explain(error, '') !== undefined) throw error;
    const why = isRaised(error) ? 'a trigger raised an error' : shownText(error);
    throw new FailedError(`the history table ${table.name} cannot be written: ${why}`, {
      hint: 'Look at what keeps it from taking a record; without the table, `schema rollback`, none is written there.',
      cause: withoutText(error),
    });
  }
}

/**
 * The last records, the newest first, as they were written. Whether one is intact, its hash says.
 * @throws FailedError where a row is no record at all
 */
export async function readHistoryTable(
  knex: Knex,
  table: HistoryTable,
  limit: number,
): Promise<readonly HistoryRecord[]> {
  const rows = (await rowsOf(knex, table).select('id', 'record').orderBy('id', 'desc').limit(limit)) as {
    id: number | string;
    record: string;
  }[];
  return rows.map(({ id, record }) => {
    const parsed = parseRecord(record);
    if (parsed !== null) return parsed.record;
    throw new FailedError(`row ${String(id)} of ${table.name} is no record of sessionctl's`, {
      hint: 'Somebody else wrote it, or changed it. Compare it with a backup.',
    });
  });
}

/** How many records there are. */
export async function countHistoryTable(knex: Knex, table: HistoryTable): Promise<number> {
  const [row] = await rowsOf(knex, table).count<{ records: number | string }[]>({ records: '*' });
  return Number(row?.records ?? 0);
}

function rowsOf(knex: Knex, { schema, name }: HistoryTable): Knex.QueryBuilder {
  return schema === null ? knex.from(name) : knex.withSchema(schema).from(name);
}
