import { type Ipv6Subnet } from '../sessions/address.ts';
import type { DatabaseExamination, SessionSample } from '../sessions/examination.ts';
import { type Instant } from '../sessions/instant.ts';
import type { Target } from '../sessions/session-store.ts';
import { amount } from './database-checks.ts';

export interface SessionSubject {
  readonly target: Target;
  readonly database: DatabaseExamination;
  /** The sessions that are looked at: of Redis where it has the say, else of the table. Read once. */
  readonly sample: () => Promise<SessionSample>;
  /** False where the table has no column for addresses, of which nothing can be said then. */
  readonly hasAddresses: boolean;
  /** By the database's clock. */
  readonly now: Instant;
  /** Of the application that writes; null where nobody said, and UTC is assumed. */
  readonly timeZone: string | null;
  /** Milliseconds, as the application has it. */
  readonly expiresIn: number;
  /** The profile gives it. */
  readonly expiresInIsDeclared: boolean;
  readonly preserve: boolean;
  readonly ipv6Subnet: Ipv6Subnet;
  /** When sessionctl last swept this database to its end; null for never, as far as the history says. */
  readonly lastSweep: () => Promise<Instant | null>;
}

/** Sessions without an address, and their share. */
export const FEW_SESSIONS = 10;
export const MISSING_SHARE = 0.9;
export function looked({ sessions, isWhole }: Pick<SessionSample, 'sessions' | 'isWhole'>): string {
  const some = `${amount(sessions.length)} ${sessions.length === 1 ? 'session' : 'sessions'}`;
  return isWhole ? `of ${some}` : `in a sample of ${some}`;
}
