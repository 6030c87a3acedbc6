import type { Settings } from '../config/settings.ts';
import type { SharedHistory } from '../history/shared-history.ts';
import type { SessionCreation } from '../sessions/creation.ts';
import type { ReplicatedStore } from '../sessions/replication.ts';
import type { LockableStore } from '../sessions/run-lock.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { Standings } from '../sessions/standing.ts';
import type { CountingStore } from '../sessions/statistics.ts';
import type { OpenOptions } from './database/open.ts';

/** A deployment's sessions, wherever it keeps them. */
export interface DeploymentStore extends SessionStore, LockableStore, ReplicatedStore, CountingStore {
  readonly standings: Standings;
  readonly creation: SessionCreation;
  readonly history: SharedHistory | null;
  close(): Promise<void>;
}

/**
 * Opens the sessions of a deployment: in its database, in Redis, or in both.
 * @throws ConnectionError where one of them cannot be reached or refuses
 * @throws SchemaError where the database is not one that sessionctl can work on
 */
export async function openStore(
  { database, redis, session, auth }: Pick<Settings, 'database' | 'redis' | 'session' | 'auth'>,
  options: OpenOptions,
): Promise<DeploymentStore> {
  if (redis === null) {
    const { openDatabaseStore } = await import('./database/open.ts');
    return openDatabaseStore(database, { ...options, expiresIn: session.declaredExpiresIn });
  }
  const { openCombinedStore } = await import('./open-combined.ts');
  return openCombinedStore({ database, redis, session, release: auth.release }, options);
}
