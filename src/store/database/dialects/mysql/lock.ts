import type { Knex } from 'knex';
import type { LockHolder } from '../../../../sessions/run-lock.ts';
import { digestOf, type AdvisoryLock, type LockSubject } from '../advisory-lock.ts';
import { presentConnection } from '../connection.ts';
import { connectionLock } from '../connection-lock.ts';
import { readWho } from '../lock-owner-text.ts';

type Rows<Row> = readonly [readonly Row[], unknown];

/**
 * A named lock of the server. In a Galera cluster each server has its own locks, so give all runs the same server. The
 * server knows which connection holds the lock, but not since when.
 */
export function mysqlLock(knex: Knex, subject: LockSubject): AdvisoryLock {
  let known: string | null = null;
  /** Locks belong to the server, so the name includes the database. It has 64 characters at most. */
  const lockName = async () => {
    if (known !== null) return known;
    const [row] = await query<{ readonly name: string }>(knex, 'SELECT DATABASE() AS name');
    known = `sessionctl_${digestOf(subject, row?.name ?? null).slice(0, 32)}`;
    return known;
  };

  return connectionLock({
    connection: () => presentConnection(knex),

    async attempt() {
      const lock = await lockName();
      const [row] = await query<{
        readonly number: unknown;
        readonly got: unknown;
        readonly holder: unknown;
      }>(
        knex,
        `SELECT CONNECTION_ID() AS number, GET_LOCK('${lock}', 0) AS got, IS_USED_LOCK('${lock}') AS holder`,
      );
      if (Number(row?.got) === 1) return { isTaken: true, holder: Number(row?.number), told: unknown };
      const holder = typeof row?.holder === 'number' ? row.holder : null;
      return { isTaken: false, holder, told: holder === null ? unknown : await clientOf(knex, holder) };
    },

    async close() {
      await knex.raw(`SELECT RELEASE_LOCK('${await lockName()}')`);
    },

    describe: (number) => ({
      process: `connection ${String(number)} of the server`,
      ending: `KILL ${String(number)}`,
    }),
  });
}

const unknown: LockHolder = { who: null, since: null };

/** An account sees its own connections in the list; to see those of others it needs the PROCESS privilege. */
async function clientOf(knex: Knex, connection: number): Promise<LockHolder> {
  const processes = await query<{ readonly Id: unknown; readonly User: string; readonly Host: string }>(
    knex,
    'SHOW PROCESSLIST',
  );
  const process = processes.find(({ Id }) => Number(Id) === connection);
  if (process === undefined) return unknown;
  const { User: user, Host: host } = process;
  return { who: readWho(`${user} from ${host}, connection ${String(connection)}`), since: null };
}

async function query<Row>(knex: Knex, sql: string): Promise<readonly Row[]> {
  const answer: unknown = await knex.raw(sql);
  const [rows] = answer as Rows<Row>;
  return rows;
}
