import type { Mismatch } from '../sessions/session-store.ts';
import type { Directory } from './database/directory.ts';
import type { SecondaryStorage } from './redis/secondary-storage.ts';

/** Pages of a scan that are looked at before Redis is said to hold no session. */
const PAGES_LOOKED_AT = 200;
/** So many sessions say whether the users are those of this Redis. */
const SAMPLED = 500;

export interface MismatchParts {
  readonly directory: Pick<Directory, 'target' | 'sessionRows' | 'existingUserIds'>;
  /** Null where Redis alone holds sessions. */
  readonly table: object | null;
  readonly secondary: Pick<SecondaryStorage, 'place' | 'scan'>;
  readonly keyPrefix: string;
}

/**
 * Where the configuration and the stores disagree about where sessions stand: what is revoked in the wrong place lives on,
 * and what is revoked in somebody else's was never meant. Null where they agree, as far as a look tells.
 */
export async function mismatchOf({
  directory,
  table,
  secondary,
  keyPrefix,
}: MismatchParts): Promise<Mismatch | null> {
  const { database } = directory.target;
  const inRedis = await lookInto(secondary, directory.existingUserIds);
  const prefix = JSON.stringify(keyPrefix);
  if (inRedis === 'strangers') {
    const text = `most sessions in Redis ${secondary.place} under the prefix ${prefix} belong to nobody in ${database}: they look like those of another application`;
    return { kind: 'strangers', text };
  }
  const lost = `Redis ${secondary.place} holds no session under the prefix ${prefix}: if the application uses another key_prefix or another Redis, its sessions live on there`;
  if (table === null && ((await directory.sessionRows?.()) ?? 0) > 0) {
    const text = `the session table of ${database} has rows, and store_in_database is false, so that they are left alone: if the application sets storeSessionInDatabase, they live on`;
    return { kind: 'rows', text: inRedis === 'nothing' ? `${text}; and ${lost}` : text };
  }
  // Also where nobody is in the table: whose rows have been ended under a wrong prefix may be signed in by Redis.
  return inRedis === 'nothing' ? { kind: 'nothing', text: lost } : null;
}

/** What a sample of all sessions in Redis says, whatever is selected: users of a few of them may well be gone. */
async function lookInto(
  secondary: MismatchParts['secondary'],
  existingUserIds: Directory['existingUserIds'],
): Promise<'sessions' | 'strangers' | 'nothing'> {
  const owners: string[] = [];
  let pages = 0;
  for await (const { sessions } of secondary.scan()) {
    for (const { session } of sessions) owners.push(session.userId ?? '');
    pages += 1;
    if (owners.length >= SAMPLED) break;
    // In a Redis full of other keys nobody waits for certainty.
    if (pages >= PAGES_LOOKED_AT && owners.length === 0) return 'sessions';
    if (pages >= PAGES_LOOKED_AT) break;
  }
  if (owners.length === 0) return 'nothing';
  if (existingUserIds === null) return 'sessions';
  const known = await existingUserIds([...new Set(owners)]);
  const withUser = owners.filter((id) => known.has(id)).length;
  return owners.length > 2 * withUser ? 'strangers' : 'sessions';
}
