import { defineCommand } from '../command.ts';
import { emailsOf } from './emails-of.ts';
import { chooseFormat, reportFormats } from '../output/output-format.ts';
import { NotFoundError } from '../sessions/invalid-value.ts';
import { refreshDueAt } from '../sessions/refresh.ts';
import { everySession, resolveSessionId } from '../sessions/selection.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { Session } from '../sessions/session.ts';

export const show = defineCommand<object>({
  words: ['show'],
  summary: 'Show everything about one session',
  examples: [
    ['sessionctl show 3fK9aQ2x', 'By its id, or a beginning of it that no other session has'],
    ['sessionctl show 3fK9aQ2x --json', 'The same for a script'],
  ],
  configure: (command) =>
    command.argument('<id>', 'id of the session, or a unique beginning of at least 8 characters'),
  run: async (context, flags, [id = '']) => {
    const format = chooseFormat(flags, reportFormats);
    const { session: lengths } = await context.settings();
    await context.withStore('read', async (store) => {
      const session = await readSession(id, store);
      const details = {
        session,
        refreshDueAt: refreshDueAt(session, lengths),
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
          ? sessionDetailsJson(details)
          : sessionDetailsText(details, store.now, terminal, styles),
      );
      for (const caution of store.cautions) await context.note(`note: ${caution}`);
    });
    return 0;
  },
});

async function readSession(id: string, store: SessionStore): Promise<Session> {
  const sessionId = await resolveSessionId(id, store);
  for await (const [session] of store.list(
    { ...everySession, sessionIds: [sessionId] },
    { sort: null, limit: 1 },
  )) {
    if (session !== undefined) return session;
  }
  throw new NotFoundError(`the session ${JSON.stringify(sessionId)} ended while it was being read`);
}
