import { everySession } from '../sessions/selection.ts';
import type { Directory } from './database/directory.ts';
import type { DatabaseStore } from './database/open.ts';
import type { SecondaryStorage } from './redis/secondary-storage.ts';

/** Pages of a scan that are looked at before Redis is said to hold no session. */
const PAGES_LOOKED_AT = 200;

export interface MismatchParts {
  readonly directory: Directory;
  readonly table: DatabaseStore | null;
  readonly secondary: SecondaryStorage;
  readonly keyPrefix: string;
}

/**
 * Where the configuration and the stores disagree about where sessions stand, in words: what is revoked in the wrong place
 * lives on. Null where they agree, as far as a look tells.
 */
export async function mismatchOf({
  directory,
  table,
  secondary,
  keyPrefix,
}: MismatchParts): Promise<string | null> {
  const inRedis = await holdsSessions(secondary);
  const rows = (await directory.sessionRows?.()) ?? 0;
  const prefix = JSON.stringify(keyPrefix);
  if (table === null && rows > 0) {
    return `the session table of ${directory.target.database} has rows, and store_in_database is false, so that they are left alone: if the application sets storeSessionInDatabase, they live on`;
  }
  if (!inRedis) {
    const live = table === null ? 0 : (await table.pick({ ...everySession, state: 'active' }, 1)).length;
    if (table === null || live > 0)
      return `Redis ${secondary.place} holds no session under the prefix ${prefix}: if the application uses another key_prefix or another Redis, its sessions live on there`;
  }
  return null;
}

async function holdsSessions(secondary: SecondaryStorage): Promise<boolean> {
  let pages = 0;
  for await (const { sessions } of secondary.scan()) {
    if (sessions.length > 0) return true;
    pages += 1;
    // In a Redis full of other keys nobody waits for certainty.
    if (pages >= PAGES_LOOKED_AT) return true;
  }
  return false;
}
