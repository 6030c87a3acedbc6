import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import BetterSqlite3 from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import type { DatabaseSettings } from '../../src/config/settings.ts';
import { CancelledError, LockedError } from '../../src/errors.ts';
import { createRedactor } from '../../src/redaction.ts';
import type { RunLock } from '../../src/sessions/run-lock.ts';
import { openDatabaseStore, type DatabaseStore } from '../../src/store/database/open.ts';
import { makeAccount } from '../support/account.ts';
import type { TestDatabase } from '../support/databases.ts';
import { startLockHolder } from '../support/lock-holder.ts';
import { isAllPowerful, unprivileged } from '../support/run-sessionctl.ts';
import { describeOn, type Dialect, type ServerDialect } from '../support/servers.ts';
import { deploy, plainShape } from '../support/shapes.ts';
import { until } from '../support/until.ts';

const dialects: readonly Dialect[] = ['postgresql', 'mysql', 'sqlite'];
const servers: readonly ServerDialect[] = ['postgresql', 'mysql'];

const never = new AbortController().signal;
const once = { milliseconds: 0, signal: never } as const;
const ada = 'ada@cron-1, pid 4711';
const bob = 'bob@cron-2, pid 815';

/** What others are told of the holder: MySQL knows the account and the connection, but not the run or since when. */
const holderText = (dialect: Dialect, who: string): RegExp =>
  dialect === 'mysql'
    ? /is running: \S+ from \S+, connection \d+$/
    : new RegExp(`is running: ${who}, since \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$`);

function settingsOf(url: string, table: string | null = null): DatabaseSettings {
  return {
    profile: null,
    url,
    timeZone: null,
    statementTimeout: 30_000,
    connectTimeout: 10_000,
    replicas: [],
    tls: null,
    schema: { databaseSchema: null, table, userTable: null, columns: {}, userColumns: {} },
    cwd: '/',
  };
}

async function open(settings: DatabaseSettings, signal = never): Promise<DatabaseStore> {
  const store = await openDatabaseStore(settings, { access: 'write', redactor: createRedactor(), signal });
  onTestFinished(() => store.close());
  return store;
}

const take = (store: DatabaseStore, who: string, name = 'sweep') =>
  store.lock(name, { who, since: store.now }, once);

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no error',
    (error: unknown) => error,
  );
}

/** Expects that somebody else holds the lock, and answers what was said of it. */
async function lockedOut(work: Promise<unknown>): Promise<LockedError> {
  const error = await failure(work);
  expect(error).toBeInstanceOf(LockedError);
  return error as LockedError;
}

/** Does what the hint says that an administrator may do. */
async function endHolder(database: TestDatabase, { hint }: LockedError): Promise<void> {
  const statement = /(?:SELECT pg_terminate_backend\(\d+\)|KILL \d+)$/.exec(hint ?? '')?.[0];
  if (statement === undefined) throw new Error(`no statement in the hint: ${String(hint)}`);
  await database.query(statement);
}

/** The server takes a moment to miss a connection that it has ended. */
async function untilFree(store: DatabaseStore, who: string): Promise<RunLock> {
  return store.lock('sweep', { who, since: store.now }, { milliseconds: 10_000, signal: never });
}

