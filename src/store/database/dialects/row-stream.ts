import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { CHUNK_ROWS, type Value } from './dialect.ts';

type Row = readonly Value[];

/** A running query of a driver that reports rows by events, and can be told to stop reading from its server. */
export interface RowEvents {
  /** Starts the query. `settle` is called once, at its end. */
  readonly start: (onRow: (row: Row) => void, settle: (outcome: Error | 'end') => void) => void;
  readonly pause: () => void;
  readonly resume: () => void;
  /** Gives the connection up: a result that nobody reads to its end is still on its way. */
  readonly abandon: () => void;
}

/**
 * The rows in chunks. The server is read from only while somebody waits for rows, so that memory stays constant
 * however slow the reader is, and the whole query runs at once: cursors would keep PostgreSQL from parallel plans.
 */
export async function* chunksOf(events: RowEvents): AsyncGenerator<readonly Row[], void, undefined> {
  let rows: Row[] = [];
  const outcomes: (Error | 'end')[] = [];
  let wake: () => void = () => undefined;
  events.start(
    (row) => {
      rows.push(row);
      if (rows.length !== CHUNK_ROWS) return;
      events.pause();
      wake();
    },
    (outcome) => {
      outcomes.push(outcome);
      wake();
    },
  );
  try {
    for (;;) {
      if (rows.length < CHUNK_ROWS && outcomes.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          events.resume();
        });
      }
      const [outcome] = outcomes;
      if (outcome instanceof Error) throw outcome;
      if (rows.length === 0) {
        if (outcome === 'end') return;
        continue;
      }
      const chunk = rows;
      rows = [];
      yield chunk;
      // Signals are heard only where the event loop goes round.
      await yieldToEvents();
    }
  } finally {
    if (outcomes.length === 0) events.abandon();
    // The last rows may have come with the end right behind them, while the server was not to be read from: the next
    // query on this connection would wait for ever.
    else events.resume();
  }
}
