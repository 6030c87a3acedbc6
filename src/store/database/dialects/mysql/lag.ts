import type { Knex } from 'knex';
import { ConfigError, ConnectionError } from '../../../../errors.ts';
import { LostPrimaryError, type AskedServer, type LagMeter } from '../lag-meter.ts';
import { errorCode } from '../../../refusals.ts';

/** A replica's answer; the names of its fields differ between versions. MariaDB and MySQL return one row per source. */
type StatusRow = Readonly<Record<string, unknown>>;

/** The first statement that a server understands is the right one: MariaDB 10.5, MySQL 8.0.22, older MySQL. */
const STATUS = ['SHOW ALL REPLICAS STATUS', 'SHOW REPLICA STATUS', 'SHOW SLAVE STATUS'] as const;

/** A primary does not know how far its replicas are behind, so the replicas are asked. */
export function mysqlLag(replicas: readonly AskedServer[]): LagMeter {
  if (replicas.length === 0) {
    throw new ConfigError('the configuration names no replicas to ask how far they are behind', {
      hint: 'Set replicas = ["mysql://user@replica"] in the profile: a MySQL or MariaDB primary does not report it.',
    });
  }
  return async () => Math.max(...(await Promise.all(replicas.map(lagOf))));
}

function lagOf({ place, ask }: AskedServer): Promise<number> {
  return ask(async (knex) => {
    const rows = await readStatus(knex);
    if (rows.length === 0) {
      throw new ConnectionError(`${place} replicates from no server`, {
        hint: 'Check the URLs under replicas in the profile: each must be the URL of a replica, not of the primary.',
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

/** @throws ConnectionError where the lag is unknown since replication is stopped or broken */
function secondsBehind(place: string, row: StatusRow): number {
  const seconds = row['Seconds_Behind_Source'] ?? row['Seconds_Behind_Master'] ?? null;
  if (seconds !== null) return Number(seconds);
  const [io, sql] = (['IO', 'SQL'] as const).map((thread) => ({
    isRunning: text(row, `Replica_${thread}_Running`, `Slave_${thread}_Running`),
    // The text of an error may contain a statement, and with it a token.
    error: text(row, `Last_${thread}_Errno`),
  })) as [Thread, Thread];
  const message = `${place} is not replicating: receiving ${state(io)}, applying ${state(sql)}`;
  const hint =
    'Run SHOW REPLICA STATUS there for the reason. Its lag is unknown until replication runs again.';
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
