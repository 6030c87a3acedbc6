import { setTimeout as wait } from 'node:timers/promises';
import type { Knex } from 'knex';
import type { DatabaseSettings, SchemaNames } from '../../../config/settings.ts';
import { ConfigError, ConnectionError, SessionctlError } from '../../../errors.ts';
import type { Redactor } from '../../../redaction.ts';
import type { Target } from '../../../sessions/reading-store.ts';
import { UnansweredError } from '../../../sessions/unanswered.ts';
import {
  describeLocation,
  parseDatabaseUrl,
  parseServerOrDatabaseUrl,
  type DatabaseLocation,
} from './database-url.ts';
import { beginningError } from '../dialects/checked-transactions.ts';
import type { Access, Dialect } from '../dialects/dialect.ts';
import { errorCode, isOfDriver, isRaised, raisedBy, unknownRefusal, withoutText } from '../../refusals.ts';
import { lastWord } from '../../last-word.ts';
import { unlessAborted } from '../../unless-aborted.ts';
import { watchOutage } from './outage.ts';
import { unlessStopped } from './persistently.ts';
import { dialects } from '../dialects/dialects.ts';

export interface ConnectOptions {
  readonly access: Access;
  /** A missing SQLite file is not an error. A reader sees an empty database; a writer creates the file. */
  readonly mayBeMissing?: boolean;
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
  /** Milliseconds to wait for a server that does not answer. Default: about a minute. */
  readonly patience?: number;
}

/** A connection for all work on a database. It connects at the first query. */
export interface DatabaseConnection {
  readonly knex: Knex;
  readonly dialect: Dialect;
  readonly target: Target;
  /** The configured names, with the PostgreSQL schema that the URL may name. */
  readonly names: SchemaNames;
  /** Runs a query and turns driver errors into errors of sessionctl. Aborted by the signal. */
  readonly guard: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** Like `guard`, but after the signal waits for a moment longer. @throws UnansweredError if that was not enough */
  readonly settle: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /**
   * Like `settle`, but tries again while locks or a lost connection interfere, until the signal. Only for work that may
   * run twice.
   */
  readonly persist: <Result>(work: () => Promise<Result>) => Promise<Result>;
  readonly close: () => Promise<void>;
}

/**
 * Prepares a connection to the database that the settings name.
 * @throws ConnectionError where a driver or file is missing
 */
export async function connectDatabase(
  settings: DatabaseSettings,
  options: ConnectOptions,
): Promise<DatabaseConnection> {
  const location = parseDatabaseUrl(settings.url, settings.cwd, settings.variables);
  return connectTo(location, describeLocation(location), settings, options);
}

/** Like `connectDatabase`, for one of the configured replicas, read-only. Its URL need not name a database. */
export async function connectReplica(
  url: string,
  settings: DatabaseSettings,
  options: ConnectOptions,
): Promise<DatabaseConnection> {
  const location = parseServerOrDatabaseUrl(url, settings.cwd, settings.variables);
  const place = `the replica ${describeLocation(location)}`;
  return connectTo(location, place, settings, { ...options, access: 'read' });
}

