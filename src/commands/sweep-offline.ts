import type { Instant } from '../sessions/instant.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import { countExpired, type Sweep } from '../sessions/sweep.ts';
import type { SweepRequest } from './sweep-options.ts';

/** A sweep that has not begun. */
export const untouched: Omit<Sweep, 'remaining' | 'kept' | 'finishedAt'> = {
  deleted: 0,
  verifications: null,
  secondary: null,
  oauthTokens: 0,
  batches: 0,
  longestBatch: 0,
  uncertain: false,
  way: 'walk',
  stoppedBecause: 'complete',
  failure: null,
  unseen: null,
  position: null,
  hasMoved: false,
};

/** Deletes at once what has expired, which locks the file. What has gone by the time it fails is in the answer. */
export async function sweepOffline(
  store: SessionStore,
  { verifications: isAsked, vacuum }: SweepRequest,
  { expiredAt, keptUntil }: { readonly expiredAt: Instant; readonly keptUntil: Instant | null },
): Promise<Sweep> {
  const { offline } = store;
  if (offline === null) throw new Error('the store has no way offline');
  const verifications = isAsked ? store.verifications : null;
  const startedAt = await store.readClock();
  let swept: Awaited<ReturnType<typeof offline.sweep>> = { sessions: 0, oauthTokens: 0, milliseconds: 0 };
  let others = 0;
  let failure: unknown = null;
  let unseen: unknown = null;
  let remaining: Sweep['remaining'] = null;
  let kept: number | null = null;
  try {
    swept = await offline.sweep(expiredAt);
    if (verifications !== null) {
      const all = { atMost: null, remark: () => undefined };
      for await (const batch of verifications.sweep(expiredAt, all)) others += batch.sessions;
    }
    if (vacuum) await offline.vacuum();
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
  return {
    ...untouched,
    deleted: swept.sessions,
    verifications: verifications === null ? null : others,
    oauthTokens: swept.oauthTokens,
    batches: 1,
    longestBatch: Math.round(swept.milliseconds),
    remaining,
    kept,
    unseen,
    way: 'offline',
    finishedAt: await store.readClock().catch(() => startedAt),
    stoppedBecause: failure === null ? 'complete' : 'failed',
    failure,
    hasMoved: failure === null || swept.sessions > 0,
  };
}