describe.each(dialects)('the lock of a run, on %s', (dialect) => {
  describeOn(dialect, 'is held by one at a time', () => {
    let database: TestDatabase;
    let settings: DatabaseSettings;

    beforeAll(async () => {
      ({ database } = await deploy(plainShape(dialect)));
      settings = settingsOf(database.url);
    });
    afterAll(() => database.drop());

    it('whoever comes second is told who holds it, and since when if the database knows that', async () => {
      const begun = Date.now();
      const holder = startLockHolder(settings, { who: ada });
      const attempt = await holder.attempt;
      if (!attempt.held) throw new Error(attempt.message);
      await sleep(1500);
      const store = await open(settings);
      const error = await lockedOut(take(store, bob));
      expect(error).toMatchObject({ exitCode: 8, code: 'locked' });
      const { database: place } = store.target;
      expect(error.message).toContain(`another sweep of ${place} is running: `);
      expect(error.message).toMatch(holderText(dialect, ada));
      // Told in whole seconds.
      const [, since = null] = /, since (\S+)$/.exec(error.message) ?? [];
      if (dialect === 'mysql') expect(since).toBeNull();
      else {
        expect(Date.parse(since ?? '')).toBeGreaterThan(begun - 1000);
        expect(Date.parse(since ?? '')).toBeLessThanOrEqual(attempt.at);
      }
      expect(error.hint).toMatch(
        /^Wait for it with --wait <duration>\. A run that crashed no longer holds it/,
      );

      await holder.release();
      const lock = await take(store, bob);
      await lock.keep();
      await lock.release();
      await lock.release();
    });

    it('of several that come at once, one gets it and the others are told of that one', async () => {
      const people = ['ada', 'bob', 'eve', 'joe'].map(
        (person, at) => `${person}@cron, pid ${String(at + 1)}`,
      );
      const holders = people.map((who) => startLockHolder(settings, { who }));
      const attempts = await Promise.all(holders.map(({ attempt }) => attempt));
      const winners = people.filter((_, at) => attempts[at]?.held === true);
      expect(winners).toHaveLength(1);
      for (const attempt of attempts) {
        if (attempt.held) continue;
        expect(attempt).toMatchObject({ code: 'locked', exitCode: 8 });
        expect(attempt.message).toMatch(holderText(dialect, String(winners[0])));
      }
      await Promise.all(holders.map(({ release }) => release()));
    });

    it('a holder that is killed holds it no longer, and nobody is told of it', async () => {
      const holder = startLockHolder(settings, { who: ada });
      expect(await holder.attempt).toMatchObject({ held: true });
      await holder.kill();
      const store = await open(settings);
      const lock = await untilFree(store, bob);
      const other = await open(settings);
      expect((await lockedOut(take(other, ada))).message).toMatch(holderText(dialect, bob));
      await lock.release();
    });

    it('a wait ends when it is let go', async () => {
      const holder = startLockHolder(settings, { who: ada });
      await holder.attempt;
      const store = await open(settings);
      const remarks: string[] = [];
      const waiting = store.lock(
        'sweep',
        { who: bob, since: store.now },
        { milliseconds: 20_000, signal: never, remark: (text) => remarks.push(text) },
      );
      await sleep(1200);
      const released = Date.now();
      await holder.release();
      const lock = await waiting;
      const taken = Date.now();
      expect(remarks).toEqual([expect.stringMatching(/^waiting: another sweep of .* is running: /)]);
      expect(remarks[0]).toMatch(holderText(dialect, ada));
      const { message } = await lockedOut(take(await open(settings), ada));
      await lock.release();
      if (dialect === 'mysql') return;
      // Held since it was had, not since it was waited for.
      const since = Date.parse(/since (\S+)$/.exec(message)?.[1] ?? '');
      expect(since).toBeGreaterThan(released - 1000);
      expect(since).toBeLessThanOrEqual(taken);
      expect(since).toBeGreaterThan(Date.parse(store.now));
    });

    it('a wait has an end, and a signal ends it before', async () => {
      const holder = startLockHolder(settings, { who: ada });
      await holder.attempt;
      const store = await open(settings);
      const begun = performance.now();
      const own = { who: bob, since: store.now };
      await lockedOut(store.lock('sweep', own, { milliseconds: 700, signal: never }));
      expect(performance.now() - begun).toBeGreaterThan(690);

      const stop = new AbortController();
      // Longer than a test may take.
      const waiting = failure(store.lock('sweep', own, { milliseconds: 3_600_000, signal: stop.signal }));
      await sleep(500);
      stop.abort('SIGTERM');
      const error = await waiting;
      expect(error).toBeInstanceOf(CancelledError);
      expect(error).toMatchObject({ message: 'stopped by SIGTERM, nothing was changed', exitCode: 130 });
      await holder.release();
    });

    it('has nothing to do with another database, another table or another kind of run', async () => {
      const copy = {
        postgresql: 'CREATE TABLE "sessions2" (LIKE "session" INCLUDING ALL)',
        mysql: 'CREATE TABLE `sessions2` LIKE `session`',
        sqlite: 'CREATE TABLE "sessions2" AS SELECT * FROM "session"',
      }[dialect];
      const other = await deploy(plainShape(dialect));
      onTestFinished(() => other.database.drop());
      await other.database.query(copy);
      const stores = [
        await open(settings),
        await open(settingsOf(other.database.url, 'session')),
        await open(settingsOf(other.database.url, 'sessions2')),
      ];
      const locks: RunLock[] = [];
      for (const store of stores) locks.push(await take(store, ada));
      locks.push(await take(await open(settings), ada, 'prune'));
      for (const store of stores)
        await lockedOut(take(await open(settingsOf(settings.url)), bob)).then(() => store);
      for (const lock of locks) await lock.release();
    });

    // MySQL is not told who the run is.
    if (dialect === 'mysql') return;
    it.each([
      [`o'"@c\u0000\u001b[3m\n\u202e\`\\;, pid 4711`, /is running: o'"@c\?\[3m\?`\\;, pid 4711, since/],
      [`root@${'long-'.repeat(60)}, pid 4194304`, /is running: root@[a-z.-]+, pid 4194304, since/],
      ['führer@räkna, pid 17', /f\?hrer@r\?kna, pid 17/],
      ['', /is running(?:: process \d+ of the server)?, since|is running: since/],
    ])('can be held by %j', async (who, said) => {
      const lock = await take(await open(settings), who);
      const { message } = await lockedOut(take(await open(settings), bob));
      expect(message).toMatch(said);
      expect(message).toMatch(/^[ -~]+$/);
      expect(message).toMatch(/since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      await lock.release();
    });
  });
});

describe.each(servers)('the lock of a connection, on %s', (dialect) => {
  describeOn(dialect, 'that may be lost', () => {
    let database: TestDatabase;
    let settings: DatabaseSettings;

    beforeAll(async () => {
      ({ database } = await deploy(plainShape(dialect)));
      settings = settingsOf(database.url);
    });
    afterAll(() => database.drop());

    it('is taken again on the next connection, as held since the first', async () => {
      const store = await open(settings);
      const other = await open(settings);
      const lock = await take(store, ada);
      const before = await lockedOut(take(other, bob));
      await endHolder(database, before);
      await sleep(1200);
      await lock.keep();
      const after = await lockedOut(take(other, bob));
      // On MySQL the message names the connection, and this is another one.
      if (dialect !== 'mysql') expect(after.message).toBe(before.message);
      expect(after.hint).not.toBe(before.hint);
      await lock.release();
      await (await take(other, bob)).release();
    });

    it('is taken again behind the back of whatever made the new connection', async () => {
      const store = await open(settings);
      const other = await open(settings);
      const lock = await take(store, ada);
      await endHolder(database, await lockedOut(take(other, bob)));
      await store.readClock();
      await lock.keep();
      await lockedOut(take(other, bob));
      await lock.release();
    });

    it('is not taken again where another run has it by now', async () => {
      const store = await open(settings);
      const other = await open(settings);
      const lock = await take(store, ada);
      await endHolder(database, await lockedOut(take(other, bob)));
      const theirs = await untilFree(other, bob);
      const { message } = await lockedOut(lock.keep());
      expect(message).toMatch(/^the lock went with a lost connection, and another sweep of .* is running: /);
      expect(message).toMatch(holderText(dialect, bob));
      await lock.release();
      await lockedOut(take(await open(settings), ada));
      await theirs.release();
    });

    it('is waited for while the server has not missed the lost connection', async () => {
      await using wire = await startHalfDeafWire(database.url, 2000);
      const store = await open(settingsOf(wire.url));
      const lock = await take(store, ada);
      const begun = performance.now();
      wire.cut();
      await sleep(100);
      await lock.keep();
      expect(performance.now() - begun).toBeGreaterThan(1000);
      await lockedOut(take(await open(settings), bob));
      await lock.release();
    });

    it('gives up by the signal, and only where it is not held', async () => {
      await using wire = await startHalfDeafWire(database.url, 8000);
      const stop = new AbortController();
      const store = await openDatabaseStore(settingsOf(wire.url), {
        access: 'write',
        redactor: createRedactor(),
        signal: stop.signal,
      });
      const lock = await take(store, ada);
      wire.cut();
      await sleep(100);
      const keeping = failure(lock.keep());
      await sleep(700);
      stop.abort('SIGTERM');
      expect(String(await keeping)).toContain('SIGTERM');
      wire.end();
      await (await untilFree(await open(settings), bob)).release();
    });

    it('is released even where the connection is lost', async () => {
      const store = await open(settings);
      const other = await open(settings);
      const lock = await take(store, ada);
      await endHolder(database, await lockedOut(take(other, bob)));
      await lock.release();
      await (await untilFree(other, bob)).release();
    });

    it('tells an account without any further right what that may know of the holder', async () => {
      await using account = await makeAccount(database);
      const other = settingsOf(account.url);
      const lock = await take(await open(settings), ada);
      const { message } = await lockedOut(take(await open(other), bob));
      // MySQL shows an account its own connections only.
      if (dialect === 'mysql') expect(message).toMatch(/is running: connection \d+ of the server$/);
      else expect(message).toMatch(holderText(dialect, ada));
      await lock.release();
      const theirs = await take(await open(other), bob);
      expect((await lockedOut(take(await open(settings), ada))).message).toMatch(holderText(dialect, bob));
      expect((await lockedOut(take(await open(other), ada))).message).toMatch(holderText(dialect, bob));
      await theirs.release();
    });
  });
});

describeOn('postgresql', 'a connection of PostgreSQL', () => {
  it('has a name that says what it does, as long as it does it', async () => {
    const { database } = await deploy(plainShape('postgresql'));
    onTestFinished(() => database.drop());
    const store = await open(settingsOf(database.url));
    const names = async () =>
      (
        await database.query(
          `SELECT application_name AS name FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'sessionctl%'`,
        )
      ).map(({ name }) => name);
    const lock = await take(store, ada);
    // The lock has a connection of its own.
    expect((await names()).sort()).toEqual([
      'sessionctl',
      expect.stringMatching(/^sessionctl sweep \d{8}T\d{6}Z ada@cron-1, pid 4711$/),
    ]);
    await lock.release();
    await until('the connection of the lock is closed', async () => (await names()).length === 1);
    expect(await names()).toEqual(['sessionctl']);
  });
});

describe('the lock file of SQLite', () => {
  const ready = async () => {
    const { database } = await deploy(plainShape('sqlite'));
    onTestFinished(() => database.drop());
    if (database.dialect !== 'sqlite') throw new Error('no file');
    const { file } = database;
    const settings = settingsOf(database.url);
    const lockFiles = () =>
      readdirSync(dirname(file))
        .filter((name) => name.includes('-sessionctl-'))
        .map((name) => realpathSync(join(dirname(file), name)));
    return {
      file,
      settings,
      lockFiles,
      /** Where it would stand. */
      lockPath: async () => {
        const lock = await take(await open(settings), ada);
        await lock.release();
        const [path = ''] = lockFiles();
        rmSync(path);
        return path;
      },
    };
  };

  it('stands beside the real file with its permissions, and stays there', async () => {
    const { file, settings, lockFiles } = await ready();
    chmodSync(file, 0o660);
    if (process.getuid?.() === 0) chownSync(file, 65_534, 65_534);
    const lock = await take(await open(settings), ada);
    expect(lockFiles()).toEqual([expect.stringMatching(/auth\.db-sessionctl-lock-[0-9a-f]{8}$/)]);
    await lock.release();
    const [path = ''] = lockFiles();
    expect(lockFiles()).toHaveLength(1);
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(statSync(path)).toMatchObject({ uid: statSync(file).uid, gid: statSync(file).gid });
  });

  it('is the same by every path to the database', async () => {
    const { file, settings } = await ready();
    const elsewhere = join(mkdtempSync(join(inject('temporaryDirectory'), 'link-')), 'linked.db');
    symlinkSync(file, elsewhere);
    const lock = await take(await open(settingsOf(`sqlite:${elsewhere}`)), ada);
    expect(readdirSync(dirname(elsewhere))).toEqual(['linked.db']);
    await lockedOut(take(await open(settings), bob));
    await lock.release();
  });

  it.each(['symbolic link', 'dangling link', 'hard link', 'directory'] as const)(
    'is not written where a %s stands in its place',
    async (kind) => {
      const { settings, lockPath } = await ready();
      const path = await lockPath();
      const victim = join(mkdtempSync(join(inject('temporaryDirectory'), 'victim-')), 'victim');
      if (kind !== 'dangling link') writeFileSync(victim, '');
      if (kind === 'directory') mkdirSync(path);
      else if (kind === 'hard link') linkSync(victim, path);
      else symlinkSync(victim, path);
      const error = await failure(take(await open(settings), ada));
      expect(error).toMatchObject({
        exitCode: 4,
        message: `cannot use ${path}: it is not a plain file, as the lock file of sessionctl must be`,
      });
      expect(
        readdirSync(dirname(victim)).map((name) => readFileSync(join(dirname(victim), name), 'utf8')),
      ).toEqual(kind === 'dangling link' ? [] : ['']);
    },
  );

  it('that is no such file is refused, and not overwritten', async () => {
    const { settings, lockPath } = await ready();
    const path = await lockPath();
    writeFileSync(path, 'not a database, but somebody’s notes\n'.repeat(100));
    const before = readFileSync(path);
    expect(await failure(take(await open(settings), ada))).toMatchObject({
      exitCode: 4,
      message: `cannot use ${path}: it is not a lock file of sessionctl`,
    });
    expect(readFileSync(path)).toEqual(before);
  });

  it.skipIf(isAllPowerful)('needs a directory that can be written', async () => {
    const { file, settings, lockFiles } = await ready();
    chmodSync(dirname(file), 0o755);
    chmodSync(file, 0o666);
    const { uid } = unprivileged;
    const as = uid === undefined ? {} : { uid };
    if (uid === undefined) chmodSync(dirname(file), 0o555);
    const refused = await startLockHolder(settings, as).attempt;
    chmodSync(dirname(file), 0o777);
    expect(refused).toMatchObject({ held: false, code: 'connection', exitCode: 4 });
    expect(refused.held ? '' : refused.message).toMatch(
      /^cannot lock .*auth\.db-sessionctl-lock-.*permission denied/,
    );
    expect(lockFiles()).toEqual([]);

    // One that is there, but not for this account.
    const lock = await take(await open(settings), ada);
    await lock.release();
    const [path = ''] = lockFiles();
    chmodSync(path, 0o644);
    if (uid === undefined) chmodSync(path, 0o444);
    expect(await startLockHolder(settings, as).attempt).toMatchObject({ held: false, code: 'connection' });
    chmodSync(path, 0o666);
    const holder = startLockHolder(settings, { ...as, who: bob });
    expect(await holder.attempt).toMatchObject({ held: true });
    expect((await lockedOut(take(await open(settings), ada))).message).toContain(bob);
    await holder.release();
  });

  it('holds up nobody who works on the database itself', async () => {
    const { file, settings } = await ready();
    const lock = await take(await open(settings), ada);
    const store = await open(settings);
    expect(await store.readClock()).toMatch(/Z$/);
    const application = new BetterSqlite3(file, { timeout: 0 });
    application.exec('BEGIN IMMEDIATE; COMMIT');
    application.close();
    await lock.release();
  });
});

interface Wire extends AsyncDisposable {
  readonly url: string;
  readonly cut: () => void;
  /** Breaks every connection on both sides. */
  readonly end: () => void;
}

/** A wire to a server that can be cut so that the server hears of it only after a while. */
async function startHalfDeafWire(target: string, deafFor: number): Promise<Wire> {
  const { hostname, port, protocol } = new URL(target);
  const clients = new Set<Socket>();
  const upstreams = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({
      host: hostname,
      port: port === '' ? (protocol === 'mysql:' ? 3306 : 5432) : Number(port),
    });
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.on('data', (chunk) => upstream.write(chunk));
    upstream.on('data', (chunk) => client.write(chunk));
    clients.add(client);
    upstreams.add(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the wire has no port');
  const url = new URL(target);
  url.host = `127.0.0.1:${String(address.port)}`;
  const breakAll = (sockets: Set<Socket>) => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const end = () => {
    breakAll(clients);
    breakAll(upstreams);
  };
  return {
    url: url.href,
    cut: () => {
      breakAll(clients);
      const deaf = new Set(upstreams);
      setTimeout(() => {
        breakAll(deaf);
      }, deafFor);
    },
    end,
    [Symbol.asyncDispose]: async () => {
      end();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
