import { millisecondsOf, type Instant } from '../../sessions/instant.ts';
import { matcherOf } from '../../sessions/matcher.ts';
import { everySession } from '../../sessions/selection.ts';
import type { SecondarySweep, SweepStep } from '../../sessions/sweeping-store.ts';
import type { Directory } from '../database/directory.ts';
import type { CachedSession } from './cached-session.ts';
import type { DeletedKeys } from './deletions.ts';
import type { SecondaryStorage } from './secondary-storage.ts';
import { throwFailure } from '../combined/throw-failure.ts';

export interface SweptPlaces {
  readonly directory: Directory;
  readonly steadfast: SecondaryStorage;
}

/**
 * Milliseconds. A user who has just signed up may not be visible yet, on a replica or because of an open transaction.
 */
const YOUNG = 10 * 60_000;
/** Number of sessions that decide whether the users are those of this Redis. */
const SAMPLED = 500;

/**
 * Goes through secondary storage once. Keys with a lifetime expire by themselves. This deletes the rest: expired
 * sessions of an adapter that sets no lifetime, sessions of deleted users, and entries and lists that name no session.
 */
export async function* sweepSecondary(
  { directory, steadfast }: SweptPlaces,
  expiredAt: Instant,
  { dryRun, stop, before, remark }: Parameters<SecondarySweep['sweep']>[1],
): AsyncGenerator<SweepStep> {
  const { existingUserIds } = directory;
  const isExpired = matcherOf({ ...everySession, surelyExpiredAt: expiredAt });
  const tidier = steadfast.tidier({ lifetimes: true, dryRun });
  const orphansOf = existingUserIds === null ? noOrphans : createOrphans(directory, existingUserIds, remark);

  for await (const { sessions, indexKeys } of steadfast.scan()) {
    if (stop.aborted) return;
    await before();
    const expired = sessions.filter(({ session }) => isExpired(session));
    const living = sessions.filter(({ session }) => !isExpired(session));
    const orphans = await orphansOf(living);
    const end = async (some: readonly CachedSession[]): Promise<DeletedKeys> =>
      dryRun || some.length === 0
        ? { deleted: some.length, uncertain: false, failure: null }
        : steadfast.end(some, 'with indexes');
    const tidied = await tidier.look(indexKeys);
    const ended = await end(expired);
    const ofNobody = await end(ended.failure === null ? orphans : []);
    yield {
      expired: ended.deleted,
      orphans: ofNobody.deleted,
      indexEntries: tidied.entries,
      immortalIndexes: tidied.immortal,
      uncertain: ended.uncertain || ofNobody.uncertain,
    };
    const failure = ended.failure ?? ofNobody.failure;
    throwFailure(failure);
  }
  const rest = await tidier.finish(stop);
  yield {
    expired: 0,
    orphans: 0,
    indexEntries: rest.entries,
    immortalIndexes: rest.immortal,
    uncertain: false,
  };
}

type Orphans = (sessions: readonly CachedSession[]) => Promise<readonly CachedSession[]>;

const noOrphans: Orphans = () => Promise.resolve([]);

/**
 * Sessions whose user is deleted. If hardly any user in Redis exists in this database, the Redis is another
 * application's. Then none of the sessions is deleted.
 */
function createOrphans(
  { target, now }: Directory,
  existingUserIds: NonNullable<Directory['existingUserIds']>,
  remark: (text: string) => void,
): Orphans {
  const youngest = millisecondsOf(now) - YOUNG;
  let isTrusted: boolean | null = null;
  let held: CachedSession[] = [];
  let withUser = 0;
  let looked = 0;
  return async (sessions) => {
    if (isTrusted === false) return [];
    const users = await existingUserIds([...new Set(sessions.map(({ session }) => session.userId ?? ''))]);
    const orphans = sessions.filter(
      ({ session }) =>
        !users.has(session.userId ?? '') &&
        session.createdAt !== null &&
        millisecondsOf(session.createdAt) < youngest,
    );
    if (isTrusted === true) return orphans;
    held = [...held, ...orphans];
    looked += sessions.length;
    withUser += sessions.filter(({ session }) => users.has(session.userId ?? '')).length;
    if (looked < SAMPLED && withUser <= held.length) return [];
    isTrusted = withUser > held.length;
    if (!isTrusted) {
      remark(
        `most sessions in Redis belong to no user of ${target.database}, so orphaned sessions there are not deleted. Is it the right database?`,
      );
      return [];
    }
    return held;
  };
}
