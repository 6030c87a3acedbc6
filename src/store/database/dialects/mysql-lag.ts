import type { Knex } from 'knex';
import { ConfigError, ConnectionError } from '../../../errors.ts';
import { LostPrimaryError, type AskedServer, type LagMeter } from './lag-meter.ts';
import { errorCode } from '../../refusals.ts';

/** What replicas answer, under the names of all versions. MariaDB and MySQL have one row for each source. */
type StatusRow = Readonly<Record<string, unknown>>;

/** The first one that a server understands is the one for it: MariaDB 10.5, MySQL 8.0.22, MySQL before. */
const STATUS = ['SHOW ALL REPLICAS STATUS', 'SHOW REPLICA STATUS', 'SHOW SLAVE STATUS'] as const;

/** A primary does not know how far its replicas are behind: they are asked themselves. */
export function mysqlLag(replicas: readonly AskedServer[]): LagMeter {
  if (replicas.length === 0) {
    throw new ConfigError('the configuration names no replicas to ask how far they are behind', {
      hint: 'Write replicas = ["mysql://user@replica"] into the profile: MySQL and MariaDB do not tell on the primary.',
    });
  }
  return async () => Math.max(...(await Promise.all(replicas.map(lagOf))));
}

function lagOf({ place, ask }: AskedServer): Promise<number> {
  return ask(async (knex) => {
    const rows = await readStatus(knex);
    if (rows.length === 0) {
      throw new ConnectionError(`${place} replicates from no server`, {
        hint: 'Check the URLs under replicas in the profile: each is that of a replica, none that of the primary.',
      });
    }
    return Math.max(...rows.map((row) => secondsBehind(place, row) * 1000));
  });
}

async function readStatus(knex: Knex): Promise<readonly StatusRow[]> {
  for (const statement of STATUS) {
    try {
      const answer: unknown = await knex.raw(statement);
      const [rows] = answer as readonly [readonly StatusRow[], unknown];
      return rows;
    } catch (error) {
      if (errorCode(error) !== 'ER_PARSE_ERROR') throw error;
    }
  }
  throw new Error('the server understands no statement about its replication');
}

/** @throws ConnectionError where it is not known, since replication is stopped or broken */
function secondsBehind(place: string, row: StatusRow): number {
  const seconds = row['Seconds_Behind_Source'] ?? row['Seconds_Behind_Master'] ?? null;
  if (seconds !== null) return Number(seconds);
  const [io, sql] = (['IO', 'SQL'] as const).map((thread) => ({
    isRunning: text(row, `Replica_${thread}_Running`, `Slave_${thread}_Running`),
    // The text of an error may hold a statement, and in it a token.
    error: text(row, `Last_${thread}_Errno`),
  })) as [Thread, Thread];
  const message = `${place} is not replicating: receiving ${state(io)}, applying ${state(sql)}`;
  const hint = 'SHOW REPLICA STATUS there says why; how far it is behind is not known until it runs again.';
  const isLooking = ['Connecting', 'Preparing'].includes(io.isRunning) && sql.isRunning === 'Yes';
  throw new (isLooking ? LostPrimaryError : ConnectionError)(message, { hint });
}

interface Thread {
  readonly isRunning: string;
  readonly error: string;
}

function state({ isRunning, error }: Thread): string {
  return `${isRunning}${error === '0' || error === '' ? '' : ` (error ${error})`}`;
}

function text(row: StatusRow, ...names: readonly string[]): string {
  const value = names.map((name) => row[name]).find((found) => found !== undefined && found !== null);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
