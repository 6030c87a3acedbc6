import { everySession } from '../../sessions/selection.ts';
import type { Mismatch, SecondaryPlace } from '../../sessions/reading-store.ts';
import type { Directory } from '../database/directory.ts';
import type { SessionRows } from '../database/read/session-rows.ts';
import type { RedisConnection } from '../redis/connect-redis.ts';
import { findElsewhere } from '../redis/find-elsewhere.ts';
import type { SecondaryStorage } from '../redis/secondary-storage.ts';

/** Pages of a scan that are read before sessionctl reports that Redis holds no session. */
const PAGES_LOOKED_AT = 200;
/** Number of sessions that decide whether Redis and the database belong together. */
const SAMPLED = 500;

export interface MismatchParts {
  readonly directory: Pick<Directory, 'target' | 'sessionRows' | 'existingUserIds'>;
  /** Null where only Redis holds sessions. */
  readonly rows: Pick<SessionRows, 'nextRows'> | null;
  readonly connection: RedisConnection;
  readonly secondary: Pick<SecondaryStorage, 'place' | 'scan' | 'read' | 'hasTraces'>;
  readonly keyPrefix: string;
}

/**
 * A contradiction between the configuration and the stores about where sessions are: a revocation in the wrong place
 * leaves sessions valid, and one in another application's place ends the wrong sessions. Null where they agree, as far
 * as one check can tell.
 */
export async function mismatchOf(parts: MismatchParts): Promise<Mismatch | null> {
  const { directory, rows, connection, secondary, keyPrefix } = parts;
  const { database } = directory.target;
  const inRedis = await lookInto(secondary, directory.existingUserIds);
  if (inRedis === 'sessions' && rows !== null) return null;
  const prefix = JSON.stringify(keyPrefix);
  const strangers = `most sessions in Redis ${secondary.place} under the prefix ${prefix} belong to no user of ${database}: they seem to be another application's`;
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
      const hint = `${remedyOf(places) ?? check} If Redis was emptied or has evicted them, continue with --allow-mismatch.`;
      return mismatch('nothing', inRedis === 'strangers' ? `${none}; ${strangers}` : none, hint, places);
    }
  }
  if (inRedis === 'strangers')
    return mismatch(
      'strangers',
      strangers,
      `${check} To end them anyway, run the command on a terminal without --yes, or name them with --user or \`sessionctl revoke\`.`,
    );
  const lost = `Redis ${secondary.place} holds no session under the prefix ${prefix}`;
  if (rows === null && ((await directory.sessionRows?.()) ?? 0) > 0) {
    const text = `the session table of ${database} has rows, but store_in_database is false, so they are left alone: if the application sets storeSessionInDatabase, they stay valid`;
    const hint =
      'If it does, set store_in_database = true in [profiles.<name>.session]. If the rows are from before it used Redis, delete them, or use --allow-mismatch.';
    return mismatch('rows', inRedis === 'nothing' ? `${text}; and ${lost}` : text, hint);
  }
  if (inRedis !== 'nothing') return null;
  const { places, text } = await found();
  // A deployment may have no sessions at all: that alone is not a contradiction.
  if (places.length > 0) return mismatch('nothing', `${lost}${text}`, remedyOf(places) ?? check, places);
  const unknown = `${lost}: if the application uses another key_prefix or another Redis, its sessions stay valid there`;
  // If a table is read as well, its rows would have shown a mismatch.
  if (rows !== null || (await secondary.hasTraces())) return mismatch('empty', unknown, check);
  return mismatch('untouched', unknown, `${check} If no user is signed in, continue with --allow-mismatch.`);
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
  return `sessions of users of this database are stored ${each.join(', and ')}`;
}

function remedyOf([place]: readonly SecondaryPlace[]): string | null {
  if (place === undefined) return null;
  const { keyPrefix, database } = place;
  const number = database === null ? '' : `, and end its url with /${String(database)}`;
  return `Set key_prefix = ${JSON.stringify(keyPrefix)} in [profiles.<name>.redis]${number}.`;
}

/**
 * Judges by a sample of all sessions in Redis, not of the selected ones: the users of a few selected ones may really be
 * deleted.
 */
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
    // In a Redis full of other keys, certainty would take too long.
    if (pages >= PAGES_LOOKED_AT && owners.length === 0) return 'unknown';
    if (pages >= PAGES_LOOKED_AT) break;
  }
  if (owners.length === 0) return unreadable > 0 ? 'unknown' : 'nothing';
  if (existingUserIds === null) return 'sessions';
  const known = await existingUserIds([...new Set(owners)]);
  const withUser = owners.filter((id) => known.has(id)).length;
  return owners.length > 2 * withUser ? 'strangers' : 'sessions';
}
