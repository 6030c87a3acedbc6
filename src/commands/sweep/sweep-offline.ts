import type { SessionStore } from '../../sessions/session-store.ts';
import {
  addSwept,
  countExpired,
  lookAgainInSecondary,
  nothingSwept,
  type Sweep,
  type SweepOptions,
} from '../../sessions/sweep.ts';
import type { SweepRequest } from './sweep-options.ts';

/** A sweep that has not started. */
export const untouched: Omit<Sweep, 'remaining' | 'kept' | 'finishedAt'> = {
  deleted: 0,
  verifications: null,
  secondary: null,
  secondaryRemaining: null,
  oauthTokens: 0,
  batches: 0,
  longestBatch: 0,
  uncertain: false,
  way: 'walk',
  stoppedBecause: 'complete',
  failure: null,
  unseen: null,
  hasMoved: false,
};

type OfflineOptions = Pick<SweepOptions, 'expiredAt' | 'keptUntil' | 'signal' | 'before' | 'remark'>;

/** Deletes all expired rows at once, which locks the file. The answer holds what is gone when it fails. */
export async function sweepOffline(
  store: SessionStore,
  { verifications: isAsked, vacuum }: SweepRequest,
  { expiredAt, keptUntil, signal, before, remark }: OfflineOptions,
): Promise<Sweep> {
  const { offline } = store;
  if (offline === null) throw new Error('the store has no way offline');
  const verifications = isAsked ? store.verifications : null;
  const startedAt = await store.readClock();
  let swept: Awaited<ReturnType<typeof offline.sweep>> = { sessions: 0, oauthTokens: 0, milliseconds: 0 };
  let others = 0;
  let secondary = store.secondary === null ? null : nothingSwept;
  let uncertain = false;
  let failure: unknown = null;
  let unseen: unknown = null;
  let remaining: Sweep['remaining'] = null;
  let kept: number | null = null;
  try {
    swept = await offline.sweep(expiredAt);
    if (verifications !== null) {
      const all = { atMost: null, remark };
      for await (const batch of verifications.sweep(expiredAt, all)) others += batch.sessions;
    }
    if (vacuum) await offline.vacuum();
    for await (const step of store.secondary?.sweep(expiredAt, {
      dryRun: false,
      stop: signal,
      before,
      remark,
    }) ?? []) {
      secondary = addSwept(secondary ?? nothingSwept, step);
      uncertain ||= step.uncertain;
    }
  } catch (error) {
    failure = error;
  }
  try {
    remaining = await countExpired(store, verifications, expiredAt);
    const all = keptUntil === null ? remaining : await countExpired(store, verifications, keptUntil);
    kept = all === null || remaining === null ? null : Math.max(0, all.rows - remaining.rows);
  } catch (error) {
    unseen = error;
  }
  const stoppedBecause = failure !== null ? 'failed' : signal.aborted ? 'signal' : 'complete';
  return {
    ...untouched,
    deleted: swept.sessions,
    verifications: verifications === null ? null : others,
    secondary,
    secondaryRemaining:
      stoppedBecause === 'complete' ? await lookAgainInSecondary(store, expiredAt, secondary) : null,
    uncertain,
    oauthTokens: swept.oauthTokens,
    batches: 1,
    longestBatch: Math.round(swept.milliseconds),
    remaining,
    kept,
    unseen,
    way: 'offline',
    finishedAt: await store.readClock().catch(() => startedAt),
    stoppedBecause,
    failure,
    hasMoved: failure === null || swept.sessions > 0,
  };
}
