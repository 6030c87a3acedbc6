import type { CombinedParts } from './combined-parts.ts';
import { ConnectionError } from '../../errors.ts';
import { everySession, type Selection } from '../../sessions/selection.ts';
import { nothingEnded, type EndOptions, type EndedBatch } from '../../sessions/ending-store.ts';
import { UnansweredError } from '../../sessions/unanswered.ts';
import type { CachedSession } from '../redis/cached-session.ts';
import { gathered, type Gathered } from './gathered.ts';
import type { Places } from './places.ts';
import { throwFailure } from './throw-failure.ts';
import { isCoveredBy, type Surveyed } from './surveyed.ts';

/** Sessions that one batch ends without reading them first. */
const ENDED_AT_ONCE = 1000;

/** Users' lists that are tidied in one step. */
const TIDIED_AT_ONCE = 150;

const isLost = (failure: unknown) => failure instanceof ConnectionError || failure instanceof UnansweredError;

/** The result of a step, and the error that stopped it early, or null. */
type Step = EndedBatch & { readonly failure: unknown };
type EndedRows = Pick<Step, 'sessions' | 'oauthTokens' | 'uncertain' | 'failure'>;

const NO_ROWS: EndedRows = { sessions: 0, oauthTokens: 0, uncertain: false, failure: null };

/** Ends sessions in Redis and then in the database, so that a failure leaves something to find them by. */
export interface CombinedEnding {
  /**
   * @param counted what a survey has counted, and need not be read again in order to be ended; null for none
   */
  endEverywhere(
    selection: Selection,
    options: EndOptions,
    counted: Surveyed | null,
  ): AsyncGenerator<EndedBatch>;
}

