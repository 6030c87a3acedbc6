import { setImmediate as yieldToEvents } from 'node:timers/promises';
import type { Knex } from 'knex';
import type { EndedBatch, Pace } from '../../sessions/session-store.ts';
import { batchSize, type BatchSize } from './batch-size.ts';
import { allOf, SESSION, sessionColumn } from './conditions.ts';
import type { DatabaseStoreParts } from './parts.ts';
import type { Hindrance, Piece, Position, TableWalk, Value, WalkedTable } from './dialects/dialect.ts';
import { unlessStopped } from './persistently.ts';
import { tableReference } from './table-reference.ts';

/** Milliseconds that a transaction takes about: that long its locks may hold up a request of the application. */
const TARGET = 50;
const FIRST_BATCH = 200;
const LEAST_BATCH = 10;

/** After so many failed attempts, about a second, the delay is worth a remark. */
const REMARKABLE = 4;

const delays: Readonly<Record<Hindrance, string>> = {
  busy: 'another transaction holds a lock; trying again',
  lost: 'the connection is lost; trying again',
  slow: 'the database stopped a batch that took too long; trying again with a smaller one',
};

/** Work that is done piece by piece. */
export interface BatchWork {
  readonly piece: (from: Position | null, rows: number) => Promise<Piece>;
  /** Where the first piece begins; null for the beginning. */
  readonly from: Position | null;
  /** A position in words that another run understands; null where none is to go on from there. */
  readonly write: TableWalk['write'] | null;
  /** Rows that a piece may have. */
  readonly mostRows: number;
  /** What the rows of a piece have to fulfil besides. */
  readonly condition: Knex.Raw;
  /** Whose rows they are, known in every condition by the alias of the sessions. */
  readonly table: WalkedTable;
  /** What is done to the rows, in one transaction. */
  readonly run: (on: Knex, condition: Knex.Raw) => Promise<Pick<EndedBatch, 'sessions' | 'oauthTokens'>>;
  /** That is one statement. */
  readonly isSingle: boolean;
  /** Rows that may be worked on altogether; null for any number. */
  readonly atMost: number | null;
  readonly pace: Pace | undefined;
  readonly remark: (text: string) => void;
}

/**
 * Does the work in short transactions, each as large as keeps it near the time that it may take. Between two of them it
 * heeds the run's signal and that of the pace; locks, deadlocks and lost connections are waited for.
 */
export async function* inBatches(parts: DatabaseStoreParts, work: BatchWork): AsyncGenerator<EndedBatch> {
  const { knex, dialect, settle } = parts;
  const { pace } = work;
  const signal = pace === undefined ? parts.signal : AbortSignal.any([parts.signal, pace.stop]);
  const size = sizeFor(parts, work);
  let left = work.atMost;
  await dialect.batches?.prepare(knex);

  for (let { from } = work; ;) {
    await yieldToEvents();
    if (signal.aborted || left === 0) return;
    const start: Position | null = from;
    const room: number | null = left;
    const attempt = await settle(() =>
      unlessStopped(
        async () => {
          await pace?.before();
          const rows = size.rows();
          const piece = await work.piece(start, rows);
          const begun = performance.now();
          const all = allOf(knex, [piece.condition, work.condition]);
          const fits = room === null || (piece.most !== null && piece.most <= room);
          const some = fits ? null : await namedRows(parts, work.table, all, room);
          const batch = (on: Knex) =>
            work.run(on, some === null ? all : allOf(knex, [rowsNamed(parts, work.table, some), all]));
          const done = work.isSingle
            ? await dialect.single(knex, batch)
            : await dialect.transaction(knex, batch);
          const milliseconds = performance.now() - begun;
          size.took(milliseconds, done.sessions);
          // Those that were named may not be all of the piece, nor have all of them been there still.
          const again = some !== null && done.sessions > 0;
          return { ...done, rows, milliseconds, next: piece.next, again };
        },
        {
          signal,
          hindrance: dialect.hindrance,
          onRetry: (hindrance, attempts) => {
            if (hindrance !== 'lost') size.halve();
            if (attempts >= REMARKABLE) work.remark(delays[hindrance]);
          },
        },
      ),
    );
    if (attempt === 'given up') return;
    const { next, again, ...done } = attempt.result;
    if (left !== null) left = Math.max(0, left - done.sessions);
    const isLast = next === null && !again;
    await dialect.batches?.afterEach(knex, isLast || left === 0);
    if (!again) from = next;
    const position = isLast || from === null ? null : (work.write?.(from) ?? null);
    yield { ...done, secondary: 0, uncertain: attempt.uncertain, isLast, position };
    if (isLast) return;
  }
}

/** The keys of so many of the rows that fulfil a condition: what is named is never more than that. */
async function namedRows(
  { knex }: DatabaseStoreParts,
  table: WalkedTable,
  condition: Knex.Raw,
  limit: number,
): Promise<readonly string[]> {
  const rows = (await knex
    .select({ id: sessionColumn(table.id.name) })
    .from(tableReference(knex, table, SESSION))
    .where(condition)
    .limit(limit)) as { readonly id: Value }[];
  return rows.map(({ id }) => String(id));
}

/** Whether a row is one of those with these keys. */
export function rowsNamed(
  { knex, dialect }: DatabaseStoreParts,
  { id }: WalkedTable,
  ids: readonly string[],
): Knex.Raw {
  return ids.length === 0 ? knex.raw('1 = 0') : dialect.keyIn(knex, sessionColumn(id.name), id, ids);
}

function sizeFor({ dialect }: DatabaseStoreParts, { pace, mostRows }: BatchWork): BatchSize {
  const asked = pace?.rows ?? null;
  if (asked !== null) {
    const rows = Math.min(asked, mostRows);
    return { rows: () => rows, took: () => undefined, halve: () => undefined };
  }
  const target = pace === undefined ? TARGET : dialect.sweepTarget;
  return batchSize({
    target,
    first: FIRST_BATCH,
    least: LEAST_BATCH,
    most: mostRows,
    guessedCost: dialect.endingCost,
  });
}
