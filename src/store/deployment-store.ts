import type { SharedHistory } from '../history/shared-history.ts';
import type { SessionCreation } from '../sessions/creation.ts';
import type { ReplicatedStore } from '../sessions/replication.ts';
import type { LockableStore } from '../sessions/run-lock.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { Standings } from '../sessions/standing.ts';
import type { CountingStore } from '../sessions/statistics.ts';

/** A deployment's sessions, in any store. */
export interface DeploymentStore extends SessionStore, LockableStore, ReplicatedStore, CountingStore {
  readonly standings: Standings;
  readonly creation: SessionCreation;
  readonly history: SharedHistory | null;
  close(): Promise<void>;
}
