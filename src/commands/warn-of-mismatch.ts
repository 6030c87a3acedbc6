import type { Context } from '../context.ts';
import type { SessionStore } from '../sessions/session-store.ts';

/** Where nothing was found, warns if another store may hold the sessions. @returns whether it may */
export async function warnOfMismatch(
  context: Context,
  store: Pick<SessionStore, 'findMismatch'>,
): Promise<boolean> {
  const mismatch = await store.findMismatch();
  if (mismatch !== null) await context.warn(mismatch.text);
  return mismatch !== null;
}
