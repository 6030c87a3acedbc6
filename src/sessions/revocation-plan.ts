import { type Instant, wholeSecond } from './instant.ts';
import { dependsOnTimes, everySession, type Selection } from './selection.ts';
import type { SessionStore } from './session-store.ts';
import type { Survey } from './ending-store.ts';
import type { Session } from './session.ts';
import { countUnclearAddresses } from './unclear-addresses.ts';
import { usersNamedBy } from './ways-back.ts';

/** The effect of a revocation, shown before anything is done. */
export interface RevocationPlan {
  /** The selection that was asked for. Other sessions may match it later. */
  readonly asked: Selection;
  /** The part of it that exists at present. */
  readonly selection: Selection;
  readonly survey: Survey;
  /** Sessions that are left alone since their address is unreadable. */
  readonly unreadableAddresses: number;
  /** See `Remaining.unreadableTimes`, for the selection that was asked for. */
  readonly unreadableTimes: number;
  /** Some of the sessions. */
  readonly sample: readonly Session[];
  /**
   * The sample holds the most recently active sessions; if there are too many to sort, the first ones that the store
   * finds.
   */
  readonly isNewest: boolean;
  /** The number of all sessions in the selected states; null where counting was not worthwhile. */
  readonly all: number | null;
}

export interface PlanOptions {
  /** Rows are kept as records (Better Auth's `preserveSessionInDatabase`): expired rows are records already. */
  readonly preserve: boolean;
  readonly sampleSize: number;
}

/** Counts the selected sessions, and limits the selection to them: sessions that match later are not included. */
export async function planRevocation(
  store: SessionStore,
  asked: Selection,
  options: PlanOptions,
): Promise<RevocationPlan> {
  const clock = await store.readClock();
  const preserveAt = options.preserve ? wholeSecond(clock) : null;
  const { selection, survey, some } = await fix(store, asked, clock, preserveAt);
  const isNewest = survey.sessions <= (store.secondary === null ? SORTED : SORTED_BY_HAND);
  const limit = Math.min(options.sampleSize, survey.sessions);
  // Ranking all users takes as long for five sessions as for all: the first ones found are enough.
  const ranksAgain = selection.keepNewest !== null && !isNewest;
  const meant = ranksAgain
    ? { ...everySession, sessionIds: some.slice(0, limit) }
    : living(selection, preserveAt);
  const sample = limit === 0 ? [] : await sampleOf(store, meant, limit, isNewest);
  const unreadableAddresses = await countUnclearAddresses(store, living(asked, preserveAt));
  const unreadableTimes = await unreadableIn(store, asked);
  const everybody = living({ ...everySession, state: asked.state }, preserveAt);
  const all = asked.sessionIds === null ? await countAll(store, everybody, survey.sessions) : null;
  return { asked, selection, survey, unreadableAddresses, unreadableTimes, sample, isNewest, all };
}

async function unreadableIn(store: SessionStore, asked: Selection): Promise<number> {
  return dependsOnTimes(asked) ? (await store.lookAgain(asked, 0, 'once')).unreadableTimes : 0;
}

/** Of this many sessions or more, more than half count as nearly all. */
export const CROWD = 100;
/** Up to this many are counted in any case. */
const FEW = 1000;

/**
 * Counts all sessions. A large table is read only for a large selection: ending a few sessions must not wait for it.
 * @returns null if the selection is far less than half of all sessions
 */
async function countAll(store: SessionStore, everybody: Selection, meant: number): Promise<number | null> {
  const inRedis = store.secondary !== null;
  if (meant >= CROWD || (inRedis && meant > CROWD / 2)) return Math.max(meant, await store.count(everybody));
  if (inRedis) return null;
  const some = await store.pick(everybody, FEW + 1);
  return some.length > FEW ? null : Math.max(meant, some.length);
}

/**
 * Up to this many sessions are fixed by their ids. More ids would fill memory, and a walk through the table finds them
 * faster than looking each one up.
 */
const PICKED = 10_000;

/** The sessions that match at present: by their ids, or limited by the time of their sign-in. */
export async function fix(
  store: SessionStore,
  asked: Selection,
  clock: Instant,
  preserveAt: Instant | null,
): Promise<{
  readonly selection: Selection;
  readonly survey: Survey;
  /** Ids of the first sessions found, if they had to be looked up. */
  readonly some: readonly string[];
}> {
  if (asked.sessionIds === null) {
    const ids = await store.pick(living(asked, preserveAt), PICKED + 1);
    if (ids.length > PICKED) {
      const survey = await store.survey(living(asked, preserveAt), usersNamedBy(asked));
      const newest = asked.keepNewest === null ? survey.newest : await newestOf(store);
      return { selection: bounded(asked, { newest }, clock, store.zoneKnown), survey, some: ids };
    }
    return named({ ...asked, sessionIds: ids });
  }
  return named(asked);

  async function named(selection: Selection) {
    const survey = await store.survey(living(selection, preserveAt), usersNamedBy(asked));
    return { selection, survey, some: selection.sessionIds ?? [] };
  }
}

/** When the newest session of all began: to keep the newest ones, the sessions that stay must be known too. */
async function newestOf(store: SessionStore): Promise<Instant | null> {
  const latest = { sort: { field: 'createdAt', direction: 'desc' }, limit: 1 } as const;
  for await (const [session] of store.list({ ...everySession, state: 'active' }, latest))
    return session?.createdAt ?? null;
  return null;
}

/** Finding the newest of more sessions than this takes too long for a sample of five lines. */
const SORTED = 100_000;

/** Redis does not sort: each session has to be read for it. */
const SORTED_BY_HAND = 10_000;

/** Fewer if one is unreadable: that is no reason not to end it. */
async function sampleOf(
  store: SessionStore,
  selection: Selection,
  limit: number,
  isNewest: boolean,
): Promise<readonly Session[]> {
  const sample: Session[] = [];
  try {
    const sort = isNewest ? ({ field: 'lastActiveAt', direction: 'desc' } as const) : null;
    for await (const chunk of store.list(selection, { sort, limit })) sample.push(...chunk);
  } catch {
    return sample;
  }
  return sample;
}

/**
 * Limits a selection to the sessions that exist at present, by the store's current time. Where clocks differ, or a zone
 * is not known, sessions may claim to have begun later, or hours ago. Then the latest of the counted sessions is the
 * limit.
 */
function bounded(
  selection: Selection,
  { newest }: Pick<Survey, 'newest'>,
  clock: Instant,
  zoneKnown: boolean,
): Selection {
  if (newest === null) return { ...selection, presentAt: clock };
  return { ...selection, presentAt: zoneKnown && clock > newest ? clock : newest };
}

/** Where rows are kept as records, the sessions that expire after the moment: the others are records already. */
export function living(selection: Selection, moment: Instant | null): Selection {
  if (moment === null) return selection;
  return { ...selection, aliveAt: moment };
}
