import type { Knex } from 'knex';
import { wholeSecond } from '../../../sessions/instant.ts';
import type { LockHolder, LockOwner } from '../../../sessions/run-lock.ts';
import { digestOf, type AdvisoryLock, type LockSubject } from './advisory-lock.ts';
import { connectionLock } from './connection-lock.ts';
import { fitWho, readSince, readWho } from './lock-owner-text.ts';

/** The name of a connection is cut off by the server behind so many bytes. */
const NAME_BYTES = 63;

/**
 * A session-level advisory lock. Such locks belong to one database, so it need not be named. Who holds it stands in the
 * name of the connection, which every role may read. Behind PgBouncer in transaction mode such a lock would stay with
 * whichever connection of the pool has got it; there, the parameters that sessionctl connects with are refused already.
 */
export function postgresqlLock(knex: Knex, subject: LockSubject): AdvisoryLock {
  const digest = digestOf(subject);
  // Without the first bit, an integer and the oid that pg_locks shows it as are written the same.
  const [first, second] = [digest.slice(0, 8), digest.slice(8, 16)].map((digits) =>
    String(Number.parseInt(digits, 16) & 0x7fffffff),
  ) as [string, string];

  return connectionLock(knex, {
    async attempt(own) {
      const { rows } = await knex.raw<{ rows: [{ readonly pid: number; readonly got: boolean }] }>(
        `SELECT pg_backend_pid() AS pid, set_config('application_name', ?, false), pg_try_advisory_lock(${first}, ${second}) AS got`,
        [nameOf(subject, own)],
      );
      const [{ pid, got }] = rows;
      if (got) return { isTaken: true, holder: pid, told: { who: null, since: null } };
      const answer = await knex.raw<{
        rows: readonly { readonly pid: number; readonly name: string | null }[];
      }>(
        `SELECT l.pid, a.application_name AS name
           FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
          WHERE l.locktype = 'advisory' AND l.granted
            AND (l.classid, l.objid, l.objsubid) = (${first}, ${second}, 2)
            AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())`,
      );
      const [holder] = answer.rows;
      return { isTaken: false, holder: holder?.pid ?? null, told: readName(subject, holder?.name ?? '') };
    },

    async letGo() {
      await knex.raw(`SELECT pg_advisory_unlock_all(), set_config('application_name', 'sessionctl', false)`);
    },

    describe: (pid) => ({
      process: `process ${String(pid)} of the server`,
      ending: `SELECT pg_terminate_backend(${String(pid)})`,
    }),
  });
}

/** `sessionctl sweep 20261123T020000Z root@cron-1, pid 4711` */
function nameOf({ name }: LockSubject, { who, since }: LockOwner): string {
  const moment = wholeSecond(since).replace(/[-:]|\.\d+/g, '');
  const before = `sessionctl ${name} ${moment} `;
  return before + fitWho(who, NAME_BYTES - before.length);
}

function readName({ name }: LockSubject, text: string): LockHolder {
  const [program, subject, moment, ...who] = text.split(' ');
  if (program !== 'sessionctl' || subject !== name) return { who: null, since: null };
  return { who: readWho(who.join(' ')), since: readSince(moment) };
}
