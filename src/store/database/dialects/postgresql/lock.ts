import type { Knex } from 'knex';
import { wholeSecond } from '../../../../sessions/instant.ts';
import type { LockHolder, LockOwner } from '../../../../sessions/run-lock.ts';
import { digestOf, type AdvisoryLock, type LockSubject } from '../advisory-lock.ts';
import { connectionLock } from '../connection-lock.ts';
import { lockConnection } from './lock-connection.ts';
import { fitWho, readSince, readWho } from '../lock-owner-text.ts';

/** The server truncates the name of a connection after this many bytes. */
const NAME_BYTES = 63;

/**
 * An advisory lock. It belongs to one database, so it need not name it. The holder is in the name of the connection,
 * which every role may read.
 */
export function postgresqlLock(knex: Knex, subject: LockSubject): AdvisoryLock {
  const digest = digestOf(subject);
  // Without the first bit, an integer is written like the oid that pg_locks shows for it.
  const lock = [digest.slice(0, 8), digest.slice(8, 16)].map((digits) =>
    String(Number.parseInt(digits, 16) & 0x7fffffff),
  ) as [string, string];
  const { present, attempt, holder, close } = lockConnection(knex);

  return connectionLock({
    connection: present,

    async attempt(own) {
      const pid = await attempt(lock, nameOf(subject, own));
      if (pid !== null) return { isTaken: true, holder: pid, told: { who: null, since: null } };
      const other = await holder(lock);
      return { isTaken: false, holder: other?.pid ?? null, told: readName(subject, other?.name ?? '') };
    },

    close,

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
