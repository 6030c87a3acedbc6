import { hash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Knex } from 'knex';
import { millisecondsOf, toInstant } from '../../../sessions/instant.ts';
import type { LockHolder, LockOwner } from '../../../sessions/run-lock.ts';
import { digestOf, type AdvisoryLock, type LockSubject } from './advisory-lock.ts';
import { presentConnection } from './connection.ts';
import { connectionLock } from './connection-lock.ts';
import { fitWho, readWho } from './lock-owner-text.ts';

/** Bytes that the holder publishes: seconds since 1970, its name, and the beginning of the digest of both. */
const SECONDS = 5;
const WHO = 40;
const CHECK = 2;
const BITS = 8 * (SECONDS + WHO + CHECK);

/** A new holder takes a moment to publish its name: read up to this many times, this many milliseconds apart. */
const LOOKS = 5;
const BETWEEN_LOOKS = 40;

type Rows<Row> = readonly [readonly Row[], unknown];

/**
 * A named lock of the server. In a Galera cluster each server has its own locks, so give all runs the same server. The
 * server reports only the number of the connection that holds the lock, and reading more about a connection takes
 * rights that an account seldom has. So the holder takes further locks whose names end in numbers: one for each bit
 * that is 1 in the data that it publishes.
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

  const close = () => knex.raw('SELECT RELEASE_ALL_LOCKS()');

  return connectionLock({
    connection: () => presentConnection(knex),

    async attempt(own) {
      const lock = await lockName();
      const [row] = await query<{ readonly number: unknown; readonly got: unknown }>(
        knex,
        `SELECT CONNECTION_ID() AS number, GET_LOCK('${lock}', 0) AS got`,
      );
      if (Number(row?.got) === 1) {
        // If publishing the name fails, release the lock: this run gives up, and the lock would block all others.
        await tell(knex, lock, own).catch(async (error: unknown) => {
          await close().catch(() => undefined);
          throw error;
        });
        return { isTaken: true, holder: Number(row?.number), told: { who: null, since: null } };
      }
      return { isTaken: false, ...(await holderOf(knex, lock)) };
    },

    async close() {
      await close();
    },

    describe: (number) => ({
      process: `connection ${String(number)} of the server`,
      ending: `KILL ${String(number)}`,
    }),
  });
}

/** A connection that is about to end may still hold some of the locks. Wait a moment for it. */
async function tell(knex: Knex, lock: string, own: LockOwner): Promise<void> {
  const locks = numbersOf(encode(own)).map((number) => `GET_LOCK('${lock}_${String(number)}', 2)`);
  await knex.raw(`SELECT ${locks.join(' + ')}`);
}

async function holderOf(
  knex: Knex,
  lock: string,
): Promise<{ readonly holder: number | null; readonly told: LockHolder }> {
  let holder: number | null = null;
  for (let look = 0; look < LOOKS; look += 1) {
    if (look > 0) await wait(BETWEEN_LOOKS);
    const [found] = await query<{ readonly holder: unknown }>(
      knex,
      `SELECT IS_USED_LOCK('${lock}') AS holder`,
    );
    const number = found?.holder ?? null;
    if (number === null) return { holder: null, told: { who: null, since: null } };
    holder = Number(number);
    const bits = Array.from(
      { length: BITS },
      (_, number) => `IS_USED_LOCK('${lock}_${String(number)}') <=> ${String(holder)}`,
    );
    const [row] = await query<{ readonly bits: string }>(knex, `SELECT CONCAT(${bits.join(', ')}) AS bits`);
    const told = decode(String(row?.bits));
    if (told !== null) return { holder, told };
  }
  return { holder, told: { who: null, since: null } };
}

function encode({ who, since }: LockOwner): Buffer {
  const text = Buffer.alloc(SECONDS + WHO);
  text.writeUIntBE(Math.floor(millisecondsOf(since) / 1000), 0, SECONDS);
  text.write(fitWho(who, WHO), SECONDS, 'latin1');
  return Buffer.concat([text, checkOf(text)]);
}

/** @returns null if the data was being written or released while it was read */
function decode(bits: string): LockHolder | null {
  const bytes = Buffer.from((bits.match(/[01]{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const text = bytes.subarray(0, SECONDS + WHO);
  if (bytes.length !== BITS / 8 || !checkOf(text).equals(bytes.subarray(SECONDS + WHO))) return null;
  return {
    who: readWho(text.toString('latin1', SECONDS).replace(/\0+$/, '')),
    since: toInstant(text.readUIntBE(0, SECONDS) * 1000),
  };
}

function checkOf(text: Buffer): Buffer {
  return hash('sha256', text, 'buffer').subarray(0, CHECK);
}

/** The numbers of the bits that are 1. */
function numbersOf(bytes: Buffer): readonly number[] {
  return [...bytes].flatMap((byte, at) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte & (0x80 >> bit)) !== 0).map((bit) => 8 * at + bit),
  );
}

async function query<Row>(knex: Knex, sql: string): Promise<readonly Row[]> {
  const answer: unknown = await knex.raw(sql);
  const [rows] = answer as Rows<Row>;
  return rows;
}
