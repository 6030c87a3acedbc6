import { ConnectionError, SessionctlError } from '../errors.ts';
import { generateIdLike, type NewSession, type SessionCreation } from '../sessions/creation.ts';
import { millisecondsOf } from '../sessions/instant.ts';
import type { DatabaseCreation } from './database/create/creating.ts';
import type { Directory } from './database/directory.ts';
import type { FieldRecord } from './database/read/field-record.ts';
import type { CachedCreation } from './redis/create-cached.ts';
import type { SecondaryStorage } from './redis/secondary-storage.ts';
import { throwFailure } from './combined/throw-failure.ts';

export interface CreationParts {
  readonly directory: Pick<Directory, 'userStanding' | 'userRecord'>;
  /** Null where only Redis holds sessions. */
  readonly rows: DatabaseCreation | null;
  /** Null where there is no secondary storage. */
  readonly secondary: {
    readonly creation: CachedCreation;
    readonly storage: Pick<SecondaryStorage, 'read' | 'end' | 'rehearse'>;
  } | null;
}

/**
 * Creates sessions in every store that the deployment uses. The row is added first and committed last; Redis is written
 * in between. If a step fails or the process ends before the commit, the row is rolled back. After a failed step the
 * session is also deleted from Redis. If that fails too, the session left there has a token that was never printed, and
 * it ends at its own expiry.
 */
export function createSessionCreation({ directory, rows, secondary }: CreationParts): SessionCreation {
  const removeCached = async (token: string) => {
    if (secondary === null) return;
    const { failure } = await secondary.storage.end(await secondary.storage.read([token]), 'with indexes');
    throwFailure(failure);
  };

  const writeCached = async (session: NewSession, record: FieldRecord, user: FieldRecord | null) => {
    const { userId, token } = session;
    await secondary?.creation.create(
      {
        userId,
        token,
        expiresAt: millisecondsOf(session.expiresAt),
        // Where the row holds whole seconds, Better Auth keeps the milliseconds here.
        value: JSON.stringify({ session: { ...record, createdAt: session.createdAt }, user }),
      },
      millisecondsOf(session.createdAt),
    );
  };

  return {
    userStanding: async (userId) => (await directory.userStanding?.(userId)) ?? null,
    check: async () => {
      await rows?.check();
    },
    rehearse: async () => {
      await rows?.rehearse();
      await secondary?.storage.rehearse();
    },

    async create(session) {
      // Read before the transaction, which uses the only connection.
      const user = secondary === null ? null : ((await directory.userRecord?.(session.userId)) ?? null);
      try {
        if (rows !== null) return await rows.insert(session, (record) => writeCached(session, record, user));
        const { userId, token, createdAt, expiresAt, userAgent } = session;
        const id = generateIdLike([userId]);
        const record = {
          id,
          ipAddress: '',
          userAgent,
          expiresAt,
          userId,
          token,
          createdAt,
          updatedAt: createdAt,
        };
        await writeCached(session, record, user);
        return id;
      } catch (error) {
        // If the answer to the commit was lost, the row may exist.
        const undone = await Promise.allSettled([removeCached(session.token), rows?.remove(session.token)]);
        const consequence = undone.every(({ status }) => status === 'fulfilled')
          ? 'no session was made'
          : `the session may exist all the same; its cookie was never printed, and it ends at ${session.expiresAt}`;
        if (error instanceof SessionctlError) throw error.withContext(consequence, undefined);
        throw new ConnectionError(`the session could not be written; ${consequence}`, { cause: error });
      }
    },

    async remove(token) {
      await removeCached(token);
      await rows?.remove(token);
    },
  };
}
