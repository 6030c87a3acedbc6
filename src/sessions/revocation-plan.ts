import { type Instant, wholeSecond } from './instant.ts';
import { dependsOnTimes, everySession, type Selection } from './selection.ts';
import type { SessionStore, Survey } from './session-store.ts';
import type { Session } from './session.ts';
import { countUnclearAddresses } from './unclear-addresses.ts';
import { usersNamedBy } from './ways-back.ts';

/** What a revocation would do, as it is shown before anything is done. */
export interface RevocationPlan {
  /** What was asked for; from now on others may come to match it. */
  readonly asked: Selection;
  /** Of that, those who are there at present. */
  readonly selection: Selection;
  readonly survey: Survey;
  /** Sessions that are left alone since their address cannot be read. */
  readonly unreadableAddresses: number;
  /** As `Remaining.unreadableTimes` of what was asked for. */
  readonly unreadableTimes: number;
  /** Some of the sessions. */
  readonly sample: readonly Session[];
  /** The sample is the newest activity of all; too many to be sorted, it is whatever the store comes upon first. */
  readonly isNewest: boolean;
  /** How many sessions there are in the states that are meant; null where that was not worth a count. */
  readonly all: number | null;
}

export interface PlanOptions {
  /** Rows are kept as records (Better Auth's `preserveSessionInDatabase`): those that have expired are such already. */
  readonly preserve: boolean;
  readonly sampleSize: number;
}

/** Counts what a selection holds, and fixes that this is what is meant: whoever comes to match later is not. */
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
  // Ranking everybody takes as long for five of them as for all: some of the first that it gave will do.
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

export async function unreadableIn(store: SessionStore, asked: Selection): Promise<number> {
  return dependsOnTimes(asked) ? (await store.lookAgain(asked, 0, 'once')).unreadableTimes : 0;
}

/** Of so many sessions in all, more than half are nearly everybody. */
export const CROWD = 100;
/** So many are counted whatever they are compared with. */
export const FEW = 1000;

/**
 * Counts all sessions. A large table is read for a large selection alone: what ends a few must not wait for it.
 * @returns null where a selection is far from half of them
 */
export async function countAll(
  store: SessionStore,
  everybody: Selection,
  meant: number,
): Promise<number | null> {
  const inRedis = store.secondary !== null;
  if (meant >= CROWD || (inRedis && meant > CROWD / 2)) return Math.max(meant, await store.count(everybody));
  if (inRedis) return null;
  const some = await store.pick(everybody, FEW + 1);
  return some.length > FEW ? null : Math.max(meant, some.length);
}

/**
 * So many sessions are fixed by their ids. Of more, the ids would fill memory, and the database would look up one by one
 * what it finds faster on a walk through the table.
 */
export const PICKED = 10_000;

/** Those who match and are there: by their ids, or bounded by when they signed in. */
export async function fix(
  store: SessionStore,
  asked: Selection,
  clock: Instant,
  preserveAt: Instant | null,
): Promise<{
  readonly selection: Selection;
  readonly survey: Survey;
  /** Ids of the first that were found, where they had to be found. */
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

/** When the latest session of all began: whoever is to keep the newest has to know of those that stay, too. */
export async function newestOf(store: SessionStore): Promise<Instant | null> {
  const latest = { sort: { field: 'createdAt', direction: 'desc' }, limit: 1 } as const;
  for await (const [session] of store.list({ ...everySession, state: 'active' }, latest))
    return session?.createdAt ?? null;
  return null;
}

/** To find the newest of more sessions than these takes longer than anybody wants to wait for five lines. */
export const SORTED = 100_000;

/** Redis sorts nothing: each of them has to be fetched for it. */
export const SORTED_BY_HAND = 10_000;

/** Fewer where one cannot be read: that is no reason not to end it. */
export async function sampleOf(
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
 * Bounds a selection to those who are there. The bound is the store's present; but where clocks differ, or a zone is
 * not known, sessions may say that they began later, or hours ago: the latest of those that were counted decides then.
 */
export function bounded(
  selection: Selection,
  { newest }: Pick<Survey, 'newest'>,
  clock: Instant,
  zoneKnown: boolean,
): Selection {
  if (newest === null) return { ...selection, presentAt: clock };
  return { ...selection, presentAt: zoneKnown && clock > newest ? clock : newest };
}

/** Where rows are kept as records, those that live longer than until the moment: the others are records already. */
export function living(selection: Selection, moment: Instant | null): Selection {
  if (moment === null) return selection;
  return { ...selection, aliveAt: moment };
}
