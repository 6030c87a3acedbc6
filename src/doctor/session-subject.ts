import type { Ipv6Subnet } from '../sessions/address.ts';
import type { DatabaseExamination, SessionSample } from '../sessions/examination.ts';
import type { Instant } from '../sessions/instant.ts';
import type { Target } from '../sessions/reading-store.ts';
import { amount } from './database-checks.ts';

export interface SessionSubject {
  readonly target: Target;
  readonly database: DatabaseExamination;
  /** The sessions to check: those in Redis where Better Auth trusts it, else those in the table. Read once. */
  readonly sample: () => Promise<SessionSample>;
  /** False where the table has no column for addresses: then they cannot be checked. */
  readonly hasAddresses: boolean;
  /** By the database's clock. */
  readonly now: Instant;
  /** The zone of the application that writes; null if it is not configured, and UTC is assumed. */
  readonly timeZone: string | null;
  /** Milliseconds, as the application has it. */
  readonly expiresIn: number;
  /** The profile sets it. */
  readonly expiresInIsDeclared: boolean;
  readonly preserve: boolean;
  readonly ipv6Subnet: Ipv6Subnet;
  /** When sessionctl last completed a sweep of this database; null for never, as far as the history shows. */
  readonly lastSweep: () => Promise<Instant | null>;
}

/** The fewest sessions, and the share of them without an address, for a warning. */
export const FEW_SESSIONS = 10;
export const MISSING_SHARE = 0.9;
export function looked({ sessions, isWhole }: Pick<SessionSample, 'sessions' | 'isWhole'>): string {
  const some = `${amount(sessions.length)} ${sessions.length === 1 ? 'session' : 'sessions'}`;
  return isWhole ? `of ${some}` : `in a sample of ${some}`;
}
