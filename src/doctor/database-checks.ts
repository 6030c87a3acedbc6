import { ConnectionError } from '../errors.ts';
import { grouped } from '../grouped.ts';
import type {
  DatabaseExamination,
  Examination,
  MissingRight,
  TableExamination,
  Transport,
} from '../sessions/examination.ts';
import { formatDuration } from '../sessions/duration.ts';
import { millisecondsOf } from '../sessions/instant.ts';
import type { Obstacle } from '../sessions/obstacle.ts';
import type { Target } from '../sessions/reading-store.ts';
import { reasonOf } from './carry-out-checks.ts';
import {
  command,
  fail,
  ok,
  sql,
  toml,
  type Check,
  type Remedy,
  type Verdict,
  unknown,
  warn,
} from './finding.ts';

export interface DatabaseSubject extends Pick<Examination, 'database' | 'schemaParts'> {
  readonly target: Target;
  /** Rows of ended sessions are kept as records. */
  readonly preserve: boolean;
  /** The local clock, in milliseconds since 1970. */
  readonly clock: () => number;
}

/** Rows below which reading all of them to find a user's is not noticeable. */
const SMALL_TABLE = 100_000;
/** Rows below which finding expired ones is fast either way. */
const LARGE_TABLE = 1_000_000;
/** Milliseconds; the same as for the warning that every command gives. */
const TOLERATED_SKEW = 5000;

/** Checks whether sessionctl can use the database. */
export function* databaseChecks(subject: DatabaseSubject): Generator<Check> {
  const { database, schemaParts, target, preserve } = subject;
  const { part, error } = database;
  const unreachable = error instanceof ConnectionError;

  yield {
    id: 'database-reachable',
    explanation: 'All other checks need an answer from the database.',
    carryOut: () =>
      part === null && unreachable
        ? fail(reasonOf(error), command('sessionctl config show'))
        : ok(`${part?.server ?? 'the database'} answers at ${target.database}`),
  };
  yield {
    id: 'schema-recognised',
    explanation:
      'Better Auth has several adapters, whose tables differ. sessionctl never changes a table that it does not recognise.',
    carryOut: () => (part === null ? schemaUnknown(error, unreachable, target) : judgeSchema(part)),
  };
  if (part === null) return;

  if (target.dialect !== 'sqlite')
    yield {
      id: 'database-transport',
      explanation:
        'Without TLS, others on the way can read tokens. Without a verified certificate, another server can answer instead.',
      carryOut: async () => judgeTransport(await part.findTransport(), target),
    };
  yield {
    id: 'database-writable',
    explanation: 'On a replica, or a server that was made read-only, sessions can be listed but not ended.',
    carryOut: async () => {
      const reason = await part.findReadOnly();
      return reason === null
        ? ok('it accepts changes')
        : fail(
            `sessions cannot be ended here: ${reason}`,
            toml(`${profileHeader(target)}\nurl = "\${PRIMARY_DATABASE_URL}"`),
          );
    },
  };
  yield {
    id: 'database-privileges',
    explanation:
      'Ending and sweeping sessions needs DELETE (UPDATE where rows are kept as records), with the OAuth provider plugin UPDATE on its tokens (DELETE on access tokens up to 1.6), and INSERT for the history. The database planned these statements and ran none.',
    carryOut: () => judgeRights(part, preserve),
  };
  yield {
    id: 'include-privileges',
    explanation:
      'revoke, revoke-all and limit count what lets a user in again, which needs SELECT on its tables. With --include they end it, which needs DELETE (UPDATE on API keys). The database planned these statements and ran none.',
    carryOut: async () => {
      const missing = await part.missingRightsToInclude();
      return missing.length === 0
        ? ok('the account has all rights that --include needs')
        : warn(
            `with --include, a revocation may be refused: the account lacks ${listedRights(missing)}`,
            grants(missing),
          );
    },
  };
  yield {
    id: 'clock-skew',
    explanation:
      "The database's clock decides which sessions are active. If this machine's clock is far from it, times given as a duration back from now are still right, but absolute times by this machine's clock are not.",
    carryOut: () => judgeClocks(part, subject),
  };
  yield {
    id: 'own-schema',
    explanation:
      'sessionctl can add a shared history and an index to a database. Each must be complete or absent.',
    carryOut: () => {
      if (schemaParts.part === null) throw schemaParts.error;
      const broken = schemaParts.part.find(
        ({ state, detail }) => state !== 'done' && /half made|invalid/.test(detail),
      );
      if (broken !== undefined)
        return warn(`${broken.name}: ${broken.detail}`, command('sessionctl schema migrate'));
      const history = schemaParts.part.find(({ name }) => name === 'history-table');
      return ok(
        history?.state === 'done'
          ? `the history is kept in ${history.detail}`
          : 'not added (sessionctl schema migrate): the history is only in your own file',
      );
    },
  };
  if (part.table !== null) yield* tableChecks(part.table, target, preserve);
}

