import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import type { Database, Statement } from 'better-sqlite3';
import { toInstant } from '../sessions/instant.ts';
import { keepSqlite, loadSqliteDriver } from '../store/database/dialects/sqlite/driver.ts';
import { demoSessions, demoUsers, type DemoUser } from './demo-population.ts';
import { createDemoRandom, type DemoRandom } from './demo-random.ts';
import { demoSchema } from './demo-schema.ts';

export interface DemoOptions {
  readonly users: number;
  readonly sessions: number;
  /** The same seed gives the same people and sessions, at times relative to `now`. */
  readonly seed: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly signal: AbortSignal;
}

export interface DemoReport {
  readonly users: number;
  readonly sessions: number;
  readonly activeSessions: number;
  /** The session whose user agent attacks terminals; null if there are too few sessions for one. */
  readonly hostileSessionId: string | null;
}

/** "sctl" in the header of the file (`PRAGMA application_id`). Only a file with this id is ever replaced. */
export const DEMO_APPLICATION_ID = 0x73_63_74_6c;

const DAY = 86_400_000;
/** Rows between two checks of the signal. */
const SLICE = 5000;

/**
 * Creates a SQLite database like Better Auth's, with realistic users and sessions. The file is written beside `path`
 * and moved there when it is complete, so that an incomplete file never appears there. An existing file is replaced.
 * @param path absolute; its directory exists
 * @throws ConnectionError where there is no SQLite driver; errors of the file system and the signal's reason pass
 * through
 */
export async function makeDemoDatabase(path: string, options: DemoOptions): Promise<DemoReport> {
  const Database = loadSqliteDriver();
  const unfinished = `${path}.${randomBytes(4).toString('hex')}.unfinished`;
  try {
    const database = keepSqlite(new Database(unfinished));
    let report: DemoReport;
    try {
      // No other process reads the file before it is complete, and an incomplete file is deleted.
      database.exec('PRAGMA journal_mode = off');
      database.exec('PRAGMA synchronous = off');
      database.exec(`PRAGMA application_id = ${String(DEMO_APPLICATION_ID)}`);
      report = await fill(database, options);
    } finally {
      database.close();
    }
    // SQLite would read companion files of an older database as part of this one.
    for (const companion of ['-wal', '-shm', '-journal']) await rm(path + companion, { force: true });
    await rename(unfinished, path);
    return report;
  } finally {
    await rm(unfinished, { force: true });
  }
}

async function fill(
  database: Database,
  { users: userCount, sessions: sessionCount, seed, now, signal }: DemoOptions,
): Promise<DemoReport> {
  const random = createDemoRandom(seed);
  const users = demoUsers(random, userCount, now);
  const sessions = demoSessions(random, users, sessionCount, now);
  const insertAll = async <Row>(rows: readonly Row[], insert: (row: Row) => void) => {
    for (let from = 0; from < rows.length; from += SLICE) {
      signal.throwIfAborted();
      for (const row of rows.slice(from, from + SLICE)) insert(row);
      await yieldToEvents();
    }
  };

  database.exec('begin');
  for (const statement of demoSchema) database.exec(statement);
  const insertUser = prepare(database, 'user', [
    'id', 'name', 'email', 'emailVerified', 'createdAt', 'updatedAt', 'role', 'banned', 'banReason',
  ]); // prettier-ignore
  const insertAccount = prepare(database, 'account', [
    'id', 'accountId', 'providerId', 'userId', 'password', 'createdAt', 'updatedAt',
  ]); // prettier-ignore
  await insertAll(users, (user) => {
    const { id, name, email, role, banned, createdAt } = user;
    const made = toInstant(createdAt);
    insertUser.run(
      id,
      name,
      email,
      random.chance(0.9) ? 1 : 0,
      made,
      made,
      role,
      banned ? 1 : 0,
      banned ? 'Spam' : null,
    );
    insertAccount.run(...accountOf(user, random));
  });

  const insertSession = prepare(database, 'session', [
    'id', 'expiresAt', 'token', 'createdAt', 'updatedAt', 'ipAddress', 'userAgent', 'userId', 'impersonatedBy',
  ]); // prettier-ignore
  await insertAll(sessions, (one) => {
    insertSession.run(
      one.id, toInstant(one.expiresAt), one.token, toInstant(one.createdAt), toInstant(one.updatedAt), one.ipAddress,
      one.userAgent, one.userId, one.impersonatedBy,
    ); // prettier-ignore
  });

  const insertVerification = prepare(database, 'verification', [
    'id', 'identifier', 'value', 'expiresAt', 'createdAt', 'updatedAt',
  ]); // prettier-ignore
  for (const { id } of users.slice(0, 12)) {
    // Password resets, valid for an hour. Most were never used, and they are not swept automatically.
    const made = now - random.between(0, random.chance(0.2) ? DAY / 48 : 90 * DAY);
    const [createdAt, expiresAt] = [toInstant(made), toInstant(made + DAY / 24)];
    insertVerification.run(
      random.text(32),
      `reset-password:${random.text(24)}`,
      id,
      expiresAt,
      createdAt,
      createdAt,
    );
  }
  database.exec('commit');

  return {
    users: users.length,
    sessions: sessions.length,
    activeSessions: sessions.filter(({ expiresAt }) => expiresAt > now).length,
    hostileSessionId: sessions.find(({ userAgent }) => userAgent?.includes('\u001b') === true)?.id ?? null,
  };
}

/** Three in four sign in with a password: salt and key have Better Auth's format but fit no password. */
function accountOf({ id, createdAt }: DemoUser, random: DemoRandom): readonly (string | null)[] {
  const made = toInstant(createdAt);
  if (random.chance(0.75)) {
    return [random.text(32), id, 'credential', id, `${random.hex(32)}:${random.hex(128)}`, made, made];
  }
  const provider = random.pick(['google', 'github']);
  return [random.text(32), String(random.between(1_000_000, 99_999_999)), provider, id, null, made, made];
}

function prepare(database: Database, table: string, columns: readonly string[]): Statement {
  const names = columns.map((column) => `"${column}"`).join(', ');
  return database.prepare(`insert into "${table}" (${names}) values (${columns.map(() => '?').join(', ')})`);
}
