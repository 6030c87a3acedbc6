import { setImmediate as yieldToEvents } from 'node:timers/promises';
import type { Knex } from 'knex';
import { nothingEnded, type EndedBatch, type Pace } from '../../../sessions/ending-store.ts';
import { UnansweredError } from '../../../sessions/unanswered.ts';
import { batchSize, type BatchSize } from './batch-size.ts';
import { SESSION, allOf, sessionColumn } from '../query/conditions.ts';
import type { DatabaseStoreParts } from '../parts.ts';
import type { Hindrance, Piece, Position, TableWalk, Value, WalkedTable } from '../dialects/dialect.ts';
import { unlessStopped } from '../connect/persistently.ts';
import { tableReference } from '../query/table-reference.ts';

/** Target time of a transaction, in milliseconds. Its locks may delay a request of the application for that long. */
const TARGET = 50;
const FIRST_BATCH = 200;
const LEAST_BATCH = 10;

/** Failed attempts after which the delay is reported; they take about a second. */
const REMARKABLE = 4;

const delays: Readonly<Record<Hindrance, string>> = {
  busy: 'another transaction holds a lock; trying again',
  lost: 'the connection is lost; trying again',
  slow: 'the database stopped a batch that took too long; trying again with a smaller one',
};

/** Work that is done in pieces. */
export interface BatchWork {
  readonly piece: (from: Position | null, rows: number) => Promise<Piece>;
  /** Where the first piece begins; null for the beginning of the table. */
  readonly from: Position | null;
  /** Maximum rows of a piece. */
  readonly mostRows: number;
  /** A further condition for the rows of a piece. */
  readonly condition: Knex.Raw;
  /** The table of the rows; every condition uses the alias of the sessions. */
  readonly table: WalkedTable;
  /** The change to the rows, in one transaction. */
  readonly run: (on: Knex, condition: Knex.Raw) => Promise<Pick<EndedBatch, 'sessions' | 'oauthTokens'>>;
  /** `run` is a single statement. */
  readonly isSingle: boolean;
  /** Maximum rows in all pieces together; null for no limit. */
  readonly atMost: number | null;
  readonly pace: Pace | undefined;
  readonly remark: (text: string) => void;
}

/** The answer to a batch is missing: more may have ended than is counted. */
const UNCERTAIN: EndedBatch = { ...nothingEnded, uncertain: true, isLast: false };

/**
 * Does the work in short transactions, each as large as fits the target time. Between two transactions it checks the
 * run's signal and that of the pace. It waits for locks, deadlocks and lost connections.
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
    const seen = { loss: false };
    const tryBatch = () =>
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
          // The named rows may not be the whole piece, and some may already be gone.
          const again = some !== null && done.sessions > 0;
          return { ...done, rows, milliseconds, next: piece.next, again };
        },
        {
          signal,
          hindrance: dialect.hindrance,
          onRetry: (hindrance, attempts) => {
            if (hindrance === 'lost') seen.loss = true;
            else size.halve();
            if (attempts >= REMARKABLE) work.remark(delays[hindrance]);
          },
        },
      );
    let attempt: Awaited<ReturnType<typeof tryBatch>>;
    try {
      attempt = await settle(tryBatch);
    } catch (error) {
      if (seen.loss || error instanceof UnansweredError) yield UNCERTAIN;
      throw error;
    }
    if (attempt === 'given up') {
      if (seen.loss) yield UNCERTAIN;
      return;
    }
    const { next, again, ...done } = attempt.result;
    if (left !== null) left = Math.max(0, left - done.sessions);
    const isLast = next === null && !again;
    await dialect.batches?.afterEach(knex, isLast || left === 0);
    if (!again) from = next;
    yield { ...done, secondary: 0, uncertain: attempt.uncertain, isLast };
    if (isLast) return;
  }
}

/** Does the work on a whole table: from a random place to the end, and from the beginning up to that place. */
export async function* inBatchesFromAnywhere(
  parts: DatabaseStoreParts,
  walk: TableWalk,
  work: Omit<BatchWork, 'piece' | 'from'>,
): AsyncGenerator<EndedBatch> {
  const start = await parts.persist(() => walk.somewhere());
  let left = work.atMost;
  const halves =
    start === null
      ? [{ from: null, until: null }]
      : [
          { from: start, until: null },
          { from: null, until: start },
        ];
  for (const { from, until } of halves) {
    const isLastHalf = until === start;
    let isThrough = false;
    const piece: BatchWork['piece'] = (at, rows) => walk.piece(at, rows, until);
    for await (const batch of inBatches(parts, { ...work, piece, from, atMost: left })) {
      if (left !== null) left = Math.max(0, left - batch.sessions);
      isThrough = batch.isLast;
      yield { ...batch, isLast: isThrough && isLastHalf };
    }
    if (!isThrough) return;
  }
}

/** The keys of at most `limit` rows that meet a condition. */
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

/** Whether a row has one of these keys. */
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