function* tableChecks(table: TableExamination, target: Target, preserve: boolean): Generator<Check> {
  yield {
    id: 'ending-obstacles',
    explanation:
      "Your own rules, triggers and foreign keys can prevent a session from ending. If one does, a revocation reports the remaining sessions (exit 9) or the database's refusal (exit 4).",
    carryOut: async () => {
      const found = await table.obstacles(preserve);
      const texts = (effects: readonly Obstacle['effect'][]) =>
        found.filter(({ effect }) => effects.includes(effect)).map(({ text }) => text);
      const alarming = texts(['keeps', 'may refuse']);
      if (alarming.length > 0) return warn(alarming.join('; '));
      const harmless = texts(['runs']);
      return ok(harmless.length > 0 ? harmless.join('; ') : 'no rule, trigger or foreign key is in the way');
    },
  };
  yield {
    id: 'row-level-security',
    explanation:
      'Sessions that a policy hides from this account are not shown, not ended and not counted as remaining.',
    carryOut: async () => {
      if (!table.hidesRows) return ok('no policy hides sessions from this account');
      const remedy = await table.seeAllRows();
      return fail(
        `row-level security is on for ${table.name}: sessions may be hidden from this account`,
        remedy === null ? null : sql(remedy),
      );
    },
  };
  for (const [field, id, explanation] of [
    [
      'token',
      'index-token',
      'Better Auth looks up the session by its token at every request. Its own tables have a unique index there.',
    ],
    [
      'userId',
      'index-user',
      "Better Auth lists and ends a user's sessions by the user's id, and so does sessionctl. Its own tables have an index there.",
    ],
    [
      'expiresAt',
      'index-expiry',
      'An index on the expiry pays off if a large table is swept often and little of it has expired; it adds a write to every refresh. Otherwise reading the whole table is cheaper.',
    ],
  ] as const) {
    yield {
      id,
      explanation,
      carryOut: async () => {
        const index = (await table.indexes()).find((each) => each.field === field);
        if (index === undefined) return unknown('the database names no such column');
        if (index.name !== null) return ok(`${index.column} has the index ${index.name}`);
        const rows = await table.rows();
        if (field !== 'expiresAt') {
          const result = `${index.column} has no index: every look-up reads the whole table, about ${rowsText(rows)}`;
          // A request looks up a token; only a list or a revocation looks up a user.
          return field === 'token' || rows >= SMALL_TABLE
            ? fail(result, sql(index.remedy))
            : warn(result, sql(index.remedy));
        }
        return rows < LARGE_TABLE
          ? ok(`none on ${index.column}, and with about ${rowsText(rows)} none is needed`)
          : ok(
              `none on ${index.column}: of about ${rowsText(rows)} a sweep reads all. If you sweep often, sessionctl schema migrate --expiry-index helps`,
            );
      },
    };
  }
  yield {
    id: 'on-update',
    explanation:
      'MySQL and MariaDB may add ON UPDATE CURRENT_TIMESTAMP to a timestamp column automatically. Then any UPDATE of a row, by the application or another tool, ends the session or changes its creation time (Better Auth issue 9170).',
    carryOut: async () => {
      const touched = await table.touched();
      const harmful = touched.filter(({ field }) => field === 'expiresAt' || field === 'createdAt');
      if (harmful.length === 0) return ok('no time of a session changes by itself');
      const statements = harmful.flatMap(({ remedy }) => remedy ?? []);
      const result = `${harmful.map(({ name }) => `${table.name}.${name}`).join(', ')} is set to the current time at every UPDATE`;
      const remedy = statements.length === 0 ? null : sql(statements.join('\n'));
      return harmful.some(({ field }) => field === 'expiresAt') ? fail(result, remedy) : warn(result, remedy);
    },
  };
  yield {
    id: 'time-zone-known',
    explanation:
      'Columns without a time zone hold the application’s local time. Only the configuration can say which zone that is. With a wrong zone, live sessions count as expired.',
    carryOut: () => {
      if (!table.isZoneless) return ok(`times are unambiguous (${table.timeEncoding})`);
      return table.zoneKnown
        ? ok(`${table.timeEncoding}, in the time zone that is configured`)
        : warn(
            `${table.timeEncoding}: the time zone is not configured, UTC is assumed`,
            toml(`# of the server that runs the application\n${profileHeader(target)}\ntime_zone = "UTC"`),
          );
    },
  };
}

