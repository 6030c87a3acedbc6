import type { Context } from '../../context.ts';
import { UsageError } from '../../errors.ts';
import { counted } from '../../output/counted.ts';
import type { SessionChange } from '../../output/session-change.ts';
import { noteDoubts } from '../address-notes.ts';
import { departureOf, differencesBetween, type Sight } from '../../sessions/session-changes.ts';
import {
  everySession,
  type Selection,
  type SelectionRequest,
  type SelectionWords,
} from '../../sessions/selection.ts';
import { resolveMoments, resolveSelection } from '../../sessions/resolve-selection.ts';
import type { SessionStore } from '../../sessions/session-store.ts';
import type { SortOrder, Target } from '../../sessions/reading-store.ts';
import type { Session } from '../../sessions/session.ts';
import { emailsOf } from '../emails-of.ts';
import { noteUnreadable } from '../note-unreadable.ts';
import { unreadableText } from '../../output/unreadable.ts';
import { warnOfMismatch } from '../warn-of-mismatch.ts';

export async function lookAgain(
  context: Context,
  request: SelectionRequest,
  { words, sort, limit, format }: WatchOptions,
  before: Look | null,
  stop: AbortSignal,
): Promise<Look> {
  const begun = performance.now();
  return context.withStore(
    'read',
    async (store) => {
      const { ipv6Subnet } = (await context.settings()).ip;
      // Named users and sessions are looked up only once: they may end during the watch, which is what it reports.
      const selection: Selection =
        before === null
          ? await resolveSelection(request, store, ipv6Subnet)
          : { ...before.selection, ...resolveMoments(request, store.now) };
      store.requireColumns(selection, sort?.field ?? null);
      const most = format === 'jsonl' ? COMPARED : (limit ?? ON_SCREEN);
      const found = await sessionsOf(store, selection, sort, most + 1);
      if (format === 'jsonl' && found.length > most) {
        throw new UsageError(
          `more than ${counted(most, 'session')} match, and --watch compares all of them`,
          {
            hint: 'Narrow the selection, such as with --user, --ip or --created-after.',
          },
        );
      }
      const sessions = found.slice(0, most);
      const isWhole = found.length <= most;
      const sight = { now: store.now, selection, sessions, isWhole };
      if (before === null) {
        await noteDoubts(context, store, selection, words);
        if (store.unreadable() > 0) await context.note(`note: ${unreadableText(store.unreadable())}`);
        const isUnreadable = ({ unreadableTimes }: Session) => unreadableTimes !== undefined;
        await noteUnreadable(context, store, selection, sessions.filter(isUnreadable).length);
        if (sessions.length === 0) await warnOfMismatch(context, store);
      }
      return {
        ...sight,
        target: store.target,
        all: isWhole ? sessions.length : await store.count(selection),
        changes: before === null ? sessions.map(present) : await changesBetween(store, before, sight),
        emails:
          format === 'screen'
            ? await emailsOf(
                sessions.slice(0, ON_SCREEN).map(({ impersonatedBy }) => impersonatedBy),
                store,
              )
            : new Map(),
        cautions: store.cautions,
        took: performance.now() - begun,
      };
    },
    stop,
  );
}

async function sessionsOf(
  store: SessionStore,
  selection: Selection,
  sort: SortOrder | null,
  limit: number,
): Promise<readonly Session[]> {
  const sessions: Session[] = [];
  for await (const chunk of store.list(selection, { sort, limit })) sessions.push(...chunk);
  return sessions;
}

export const present = (session: Session): SessionChange => ({ change: 'present', because: null, session });

async function changesBetween(
  store: SessionStore,
  before: Sight,
  after: Sight,
): Promise<readonly SessionChange[]> {
  const { appeared, changed, missing } = differencesBetween(before, after);
  const found = new Map<string, Session>();
  for (let from = 0; from < missing.length; from += AT_ONCE) {
    const sessionIds = missing.slice(from, from + AT_ONCE).map(({ id }) => id);
    for (const session of await sessionsOf(store, { ...everySession, sessionIds }, null, AT_ONCE))
      found.set(session.id, session);
  }
  const gone = missing.flatMap((session): readonly SessionChange[] => {
    const because = departureOf(found.get(session.id), after.selection);
    return because === null ? [] : [{ change: 'gone', because, session }];
  });
  return [
    ...gone,
    ...appeared.map((session): SessionChange => ({ change: 'appeared', because: null, session })),
    ...changed.map((session): SessionChange => ({ change: 'changed', because: null, session })),
  ];
}

export interface WatchOptions {
  /** The selecting options as they were typed. */
  readonly words: SelectionWords;
  /** Milliseconds between the end of one check and the next. */
  readonly interval: number;
  readonly sort: SortOrder | null;
  /** The most sessions on a screen. */
  readonly limit: number | undefined;
  /** On the screen of a terminal, or as JSON lines. */
  readonly format: 'screen' | 'jsonl';
}

/** Sessions that are read for a screen. */
const ON_SCREEN = 500;
/** The most sessions that are compared with each other: all of them stay in memory. */
const COMPARED = 20_000;
/** Ids that are looked up at once. */
const AT_ONCE = 500;

/** The result of one check, and what is needed to report it. */
export interface Look extends Sight {
  readonly target: Target;
  /** How many match. */
  readonly all: number;
  readonly changes: readonly SessionChange[];
  readonly emails: ReadonlyMap<string, string>;
  readonly cautions: readonly string[];
  /** Milliseconds. */
  readonly took: number;
}