export function createCombinedEnding(
  { directory, table, steadfast, signal }: CombinedParts,
  places: Places,
): CombinedEnding {
  return { endEverywhere };

  async function* endEverywhere(
    selection: Selection,
    options: EndOptions,
    counted: Surveyed | null,
  ): AsyncGenerator<EndedBatch> {
    let left = options.atMost ?? Infinity;
    const room = <Value>(page: readonly Value[]) => page.slice(0, left);
    // If many sessions end, the indexes are tidied afterwards, in a single pass.
    const untidied = counted !== null && isCoveredBy(selection, counted) ? counted.tokens : new Set<string>();
    if (untidied.size > 0) {
      for await (const batch of endCounted(untidied, left)) {
        left -= batch.sessions;
        yield batch;
      }
      if (left <= 0) return;
    }
    const indexes = gathered<string>(TIDIED_AT_ONCE, (keys) => steadfast.tidyEnded(keys, untidied));
    for await (const page of places.steadfast.pages(selection)) {
      if (signal.aborted || left <= 0) return;
      const meant = room(page.meant);
      // Most pages of a large Redis hold no selected session. Then the database need not be asked.
      if (meant.length === 0) continue;
      const isMost = selection.sessionIds === null && meant.length * 2 > page.all;
      if (isMost) for (const { token } of meant) untidied.add(token);
      const { failure, ...batch } = await endCached(meant, isMost ? 'keys alone' : 'with indexes', options);
      left -= batch.sessions;
      yield batch;
      throwFailure(failure);
    }
    for await (const page of places.steadfast.rowsAlone(selection)) {
      if (signal.aborted || left <= 0) return;
      const begun = performance.now();
      const ids = room(page).map(({ id }) => id);
      // Which sessions may stay was computed over both stores together.
      const { failure, ...ended } = await endRows(
        { ...selection, sessionIds: ids, keepNewest: null },
        options,
      );
      left -= ended.sessions;
      const milliseconds = performance.now() - begun;
      yield { ...nothingEnded, ...ended, rows: ids.length, milliseconds, isLast: false };
      throwFailure(failure);
    }
    if (signal.aborted) return;
    if (untidied.size > 0) await tidyAll(indexes);
    await indexes.finish();
    yield { ...nothingEnded, isLast: !signal.aborted };
  }

  /** Ends the sessions that a survey counted. */
  async function* endCounted(tokens: ReadonlySet<string>, atMost: number): AsyncGenerator<EndedBatch> {
    const all = [...tokens];
    let left = atMost;
    for (let from = 0; from < all.length && left > 0 && !signal.aborted;) {
      const some = all.slice(from, from + Math.min(ENDED_AT_ONCE, left));
      from += some.length;
      const { failure, ...batch } = await endTokens(some);
      left -= batch.sessions;
      yield batch;
      throwFailure(failure);
    }
  }

  /** Ends sessions that are only in Redis and have nothing attached. */
  async function endTokens(tokens: readonly string[]): Promise<Step> {
    const begun = performance.now();
    const { deleted, ...outcome } = await steadfast.endTokens(tokens);
    const milliseconds = performance.now() - begun;
    return {
      ...nothingEnded,
      ...outcome,
      sessions: deleted,
      secondary: deleted,
      rows: tokens.length,
      milliseconds,
      isLast: false,
    };
  }

  /**
   * Ends sessions in Redis first, then the rows of the same sessions, regardless of the rows' values and of the run's
   * signal. If Redis fails, the rows stay, so that the remaining sessions can still be found.
   */
  async function endCached(
    cached: readonly CachedSession[],
    scope: 'with indexes' | 'keys alone',
    options: EndOptions,
  ): Promise<Step> {
    const begun = performance.now();
    const ids = cached.map(({ session }) => session.id);
    const named: Selection = { ...everySession, sessionIds: ids, aliveAt: options.preserveAt };
    const withRow = new Set(await table?.steadfast.pick(named, ids.length));
    const alone = ids.filter((id) => !withRow.has(id));
    const keys = await steadfast.end(cached, scope);
    const rows = keys.failure === null ? await endRows(named, options) : NO_ROWS;
    const tokens =
      keys.failure === null && rows.failure === null
        ? await endBoundTokens(alone, options)
        : { ended: 0, failure: null };
    return {
      ...nothingEnded,
      isLast: false,
      // A session in both stores counts once. It has ended when its row has.
      sessions: rows.sessions + Math.min(alone.length, keys.deleted),
      secondary: keys.deleted,
      oauthTokens: rows.oauthTokens + tokens.ended,
      uncertain: keys.uncertain || rows.uncertain,
      rows: cached.length,
      milliseconds: performance.now() - begun,
      failure: keys.failure ?? rows.failure ?? tokens.failure,
    };
  }

  /** Ends the OAuth tokens of sessions without a row. */
  async function endBoundTokens(
    ids: readonly string[],
    { offlineTokens }: EndOptions,
  ): Promise<{ readonly ended: number; readonly failure: unknown }> {
    try {
      return { ended: (await directory.boundTokens?.end(ids, offlineTokens)) ?? 0, failure: null };
    } catch (failure) {
      return { ended: 0, failure };
    }
  }

  async function endRows(named: Selection, options: EndOptions): Promise<EndedRows> {
    if (table === null || named.sessionIds?.length === 0) return NO_ROWS;
    const sum = { sessions: 0, oauthTokens: 0, uncertain: false };
    try {
      for await (const batch of table.steadfast.end(named, { ...options, atMost: null })) {
        sum.sessions += batch.sessions;
        sum.oauthTokens += batch.oauthTokens;
        sum.uncertain ||= batch.uncertain;
      }
    } catch (failure) {
      // A batch that was rolled back and a batch whose answer was lost are reported in the same way.
      return { ...sum, uncertain: sum.uncertain || isLost(failure), failure };
    }
    return { ...sum, failure: null };
  }

  async function tidyAll(indexes: Gathered<string>): Promise<void> {
    for await (const { indexKeys } of steadfast.scan()) {
      if (signal.aborted) return;
      await indexes.add(indexKeys);
    }
  }
}