async function connectTo(
  location: DatabaseLocation,
  database: string,
  settings: DatabaseSettings,
  { access, mayBeMissing = false, redactor, signal, patience }: ConnectOptions,
): Promise<DatabaseConnection> {
  if (location.dialect !== 'sqlite') redactor.protect(location.password);
  refuseUnknownZone(location, settings);
  const loaded = await dialects[location.dialect].main();
  const outage = watchOutage(loaded.hindrance, patience);
  const dialect = { ...loaded, hindrance: outage.hindrance };
  const names = { ...settings.schema, databaseSchema: schemaName(settings, location) };
  const tooLate = lastWord(signal);
  const settle = async <Result>(work: () => Promise<Result>) => {
    const result = await explained(dialect, database, () => unlessAborted(tooLate, work));
    outage.end();
    return result;
  };
  // A statement that was too slow would be too slow again.
  const hindrance = (error: unknown) => {
    const found = dialect.hindrance(error);
    return found === 'slow' ? undefined : found;
  };
  const connectTimeout = timeoutOf(location) ?? settings.connectTimeout;
  const knex = await dialect.connect(location, { ...settings, connectTimeout }, access, mayBeMissing);
  return {
    knex,
    dialect,
    target: { profile: settings.profile, dialect: dialect.name, database, redis: null },
    names,
    settle,
    guard: (work) => settle(() => unlessAborted(signal, work)),
    persist: (work) =>
      settle(async () => {
        const attempt = signal.aborted ? 'given up' : await unlessStopped(work, { signal, hindrance });
        // Try once more: after a signal, the operator still needs to know what the run did.
        return attempt === 'given up' ? work() : attempt.result;
      }),
    // After a signal the connection is left to end with the process; closing it could wait for the same server again.
    close: async () => {
      if (!signal.aborted) await Promise.race([knex.destroy(), wait(LONGEST_CLOSE)]);
    },
  };
}

/** mysql2's `timezone` gives the zone in which the application writes. sessionctl takes that from `time_zone`. */
function refuseUnknownZone(location: DatabaseLocation, { timeZone }: DatabaseSettings): void {
  if (location.dialect === 'sqlite' || timeZone !== null || !location.parameters.has('timezone')) return;
  throw new ConfigError('the database URL has timezone=…, and time_zone is not set', {
    hint: 'Set time_zone in the profile, or give --time-zone: the zone in which the application writes, UTC for timezone=Z.',
  });
}

/** Milliseconds. After that a connection that the server does not close is left to end with the process. */
const LONGEST_CLOSE = 1000;

/** Node's longest timer, in milliseconds. */
const LONGEST_WAIT = 2 ** 31 - 2000;

/**
 * Milliseconds to wait for a connection, if the location sets it. libpq and Prisma count in seconds, mysql2 does not.
 */
function timeoutOf(location: DatabaseLocation): number | null {
  if (location.dialect === 'sqlite') return null;
  const [name, unit] = location.parameters.has('connectTimeout')
    ? (['connectTimeout', 1] as const)
    : (['connect_timeout', 1000] as const);
  const text = location.parameters.get(name);
  if (text === undefined) return null;
  if (!/^\d{1,9}$/.test(text)) {
    throw new ConfigError(
      `${location.variables.get(name) ?? `${name} of the database URL`} is not a number`,
      {
        hint: 'Give the number of seconds to wait for a connection, or 0 for no limit.',
      },
    );
  }
  const given = Number(text) * unit;
  return given === 0 ? LONGEST_WAIT : Math.min(given, LONGEST_WAIT);
}

/** Prisma's URLs name the PostgreSQL schema in a parameter. */
function schemaName(settings: DatabaseSettings, location: DatabaseLocation): string | null {
  const configured = settings.schema.databaseSchema;
  if (location.dialect !== 'sqlite' && location.protocol === 'postgresql')
    return configured ?? location.parameters.get('schema') ?? null;
  if (configured === null) return null;
  throw new ConfigError('database_schema is for PostgreSQL only', {
    hint: 'On MySQL and MariaDB the database is named in the URL.',
  });
}

/** Turns a driver error into one that names the database and a remedy. */
async function explained<Result>(
  dialect: Dialect,
  database: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SessionctlError || error instanceof UnansweredError) throw error;
    const refused = beginningError(error);
    if (refused !== null) throw refused;
    if (isRaised(error)) {
      const code = errorCode(error) ?? 'without a code';
      throw new ConnectionError(`${database} refuses: ${raisedBy(error)} raised an error (${code})`, {
        hint: "Its text may contain a token and is not shown. Check the server's log, or the triggers of the table.",
        cause: withoutText(error),
      });
    }
    const known = dialect.explain(error, database);
    if (known === undefined && !isOfDriver(error)) throw error;
    const { message, hint } = known ?? unknownRefusal(error, database);
    throw new ConnectionError(message, { hint, cause: withoutText(error) });
  }
}