/** Judges how a connection is protected. */
export function judgeTransport(transport: Transport | null, target: Target): Verdict {
  if (transport === null || (transport.isLocal && transport.protocol === null))
    return ok('the connection stays on this machine');
  const { protocol, isVerified, isLocal } = transport;
  if (protocol !== null && isVerified) return ok(`${protocol}, with a verified certificate`);
  const found =
    protocol === null ? 'the connection is in the clear' : `${protocol}, without a verified certificate`;
  if (isLocal) return ok(found);
  const parameter = target.dialect === 'mysql' ? 'ssl-mode=VERIFY_IDENTITY' : 'sslmode=verify-full';
  return warn(
    found,
    toml(
      `${profileHeader(target)}\nurl = "\${DATABASE_URL}"   # with ${parameter} in it\n# and, unless its authority is a public one:\n# [profiles.${target.profile ?? 'production'}.tls]\n# ca = "/etc/ssl/database-ca.pem"`,
    ),
  );
}

function schemaUnknown(error: unknown, unreachable: boolean, target: Target): Verdict {
  if (unreachable) return unknown('not known: the database cannot be reached');
  return fail(
    reasonOf(error),
    toml(
      `[profiles.${target.profile ?? 'production'}.schema]\ntable = "session"\nuser_table = "user"\ncolumns = { expiresAt = "expiresAt", userId = "userId" }`,
    ),
  );
}

function judgeSchema({ table, target }: DatabaseExamination): Verdict {
  if (table === null) return ok('the users are found; sessions are only in Redis');
  const section = `[profiles.${target.profile ?? 'production'}.schema]`;
  if (table.usersWithoutId !== null)
    return warn(
      `${table.name} is the session table, but no column of ${table.usersWithoutId} is recognised as the id of a user: users have no names here`,
      toml(`${section}\nuser_columns = { id = "…" }`),
    );
  if (table.userTable === null)
    return warn(
      `${table.name} is the session table, but there is no user table: users have no names here, and sessions of deleted users cannot be found`,
      toml(`${section}\nuser_table = "user"`),
    );
  if (table.absent.length > 0)
    return warn(
      `${table.name} has no column for ${table.absent.join(' and ')}`,
      toml(`${section}\ncolumns = { ${table.absent.map((field) => `${field} = "…"`).join(', ')} }`),
    );
  return ok(`${table.name} with ${table.userTable}`);
}

async function judgeRights(part: DatabaseExamination, preserve: boolean): Promise<Verdict> {
  let missing;
  try {
    missing = await part.missingRights(preserve);
  } catch (error) {
    // A statement that the database refuses to plan, it also refuses to run.
    if (error instanceof ConnectionError) return fail(reasonOf(error));
    throw error;
  }
  if (missing.length === 0) return ok('the account has all rights that ending and sweeping sessions needs');
  return fail(`the account lacks ${listedRights(missing)}`, grants(missing));
}

function listedRights(missing: readonly MissingRight[]): string {
  return missing.map(({ right }) => right).join(', ');
}

function grants(missing: readonly MissingRight[]): Remedy | null {
  const statements = missing.flatMap(({ remedy }) => remedy ?? []);
  return statements.length === 0 ? null : sql(statements.join('\n'));
}

async function judgeClocks(part: DatabaseExamination, { clock }: DatabaseSubject): Promise<Verdict> {
  const before = clock();
  const database = millisecondsOf(await part.readClock());
  const after = clock();
  const off = Math.max(database - after, before - database);
  if (off <= TOLERATED_SKEW) return ok("this machine's clock and the database's agree");
  const length = formatDuration(Math.round(off / 1000) * 1000);
  return warn(
    `this machine's clock is ${length} ${database > after ? 'behind' : 'ahead of'} the database's`,
    command('timedatectl set-ntp true'),
  );
}

/** The header of the profile in the configuration. */
export function profileHeader({ profile }: Pick<Target, 'profile'>): string {
  return `[profiles.${profile ?? 'production'}]`;
}

function rowsText(rows: number): string {
  return `${amount(rows)} ${Math.round(rows) === 1 ? 'row' : 'rows'}`;
}

export function amount(number: number): string {
  return grouped(Math.round(number));
}
