import { ConnectionError } from '../../../../errors.ts';
import type { AskedServer, LagMeter } from '../lag-meter.ts';

/** A receiver of the server's log. Positions in the log are numbers of bytes, as text. */
interface Sender {
  /** The end of the server's own log; nothing after it can have been sent yet. */
  readonly end: string;
  /** Null where the role may not see it. */
  readonly state: string | null;
  readonly has_begun: boolean;
  /** The receiver has reported how much it has written. */
  readonly has_reported: boolean;
  readonly replayed: string | null;
  readonly replay_lag: number | null;
}

/**
 * Positions are compared with how much can have been sent by now. Nothing is computed where there is no row: Aurora has
 * the view without rows, and lacks some of the functions.
 */
const SENDERS = `
SELECT pg_catalog.pg_wal_lsn_diff(
         CASE WHEN pg_catalog.pg_is_in_recovery()
              THEN GREATEST(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())
              ELSE pg_catalog.pg_current_wal_flush_lsn() END, '0/0')::text AS "end",
       s.state,
       s.sent_lsn IS NOT NULL AS has_begun,
       s.write_lsn IS NOT NULL AS has_reported,
       pg_catalog.pg_wal_lsn_diff(s.replay_lsn, '0/0')::text AS replayed,
       (EXTRACT(EPOCH FROM s.replay_lag) * 1000)::float8 AS replay_lag
  FROM pg_catalog.pg_stat_replication s`;

/** Milliseconds between two marks. Marks must stay few even if a replica is a day behind. */
const BETWEEN_MARKS = 1000;

/** The log ended here between two moments, and perhaps before and after them. */
interface Mark {
  readonly end: bigint;
  readonly from: number;
  readonly until: number;
}

interface Replica extends Pick<Sender, 'replay_lag'> {
  readonly end: bigint;
  readonly replayed: bigint;
}

/**
 * Asks the primary, which knows every receiver of its log, replicas and subscribers alike. `replay_lag` alone is not
 * enough: it is the last measured value. That may be old, for a replica that has fallen silent and even for one that
 * has caught up since, and it says too little about a replica that is fetching what it missed. So the meter also
 * remembers the end of the log at several moments. A replica that has not reached such a mark is behind for at least
 * that long; one that has reached it, for no longer.
 */
export function postgresqlLag({ place, ask }: AskedServer): LagMeter {
  let marks: readonly Mark[] = [];

  return async () => {
    const senders = await ask(async (knex) => {
      const { rows } = await knex.raw<{ rows: readonly Sender[] }>(SENDERS);
      return rows;
    });
    const now = performance.now();
    if (senders.some(({ state }) => state === null)) throw notShown(place);
    // A base backup receives no log, and a log archive replays nothing: no client reads old data there.
    const replicas = senders
      .filter(({ has_begun, has_reported, replayed }) => has_begun && !(has_reported && replayed === null))
      .map((sender) => ({ ...sender, end: BigInt(sender.end), replayed: BigInt(sender.replayed ?? 0) }));
    const [first] = replicas;
    if (first === undefined) return null;
    const lags = replicas.map((replica) => lagOf(replica, marks, now));
    marks = withMark(marks, { end: first.end, from: now, until: now }, replicas);
    return Math.max(...lags);
  };
}

function lagOf({ end, replayed, replay_lag }: Replica, marks: readonly Mark[], now: number): number {
  if (replayed >= end) return 0;
  const missed = marks.find((mark) => mark.end > replayed);
  const reached = marks.findLast((mark) => mark.end <= replayed);
  const atLeast = missed === undefined ? 0 : now - missed.from;
  const atMost = reached === undefined ? Infinity : now - reached.until;
  return Math.max(atLeast, Math.min(replay_lag ?? 0, atMost));
}

/** The latest mark and those before it, back to the last one that every replica has reached. */
function withMark(
  marks: readonly Mark[],
  latest: Mark,
  replicas: readonly Pick<Replica, 'replayed'>[],
): readonly Mark[] {
  const needed = marks.slice(
    Math.max(
      0,
      marks.findLastIndex(({ end }) => replicas.every(({ replayed }) => end <= replayed)),
    ),
  );
  const last = needed.at(-1);
  if (last?.end === latest.end) return [...needed.slice(0, -1), { ...last, until: latest.until }];
  return last === undefined || latest.from - last.from >= BETWEEN_MARKS ? [...needed, latest] : needed;
}

function notShown(place: string): ConnectionError {
  return new ConnectionError(`${place} does not show this account how far its replicas are behind`, {
    hint: 'An administrator can allow it with GRANT pg_read_all_stats TO <account>; pg_monitor includes it.',
  });
}
