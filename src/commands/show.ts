import { defineCommand } from '../command.ts';
import { emailsOf } from './emails-of.ts';
import { chooseFormat, reportFormats } from '../output/output-format.ts';
import { NotFoundError } from '../sessions/invalid-value.ts';
import { freshUntil, refreshDueAt } from '../sessions/refresh.ts';
import { everySession } from '../sessions/selection.ts';
import { resolveSessionId } from '../sessions/resolve-selection.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { Session } from '../sessions/session.ts';
import { warnOfMismatch } from './warn-of-mismatch.ts';

export const show = defineCommand<object>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 130],
  examples: [
    ['sessionctl show QsFYstwy', 'Show a session by its id, or a unique prefix of it'],
    ['sessionctl show QsFYstwy --json', 'The same for a script'],
  ],
  configure: (command) =>
    command.argument('<id>', 'id of the session, or a unique prefix of at least 8 characters'),
  run: async (context, flags, [id = '']) => {
    const format = chooseFormat(flags, reportFormats);
    const { session: lengths } = await context.settings();
    await context.withStore('read', async (store) => {
      const session = await readSession(id, store).catch(async (error: unknown) => {
        if (error instanceof NotFoundError) await warnOfMismatch(context, store);
        throw error;
      });
      const survey = await store.survey({ ...everySession, sessionIds: [session.id] });
      const details = {
        session,
        freshUntil: freshUntil(session, lengths.freshAge),
        oauthTokens: survey.oauthTokens,
        impersonating: await openedBy(session.userId, store),
        standing: await store.standings.byId(session.id),
        refreshDueAt: refreshDueAt(session, lengths),
        expiresIn: lengths.expiresIn,
        disableRefresh: lengths.disableRefresh,
        deferRefresh: lengths.deferRefresh,
        emails: await emailsOf([session.impersonatedBy], store),
        otherActiveSessions:
          session.userId === null
            ? 0
            : await store.count({
                ...everySession,
                userIds: [session.userId],
                exceptSessionIds: [session.id],
                state: 'active',
              }),
      };
      const { sessionDetailsJson, sessionDetailsText } = await import('../output/session-details.ts');
      const { terminal, styles } = context.stdout;
      await context.print(
        format === 'json'
          ? sessionDetailsJson(details, store.now)
          : sessionDetailsText(details, store.now, terminal, styles),
      );
      for (const caution of store.cautions) await context.note(`note: ${caution}`);
    });
    return 0;
  },
});

/** The most impersonated sessions that are named. */
const NAMED = 5;

/** The active sessions in which a user impersonates another. */
async function openedBy(
  userId: string | null,
  store: SessionStore,
): Promise<{ readonly count: number; readonly some: readonly Session[] }> {
  // Only the admin plugin has the column for such sessions.
  if (userId === null || store.absent.includes('impersonatedBy')) return { count: 0, some: [] };
  const selection = { ...everySession, impersonatorIds: [userId], state: 'active' } as const;
  const some: Session[] = [];
  for await (const chunk of store.list(selection, { sort: null, limit: NAMED + 1 })) some.push(...chunk);
  const count = some.length <= NAMED ? some.length : await store.count(selection);
  return { count, some: some.slice(0, NAMED) };
}

async function readSession(id: string, store: SessionStore): Promise<Session> {
  const sessionId = await resolveSessionId(id, store);
  for await (const [session] of store.list(
    { ...everySession, sessionIds: [sessionId] },
    { sort: null, limit: 1 },
  )) {
    if (session !== undefined) return session;
  }
  throw new NotFoundError(`the session ${JSON.stringify(sessionId)} ended while it was read`);
}
