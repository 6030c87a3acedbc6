import type { Context } from '../context.ts';
import { SessionctlError } from '../errors.ts';
import type { HistoryRecord } from '../history/history-record.ts';
import type { RecordedStore } from '../history/shared-history.ts';
import type { SweepOptions } from '../sessions/sweep.ts';

/** The last sweep is looked for in this many of the newest records of a database. */
const LOOKED_AT = 500;

/**
 * Where a sweep starts: where the last one of this database stopped, whichever operator ran it; at the beginning where
 * that one finished, or there was none; anywhere where no history shows whether there was one.
 */
export async function findStart(context: Context, store: RecordedStore): Promise<SweepOptions['start']> {
  const own = (await readable(async () => (await (await context.history()).read()).records)) ?? [];
  const { history } = store;
  const shared = history === null ? null : await readable(() => history.read(LOOKED_AT));
  if (own.length === 0 && shared === null) return 'anywhere';
  const { dialect, database } = store.target;
  const last = [
    ...own.filter(({ target }) => target.dialect === dialect && target.database === database),
    // Other operators may use another address of the same database.
    ...(shared ?? []),
  ]
    .filter(isEndOfSweep)
    .reduce<HistoryRecord | null>(
      (latest, each) => (latest === null || each.at > latest.at ? each : latest),
      null,
    );
  return last?.position ?? null;
}

function isEndOfSweep({ command, event }: HistoryRecord): boolean {
  return command === 'sweep' && (event === 'finished' || event === 'cancelled');
}

/** A sweep runs even where a history cannot be read: at worst it starts in the wrong place. */
async function readable<Result>(read: () => Promise<Result>): Promise<Result | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof SessionctlError) return null;
    throw error;
  }
}
