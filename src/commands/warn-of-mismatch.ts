import type { Context } from '../context.ts';
import type { SessionStore } from '../sessions/session-store.ts';

/** Where nothing was found, says whether that may be because nobody looked in the right place. */
export async function warnOfMismatch(
  context: Context,
  store: Pick<SessionStore, 'findMismatch'>,
): Promise<void> {
  const mismatch = await store.findMismatch();
  if (mismatch !== null) await context.warn(mismatch.text);
}
