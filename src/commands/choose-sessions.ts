import type { Context } from '../context.ts';
import { counted } from '../output/counted.ts';
import { userOf } from '../output/user-of.ts';
import type { Selection } from '../sessions/selection.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { Session } from '../sessions/session.ts';

/** A longer list is too long to read. */
const OFFERED = 500;

/**
 * Offers the sessions of a selection of users on the terminal, newest activity first, and returns the ids of the ticked
 * ones.
 */
export async function chooseSessions(
  context: Context,
  store: SessionStore,
  selection: Selection,
): Promise<readonly string[]> {
  const sessions: Session[] = [];
  const order = { sort: { field: 'lastActiveAt', direction: 'desc' }, limit: OFFERED } as const;
  for await (const chunk of store.list(selection, order)) sessions.push(...chunk);
  if (sessions.length === 0) {
    await context.note('There is no session to choose from.');
    return [];
  }
  if (sessions.length === OFFERED)
    await context.note(`Only the ${String(OFFERED)} with the latest activity are offered.`);
  const { sessionLine } = await import('../output/session-line.ts');
  const prompter = await context.prompter();
  const ticked = await prompter.tick(
    `Sessions of ${named(sessions)} to end`,
    sessions.map((session) => ({ value: session.id, ...sessionLine(session, store.now) })),
  );
  // A server may drop a connection that is idle while the operator thinks. This waits until there is one again.
  await store.readClock();
  return ticked;
}

/** `ada@example.com`, `ada@example.com and 2 others`. */
function named(sessions: readonly Session[]): string {
  const users = new Map(sessions.map((session) => [session.userId, userOf(session)]));
  const [first = ''] = users.values();
  const others = users.size - 1;
  return others === 0 ? first : `${first} and ${counted(others, 'other')}`;
}
