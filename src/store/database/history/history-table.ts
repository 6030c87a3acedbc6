import type { Knex } from 'knex';
import { FailedError } from '../../../errors.ts';
import { parseRecord, recordLine, type HistoryRecord } from '../../../history/history-record.ts';
import type { Dialect } from '../dialects/dialect.ts';
import { shownText, isDuplicate, isRaised, withoutText } from '../../refusals.ts';
import type { HistoryTable } from '../schema/shape.ts';

/** Appends one record. An existing one, for example after a broken connection, is left as it is. */
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
      // The columns are for queries; this text is what was hashed.
      record: recordLine(record),
    });
  } catch (error) {
    if (isDuplicate(error)) return;
    // The dialect explains its known errors better, for example a missing right.
    if (dialect.hindrance(error) !== undefined || dialect.explain(error, '') !== undefined) throw error;
    const why = isRaised(error) ? 'a trigger raised an error' : shownText(error);
    throw new FailedError(`the history table ${table.name} cannot be written: ${why}`, {
      hint: 'Find out why the table refuses a record, or remove the table with `schema rollback`: then no record is written there.',
      cause: withoutText(error),
    });
  }
}

/**
 * The last records as they were written, newest first. Each record's hash shows whether it is intact.
 * @throws FailedError where a row is not a record at all
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
    throw new FailedError(`row ${String(id)} of ${table.name} is not a record of sessionctl`, {
      hint: 'Another program wrote or changed it. Compare it with a backup.',
    });
  });
}

export async function countHistoryTable(knex: Knex, table: HistoryTable): Promise<number> {
  const [row] = await rowsOf(knex, table).count<{ records: number | string }[]>({ records: '*' });
  return Number(row?.records ?? 0);
}

function rowsOf(knex: Knex, { schema, name }: HistoryTable): Knex.QueryBuilder {
  return schema === null ? knex.from(name) : knex.withSchema(schema).from(name);
}
