import { everySession } from '../sessions/selection.ts';
import type { Mismatch, SecondaryPlace } from '../sessions/session-store.ts';
import type { Directory } from './database/directory.ts';
import type { SessionRows } from './database/session-rows.ts';
import type { RedisConnection } from './redis/connect-redis.ts';
import { findElsewhere } from './redis/find-elsewhere.ts';
import type { SecondaryStorage } from './redis/secondary-storage.ts';

/** Pages of a scan that are looked at before Redis is said to hold no session. */
const PAGES_LOOKED_AT = 200;
/** This many sessions say whether Redis and the database belong together. */
const SAMPLED = 500;

export interface MismatchParts {
  readonly directory: Pick<Directory, 'target' | 'sessionRows' | 'existingUserIds'>;
  /** Null where Redis alone holds sessions. */
  readonly rows: Pick<SessionRows, 'nextRows'> | null;
  readonly connection: RedisConnection;
  readonly secondary: Pick<SecondaryStorage, 'place' | 'scan' | 'read' | 'hasTraces'>;
  readonly keyPrefix: string;
}

/**
 * Where the configuration and the stores disagree about where sessions stand: what is revoked in the wrong place stays valid,
 * and what is revoked in another application's was never meant. Null where they agree, as far as a look tells.
 */
export async function mismatchOf(parts: MismatchParts): Promise<Mismatch | null> {
  const { directory, rows, connection, secondary, keyPrefix } = parts;
  const { database } = directory.target;
  const inRedis = await lookInto(secondary, directory.existingUserIds);
  if (inRedis === 'sessions' && rows !== null) return null;
  const prefix = JSON.stringify(keyPrefix);
  const strangers = `most sessions in Redis ${secondary.place} under the prefix ${prefix} belong to nobody in ${database}: they look like those of another application`;
  const found = async () => {
    const places = await findElsewhere(connection, keyPrefix, directory.existingUserIds);
    return { places, text: places.length === 0 ? '' : `; ${elsewhereText(places)}` };
  };
  const check = 'Check key_prefix, the number at the end of the Redis URL, and the database.';
  if (rows !== null) {
    const live = await rows.nextRows({ ...everySession, state: 'active' }, null, SAMPLED);
    const held = live.length === 0 ? [] : await secondary.read(live.map(({ token }) => token));
    if (held.length > 0) return inRedis === 'strangers' ? mismatch('strangers', strangers, check) : null;
    if (live.length > 0) {
      const { places, text } = await found();
      const none = `Redis ${secondary.place} holds none of the ${String(live.length)} live sessions of ${database} that were looked up there, with the prefix ${prefix}${text}`;
      const hint = `${remedyOf(places) ?? check} If Redis was emptied, or has evicted them, --allow-mismatch continues.`;
      return mismatch('nothing', inRedis === 'strangers' ? `${none}; ${strangers}` : none, hint, places);
    }
  }
  if (inRedis === 'strangers')
    return mismatch(
      'strangers',
      strangers,
      `${check} If they are meant: without --yes, on a terminal; or named, with --user or \`sessionctl revoke\`.`,
    );
  const lost = `Redis ${secondary.place} holds no session under the prefix ${prefix}`;
  if (rows === null && ((await directory.sessionRows?.()) ?? 0) > 0) {
    const text = `the session table of ${database} has rows, and store_in_database is false, so that they are left alone: if the application sets storeSessionInDatabase, they stay valid`;
    const hint =
      'If it does, set store_in_database = true in [profiles.<name>.session]. If the rows are left from before it used Redis, delete them, or give --allow-mismatch.';
    return mismatch('rows', inRedis === 'nothing' ? `${text}; and ${lost}` : text, hint);
  }
  if (inRedis !== 'nothing') return null;
  const { places, text } = await found();
  // A deployment may have no session at all: that alone is no contradiction.
  if (places.length > 0) return mismatch('nothing', `${lost}${text}`, remedyOf(places) ?? check, places);
  const unknown = `${lost}: if the application uses another key_prefix or another Redis, its sessions stay valid there`;
  // Where a table is asked as well, its rows would have told.
  if (rows !== null || (await secondary.hasTraces())) return mismatch('empty', unknown, check);
  return mismatch('untouched', unknown, `${check} If nobody is signed in, --allow-mismatch continues.`);
}

function mismatch(
  kind: Mismatch['kind'],
  text: string,
  hint: string,
  elsewhere: readonly SecondaryPlace[] = [],
): Mismatch {
  return { kind, text, hint, elsewhere };
}

function elsewhereText(places: readonly SecondaryPlace[]): string {
  const each = places.map(
    ({ keyPrefix, database }) =>
      `under the prefix ${JSON.stringify(keyPrefix)}${database === null ? '' : ` in its database ${String(database)}`}`,
  );
  return `sessions of users of this database stand ${each.join(', and ')}`;
}

function remedyOf([place]: readonly SecondaryPlace[]): string | null {
  if (place === undefined) return null;
  const { keyPrefix, database } = place;
  const number = database === null ? '' : `, and end its url with /${String(database)}`;
  return `Set key_prefix = ${JSON.stringify(keyPrefix)} in [profiles.<name>.redis]${number}.`;
}

/** What a sample of all sessions in Redis says, whatever is selected: users of a few of them may well be gone. */
async function lookInto(
  secondary: MismatchParts['secondary'],
  existingUserIds: Directory['existingUserIds'],
): Promise<'sessions' | 'strangers' | 'nothing' | 'unknown'> {
  const owners: string[] = [];
  let unreadable = 0;
  let pages = 0;
  for await (const page of secondary.scan()) {
    for (const { session } of page.sessions) owners.push(session.userId ?? '');
    unreadable += page.unreadable.length;
    pages += 1;
    if (owners.length >= SAMPLED) break;
    // In a Redis full of other keys, certainty takes too long.
    if (pages >= PAGES_LOOKED_AT && owners.length === 0) return 'unknown';
    if (pages >= PAGES_LOOKED_AT) break;
  }
  if (owners.length === 0) return unreadable > 0 ? 'unknown' : 'nothing';
  if (existingUserIds === null) return 'sessions';
  const known = await existingUserIds([...new Set(owners)]);
  const withUser = owners.filter((id) => known.has(id)).length;
  return owners.length > 2 * withUser ? 'strangers' : 'sessions';
}
