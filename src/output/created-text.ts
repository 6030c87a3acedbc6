import type { Instant } from '../sessions/instant.ts';
import type { SessionCookies } from '../sessions/session-cookies.ts';
import type { Target } from '../sessions/reading-store.ts';
import type { User } from '../sessions/session.ts';
import { formatDuration } from '../sessions/duration.ts';
import { jsonLine } from './json-text.ts';
import { labelledLines } from './labelled-lines.ts';
import type { Styles, Terminal } from './styles.ts';
import { nameWithId } from './user-of.ts';

/** A session that is to be created. */
export interface PlannedSession {
  readonly target: Target;
  readonly user: User;
  /** Milliseconds. */
  readonly length: number;
  /** Requests extend it, as they extend a session of a sign-in. */
  readonly refreshes: boolean;
  readonly places: 'database' | 'secondary' | 'both';
  readonly cookieName: string;
  readonly reason: string;
}

const PLACES = { database: 'the database', secondary: 'Redis', both: 'the database and Redis' } as const;

/** What is about to be done, for the prompt. */
export function plannedSessionText(planned: PlannedSession, terminal: Terminal, styles: Styles): string {
  const { target, user, length, refreshes } = planned;
  const lines = [
    { label: 'database', value: target.database },
    ...(target.redis === null ? [] : [{ label: 'Redis', value: target.redis }]),
    { label: 'user', value: nameWithId(user), style: styles.bold },
    {
      label: 'lasts',
      value: `${formatDuration(length)}${refreshes ? ', and requests extend it, as after a sign-in' : '; requests do not extend it'}`,
    },
    { label: 'written to', value: PLACES[planned.places] },
    { label: 'cookie', value: planned.cookieName },
    { label: 'reason', value: planned.reason },
  ];
  return labelledLines(lines, terminal, styles);
}

export interface CreatedSession {
  readonly id: string;
  readonly createdAt: Instant;
  readonly expiresAt: Instant;
  readonly tokenFingerprint: string;
  readonly cookies: SessionCookies;
}

/** The report as one object. With a session, it is the only output of sessionctl that holds a credential. */
export function createdJson(
  planned: PlannedSession,
  { runId, dryRun }: { readonly runId: string; readonly dryRun: boolean },
  created: CreatedSession | null,
): string {
  const { target, user, length, places, reason } = planned;
  return jsonLine({
    command: 'create',
    runId,
    dryRun,
    target,
    session:
      created === null
        ? null
        : {
            id: created.id,
            userId: user.id,
            userEmail: user.email,
            userName: user.name,
            createdAt: created.createdAt,
            expiresAt: created.expiresAt,
            store: places,
            tokenFingerprint: created.tokenFingerprint,
          },
    userId: user.id,
    lengthMs: length,
    refreshes: planned.refreshes,
    setCookie: created?.cookies.setCookie ?? null,
    cookie: created?.cookies.cookie ?? null,
    reason,
  });
}

/** The lines with which a server would answer a sign-in. */
export function cookieLines({ setCookie }: SessionCookies): string {
  return setCookie.map((cookie) => `Set-Cookie: ${cookie}\n`).join('');
}
