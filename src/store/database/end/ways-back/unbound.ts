import type { Knex } from 'knex';
import type { Instant } from '../../../../sessions/instant.ts';
import { OTHER, SESSION, sessionColumn, surelyBefore } from '../../query/conditions.ts';
import type { Dialect } from '../../dialects/dialect.ts';
import type { SessionTable, TokenTable } from '../../schema/shape.ts';
import { tableReference } from '../../query/table-reference.ts';

export interface UnboundParts {
  readonly knex: Knex;
  readonly dialect: Dialect;
  /** The table of all sessions; null where they are only in Redis, so that no row shows whether one has ended. */
  readonly sessions: Pick<SessionTable, 'schema' | 'name' | 'id' | 'expiresAt'> | null;
  /** Expired rows are records of ended sessions. */
  readonly preserve: boolean;
  /** The database's clock: a row with an earlier expiry has expired. */
  readonly now: Instant;
}

/**
 * Whether a token is valid without a session, since its session has ended or it never had one. Without a foreign key it
 * still names that session, and so it does where rows are kept as records. From 1.7 on, which can mark access tokens as
 * revoked, Better Auth refuses such an access token, but not such a refresh token (`@better-auth/oauth-provider` 1.6.5
 * and 1.7.5, introspection).
 */
export function isUnbound(
  { knex, dialect, sessions, preserve, now }: UnboundParts,
  { sessionId, scopes, revoked }: TokenTable,
): Knex.Raw {
  const named = `${OTHER}.${sessionId.name}`;
  const isRefused = scopes === null && revoked !== null;
  if (sessions === null || isRefused) return knex.raw('?? IS NULL', [named]);
  const { id, expiresAt } = sessions;
  // Keys of different kinds are compared as text.
  const as = (column: string) =>
    sessionId.kind === id.kind ? knex.raw('??', [column]) : dialect.asText(knex, column);
  const session = knex
    .select(knex.raw('1'))
    .from(tableReference(knex, sessions, SESSION))
    .where(knex.raw('? = ?', [as(sessionColumn(id.name)), as(named)]));
  const expiry = sessionColumn(expiresAt.name);
  return knex.raw('NOT EXISTS ?', [
    preserve
      ? session.where(knex.raw('NOT COALESCE(?, FALSE)', [surelyBefore(knex, expiresAt, expiry, now)]))
      : session,
  ]);
}
