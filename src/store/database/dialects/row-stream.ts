import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { CHUNK_ROWS, type Value } from './dialect.ts';

type Row = readonly Value[];

/** A running query of a driver that reports rows by events and can pause reading from its server. */
export interface RowEvents {
  /** Starts the query. `settle` is called once, at its end. */
  readonly start: (onRow: (row: Row) => void, settle: (outcome: Error | 'end') => void) => void;
  readonly pause: () => void;
  readonly resume: () => void;
  /** Drops the connection: the rest of an unread result is still on its way. */
  readonly abandon: () => void;
}

/**
 * The rows in chunks. The server is read only while the consumer waits for rows, so memory stays constant even for a
 * slow consumer. The whole query runs at once: a cursor would keep PostgreSQL from parallel plans.
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
      // Signals are received only when the event loop runs.
      await yieldToEvents();
    }
  } finally {
    if (outcomes.length === 0) events.abandon();
    // The end of the result may have arrived right after the last rows, while reading was paused. Without this, the
    // next query on this connection would wait forever.
    else events.resume();
  }
}
