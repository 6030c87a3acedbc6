import { hash } from 'node:crypto';
import { existsSync, mkdtempSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import BetterSqlite3 from 'better-sqlite3';
import { getMigrations } from 'better-auth/db/migration';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { emptyChain, sealRecord, type HistoryRecord } from '../../src/history/history-record.ts';
import { createRedactor } from '../../src/redaction.ts';
import { openDatabaseStore } from '../../src/store/database/open.ts';
import { makeAccount } from '../support/account.ts';
import { appOptions, createApp, signIn, signUp } from '../support/app.ts';
import { catalogueOf } from '../support/catalogue.ts';
import { createDatabase, type DatabaseOptions, type TestDatabase } from '../support/databases.ts';
import { runMain, type Outcome } from '../support/fake-system.ts';
import { operatorOn } from '../support/operator.ts';
import { isAllPowerful, runSessionctl, unprivileged, writeConfig } from '../support/run-sessionctl.ts';
import { describeOn, type Dialect } from '../support/servers.ts';
import { deploy, plainShape, type Shape } from '../support/shapes.ts';
import { until } from '../support/until.ts';
import { startSessionctl } from '../support/start-sessionctl.ts';
import { runInTerminal } from '../support/terminal.ts';

const dialects = ['postgresql', 'mysql', 'sqlite'] as const;
const INDEX = 'sessionctl_session_expires_idx';

const made: TestDatabase[] = [];
afterEach(async () => {
  for (const database of made.splice(0)) await database.drop();
});

async function emptyDatabase(dialect: Dialect, options: DatabaseOptions = {}): Promise<TestDatabase> {
  const database = await createDatabase(dialect, options);
  made.push(database);
  return database;
}

async function deployed(shape: Shape) {
  const deployment = await deploy(shape);
  made.push(deployment.database);
  return deployment;
}

/** As Better Auth's own adapter takes it. */
const nativeDatabase = (database: TestDatabase) =>
  database.dialect === 'sqlite' ? database.connection : database.pool;

const stateHome = mkdtempSync(join(inject('temporaryDirectory'), 'state-'));
const env = { XDG_STATE_HOME: stateHome };

const schema = (url: string, ...words: readonly string[]): Promise<Outcome> =>
  runMain(['--url', url, 'schema', ...words], { env });

/** Expects success, and gives what was printed. */
async function succeeds(running: Promise<Outcome>): Promise<string> {
  const { code, stdout, stderr } = await running;
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('error') as unknown });
  return stdout;
}

/** Whether somebody has begun to write the schema. */
async function isAtWork(database: TestDatabase): Promise<boolean> {
  if (database.dialect === 'sqlite') return existsSync(`${database.file}-journal`);
  if (database.dialect === 'mysql') return (await catalogueOf(database)).length > 0;
  const [row] = await database.query(
    `SELECT count(*)::int AS found FROM pg_locks WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND mode = 'AccessExclusiveLock' AND locktype = 'relation'`,
  );
  return Number(row?.['found']) > 0;
}

/** What Better Auth still misses. */
async function missingFor(database: TestDatabase) {
  const { toBeCreated, toBeAdded, toBeAddedIndexes } = await getMigrations(
    appOptions({ database: nativeDatabase(database) }),
  );
  return { toBeCreated, toBeAdded, toBeAddedIndexes };
}
const nothing = { toBeCreated: [], toBeAdded: [], toBeAddedIndexes: [] };

/** Where sessionctl finds, and Better Auth makes, everything. */
const places: readonly {
  readonly name: string;
  readonly dialect: Dialect;
  readonly options?: DatabaseOptions;
  readonly before?: string;
  readonly parameters?: string;
}[] = [
  { name: 'postgresql', dialect: 'postgresql' },
  {
    name: 'postgresql, schema auth',
    dialect: 'postgresql',
    options: { searchPath: 'auth' },
    before: 'CREATE SCHEMA auth',
    parameters: '?schema=auth',
  },
  { name: 'mysql', dialect: 'mysql' },
  { name: 'sqlite', dialect: 'sqlite' },
];

describe('an empty database', () => {
  for (const { name, dialect, options, before, parameters = '' } of places) {
    describeOn(dialect, name, () => {
      const start = async () => {
        const database = await emptyDatabase(dialect, options);
        if (before !== undefined) await database.query(before);
        return { database, url: database.url + parameters };
      };

      it('becomes what Better Auth makes of it', async () => {
        const { database, url } = await start();
        expect(await schema(url, 'status', '--check')).toMatchObject({
          code: 5,
          stdout: expect.stringMatching(/^pending .*core tables/m) as unknown,
          stderr: expect.stringContaining('2 parts of the schema are pending') as unknown,
        });

        await succeeds(schema(url, 'migrate', '--yes'));
        expect(await missingFor(database)).toEqual(nothing);
        const { database: theirs } = await start();
        await (await getMigrations(appOptions({ database: nativeDatabase(theirs) }))).runMigrations();
        expect(await catalogueOf(database, 'sessionctl_')).toEqual(await catalogueOf(theirs));
        expect((await schema(url, 'status', '--check')).code).toBe(0);

        const app = createApp({ database: nativeDatabase(database) });
        const ada = await signUp(app, 'Ada', 'ada@example.com');
        await signIn(app, ada, { ip: '203.0.113.7', userAgent: 'curl/8' });
        const listed = await succeeds(runMain(['--url', url, 'list', '--json']));
        expect(JSON.parse(listed)).toMatchObject([
          { userEmail: 'ada@example.com', ipAddress: '203.0.113.7' },
        ]);

        const before = await catalogueOf(database);
        const again = await schema(url, 'migrate', '--yes');
        expect(again).toEqual({ code: 0, stdout: '', stderr: 'There is nothing to do.\n' });
        expect(await catalogueOf(database)).toEqual(before);

        await succeeds(schema(url, 'rollback', '--yes'));
        expect(await catalogueOf(database), 'the core tables stay').toEqual(await catalogueOf(theirs));
        expect(JSON.parse(await succeeds(runMain(['--url', url, 'list', '--json'])))).toHaveLength(1);
      });

      it('stays empty with --dry-run, whose SQL makes the same by hand', async () => {
        const { database, url } = await start();
        const before = await catalogueOf(database);
        const script = await succeeds(schema(url, 'migrate', '--dry-run', '--expiry-index'));
        expect(await catalogueOf(database)).toEqual(before);
        expect(before).toEqual([]);

        const { database: byHand, url: handUrl } = await start();
        await runScript(byHand, script);
        await succeeds(schema(url, 'migrate', '--yes', '--expiry-index'));
        expect(await catalogueOf(byHand)).toEqual(await catalogueOf(database));
        expect((await schema(handUrl, 'migrate', '--yes', '--expiry-index')).stderr).toMatch(/nothing to do/);

        const removal = await succeeds(schema(url, 'rollback', '--dry-run'));
        expect(await catalogueOf(byHand), 'a dry run removes nothing').toEqual(await catalogueOf(database));
        await runScript(byHand, removal);
        await succeeds(schema(url, 'rollback', '--yes'));
        expect(await catalogueOf(byHand)).toEqual(await catalogueOf(database));
      });

      it('is made once by three at once', async () => {
        const { database, url } = await start();
        const runs = await Promise.all(
          [1, 2, 3].map(() => schema(url, 'migrate', '--yes', '--expiry-index')),
        );
        expect(runs.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
          runs.map(({ stderr }) => ({ code: 0, stderr })),
        );
        expect(await missingFor(database)).toEqual(nothing);
        expect((await schema(url, 'migrate', '--yes', '--expiry-index')).stderr).toMatch(/nothing to do/);
      });

      it('is made by the next run after one that was killed in the middle', async () => {
        const killedAtWork = async (attempts: number): Promise<Awaited<ReturnType<typeof start>>> => {
          const empty = await start();
          const words = ['--url', empty.url, 'schema', 'migrate', '--yes', '--expiry-index'];
          const { child, ended, isRunning } = startSessionctl(words);
          while (isRunning() && !(await isAtWork(empty.database))) await wait(1);
          child.kill('SIGKILL');
          const isKilled = (await ended).code === null;
          const isWhole = (await schema(empty.url, 'status', '--check')).code === 0;
          // A kill that comes too late has proven nothing.
          if (isKilled && !isWhole) return empty;
          if (attempts === 1) throw new Error('every kill came too late');
          await empty.database.drop();
          return killedAtWork(attempts - 1);
        };
        const { database, url } = await killedAtWork(20);
        await succeeds(schema(url, 'migrate', '--yes', '--expiry-index'));
        expect(await missingFor(database)).toEqual(nothing);
        expect(await catalogueOf(database)).not.toContainEqual(expect.stringContaining('invalid'));
        expect((await schema(url, 'status', '--check')).stdout).toMatch(new RegExp(`^done .*${INDEX}`, 'm'));
      });
    });
  }

  it('that is no file yet is made by migrate alone', async () => {
    const file = join(await mkdtemp(join(inject('temporaryDirectory'), 'none-')), 'new.db');
    expect((await schema(`sqlite:${file}`, 'status', '--check')).code).toBe(5);
    await succeeds(schema(file, 'migrate', '--dry-run'));
    expect((await runMain(['--url', file, 'list'])).code).toBe(4);
    expect(existsSync(file)).toBe(false);
    await succeeds(schema(file, 'migrate', '--yes'));
    const connection = new BetterSqlite3(file);
    const { toBeCreated } = await getMigrations(appOptions({ database: connection }));
    connection.close();
    expect(toBeCreated).toEqual([]);
    expect((await schema(join(file, 'none', 'a.db'), 'migrate', '--yes')).code).toBe(4);
  });

  it('whose configuration has names of its own is not given others', async () => {
    const { url } = await emptyDatabase('sqlite');
    const config = writeConfig({ userColumns: { email: 'mail' } });
    const run = await runMain(['--config', config, 'schema', 'migrate', '--yes'], {
      env: { DATABASE_URL: url },
    });
    expect(run).toMatchObject({
      code: 5,
      stderr: expect.stringMatching(/is empty, and the configuration names/) as unknown,
    });
  });

  describeOn('postgresql', 'postgresql', () => {
    it('without the schema that is named', async () => {
      const { url } = await emptyDatabase('postgresql');
      const run = await schema(`${url}?schema=auth`, 'migrate', '--yes');
      expect(run).toMatchObject({
        code: 5,
        stderr: expect.stringContaining('CREATE SCHEMA "auth"') as unknown,
      });
    });
  });

  describeOn('mysql', 'mysql', () => {
    it('whose core tables an earlier run has begun', async () => {
      const database = await emptyDatabase('mysql');
      const { steps } = JSON.parse(
        await succeeds(schema(database.url, 'migrate', '--dry-run', '--json')),
      ) as {
        steps: readonly { readonly statements: readonly string[] }[];
      };
      const [bookkeeping, found, core] = steps.map(({ statements }) => statements);
      for (const sql of [...(bookkeeping ?? []), ...(found ?? []), ...(core ?? []).slice(0, 2)])
        await database.query(sql);
      await database.query('UPDATE sessionctl_migrations_lock SET is_locked = 1');
      expect((await missingFor(database)).toBeCreated).toHaveLength(2);
      expect((await schema(database.url, 'status')).stdout).toMatch(/^pending .*half made/m);
      expect((await schema(database.url, 'rollback', '--yes')).code).toBe(5);
      await succeeds(schema(database.url, 'migrate', '--yes'));
      expect(await missingFor(database)).toEqual(nothing);
    });
  });
});

describe('a deployment', () => {
  for (const dialect of dialects) {
    describeOn(dialect, dialect, () => {
      it('with an index on expiry of another name needs none', async () => {
        const { database } = await deployed(plainShape(dialect));
        const q = dialect === 'mysql' ? '`' : '"';
        await database.query(`CREATE INDEX their_own ON ${q}session${q} (${q}expiresAt${q}, id)`);
        await succeeds(schema(database.url, 'migrate', '--yes', '--expiry-index'));
        expect(await succeeds(schema(database.url, 'status'))).toMatch(
          /^done .*index on expiry: their_own$/m,
        );
        expect(String(await catalogueOf(database))).not.toContain(INDEX);
        await succeeds(schema(database.url, 'rollback', '--yes'));
        expect(String(await catalogueOf(database))).toContain('their_own');
      });

      it('without sessions in the database gets the history alone', async () => {
        const { database } = await deployed(plainShape(dialect));
        await database.query(`DROP TABLE ${dialect === 'mysql' ? '`session`' : '"session"'}`);
        await succeeds(schema(database.url, 'migrate', '--yes'));
        expect((await missingFor(database)).toBeCreated).toHaveLength(1);
        expect(await schema(database.url, 'migrate', '--yes', '--expiry-index')).toMatchObject({
          code: 5,
          stderr: expect.stringContaining('no session table') as unknown,
        });
      });

      it('has what was changed in the operator’s own history', async () => {
        const { database } = await deployed(plainShape(dialect));
        await succeeds(schema(database.url, 'migrate', '--yes'));
        await succeeds(schema(database.url, 'migrate', '--yes'));
        await succeeds(schema(database.url, 'rollback', '--yes'));
        const listed = await runMain(['--url', database.url, 'history', '--own', '--json'], { env });
        const naming = expect.stringMatching(/history/) as unknown;
        expect(JSON.parse(listed.stdout)).toMatchObject([
          { command: 'schema rollback', outcome: 'complete' },
          { command: 'schema migrate', outcome: 'complete', selection: naming },
        ]);
      });

      it('whose history table was dropped by hand gets another', async () => {
        const { database } = await deployed(plainShape(dialect));
        await succeeds(schema(database.url, 'migrate', '--yes'));
        const whole = await catalogueOf(database);
        await database.query('DROP TABLE sessionctl_history');
        expect((await schema(database.url, 'status', '--check')).code).toBe(5);
        await succeeds(schema(database.url, 'migrate', '--yes'));
        expect(await catalogueOf(database)).toEqual(whole);
      });

      it('keeps records, and tells how many go with the table', async () => {
        const { database } = await deployed(plainShape(dialect));
        const open = () =>
          openDatabaseStore(settingsOf(database.url), {
            access: 'write',
            redactor: createRedactor(),
            signal: new AbortController().signal,
          });
        const without = await open();
        expect(without.history).toBeNull();
        await without.close();
        await succeeds(schema(database.url, 'migrate', '--yes'));

        const planned = await schema(database.url, 'rollback', '--dry-run');
        expect(planned.stdout).toContain('sessionctl_history');
        expect(planned.stderr, 'nothing goes with an empty table').not.toContain('goes with');

        const store = await open();
        try {
          const first = recordAfter(null, 'one — ü 🦊 \\ \' "');
          const second = recordAfter(first, 'two');
          for (const record of [first, second, first]) await store.history?.append(record);
          expect(await store.history?.read(10), 'newest first, none twice').toEqual([second, first]);
          expect(await store.history?.read(1)).toEqual([second]);
          const [row] = await database.query('SELECT * FROM sessionctl_history ORDER BY id DESC');
          const { runId, event, at, operator, hash, previous } = second;
          expect(row).toMatchObject({
            run_id: runId,
            event,
            at,
            operator: operator.user,
            host: operator.host,
            hash,
            previous,
          });
          await database.query(`UPDATE sessionctl_history SET record = 'changed'`);
          await expect(store.history?.read(1)).rejects.toThrow(/is not a record/);
        } finally {
          await store.close();
        }
        const { stderr } = await schema(database.url, 'rollback', '--dry-run');
        expect(stderr).toContain('this removes the history table with 2 records');
      });

      it('waits for whoever changes it, and says for whom', async () => {
        const { database } = await deployed(plainShape(dialect));
        const { free, name } = await holdLock(database);
        const sitting = operatorOn(database.url).sitDown(['schema', 'migrate', '--yes']);
        try {
          await sitting.shows(name);
          expect(String(await catalogueOf(database))).not.toContain('sessionctl');
        } finally {
          await free();
        }
        expect((await sitting.ended).code).toBe(0);
        expect((await schema(database.url, 'status', '--check')).code).toBe(0);
      });
    });
  }
});

describe('the index on expiry', () => {
  describeOn('postgresql', 'postgresql', () => {
    /** A transaction that has seen the table, as an old one of the application: the building waits for it. */
    async function oldTransaction(database: TestDatabase) {
      if (database.dialect !== 'postgresql') throw new Error('for PostgreSQL');
      const client = await database.pool.connect();
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await client.query('UPDATE "user" SET name = name');
      await client.query('DELETE FROM "session" WHERE id = \'none\'');
      return async () => {
        await client.query('COMMIT');
        client.release();
      };
    }
    const indexed = async ({ query }: TestDatabase) =>
      (
        await query(`SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass('${INDEX}')`)
      ).map(({ valid }) => valid);
    const until = async (condition: () => Promise<boolean>) => {
      while (!(await condition())) await wait(20);
    };

    it('is built beside writes', async () => {
      const deployment = await deployed(plainShape('postgresql'));
      const { database, app } = deployment;
      const ada = await signUp(app, 'Ada', 'ada@example.com');
      const end = await oldTransaction(database);
      const running = schema(database.url, 'migrate', '--yes', '--expiry-index');
      await until(async () => (await indexed(database)).length > 0);
      for (let sign = 0; sign < 5; sign += 1)
        await signIn(app, ada, { ip: '192.0.2.1', userAgent: 'curl/8' });
      await wait(400);
      expect(await indexed(database), 'still building').toEqual([false]);
      await end();
      await succeeds(running);
      expect((await running).stderr, 'at the first attempt').not.toContain('trying again');
      expect(await indexed(database)).toEqual([true]);
    });

    it('is built anew where an interrupted run left an invalid one', async () => {
      const { database } = await deployed(plainShape('postgresql'));
      const end = await oldTransaction(database);
      const { child, ended } = startSessionctl([
        '--url',
        database.url,
        'schema',
        'migrate',
        '--yes',
        '--expiry-index',
      ]);
      await until(async () => (await indexed(database)).length > 0);
      child.kill('SIGKILL');
      await ended;
      // The server finds out that nobody is there any more, and ends what it does for the dead.
      await until(async () => {
        const [row] = await database.query(
          `SELECT count(*)::int AS running FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'create index%'`,
        );
        return row?.['running'] === 0;
      });
      await end();
      expect(await indexed(database)).toEqual([false]);
      expect(await succeeds(schema(database.url, 'status'))).toMatch(/^optional .*invalid/m);
      const { code, stderr } = await schema(database.url, 'migrate', '--yes', '--expiry-index');
      expect({ code, stderr }).toMatchObject({
        code: 0,
        stderr: expect.stringContaining('to replace the invalid one') as unknown,
      });
      expect(await indexed(database)).toEqual([true]);
    });

    it('is given up by Ctrl-C with the exit code for going on', async () => {
      const { database } = await deployed(plainShape('postgresql'));
      const end = await oldTransaction(database);
      const { child, ended } = startSessionctl([
        '--url',
        database.url,
        'schema',
        'migrate',
        '--yes',
        '--expiry-index',
      ]);
      await until(async () => (await indexed(database)).length > 0);
      child.kill('SIGINT');
      expect(await ended).toMatchObject({
        code: 6,
        stderr: expect.stringContaining('stopped by SIGINT') as unknown,
      });
      await end();
      await succeeds(schema(database.url, 'migrate', '--yes', '--expiry-index'));
      expect(await indexed(database)).toEqual([true]);
    });

    it('is refused on a partitioned table, and recognised there', async () => {
      const database = await emptyDatabase('postgresql');
      await database.query(
        'CREATE TABLE session (id text NOT NULL, token text NOT NULL, "userId" text NOT NULL, "expiresAt" timestamptz NOT NULL, "createdAt" timestamptz NOT NULL, "updatedAt" timestamptz NOT NULL) PARTITION BY RANGE ("createdAt")',
      );
      await database.query('CREATE TABLE session_all PARTITION OF session DEFAULT');
      for (const words of [['--dry-run'], ['--yes']]) {
        expect(await schema(database.url, 'migrate', '--expiry-index', ...words)).toMatchObject({
          code: 5,
          stderr: expect.stringContaining('is partitioned') as unknown,
        });
      }
      await database.query('CREATE INDEX by_expiry ON session ("expiresAt")');
      await succeeds(schema(database.url, 'migrate', '--yes', '--expiry-index'));
    });
  });

  describeOn('mysql', 'mysql', () => {
    it('gives way to a transaction that holds the table, and so to everybody behind it', async () => {
      const { database, app } = await deployed(plainShape('mysql'));
      if (database.dialect !== 'mysql') throw new Error('for MySQL');
      const ada = await signUp(app, 'Ada', 'ada@example.com');
      const old = await database.pool.getConnection();
      await old.query('START TRANSACTION');
      await old.query('SELECT * FROM session');
      const sitting = operatorOn(database.url).sitDown(['schema', 'migrate', '--yes', '--expiry-index']);
      const signIns = { meanwhile: 0 };
      const writer = (async () => {
        for (
          let isOver = false;
          !isOver;
          isOver = await Promise.race([sitting.ended.then(() => true), wait(20, false)])
        ) {
          await signIn(app, ada, { ip: '192.0.2.1', userAgent: 'curl/8' });
          signIns.meanwhile += 1;
        }
      })();
      await sitting.shows(/another transaction holds the table/);
      const before = signIns.meanwhile;
      // Whoever signs in gets through while the table is held, and while the index waits for it.
      await until('people sign in', () => Promise.resolve(signIns.meanwhile > before + 1));
      await old.query('COMMIT');
      old.release();
      expect((await sitting.ended).code).toBe(0);
      await writer;
      expect(String(await catalogueOf(database))).toContain(INDEX);
    });
  });
});

describe('an account without the right', () => {
  for (const dialect of ['postgresql', 'mysql'] as const) {
    describeOn(dialect, dialect, () => {
      it('may look, and is told what it lacks', async () => {
        const { database } = await deployed(plainShape(dialect));
        const before = await catalogueOf(database);
        await using reader = await makeAccount(database);
        const isPostgres = dialect === 'postgresql';
        expect((await schema(reader.url, 'status', '--check')).code).toBe(5);
        expect((await schema(reader.url, 'migrate', '--dry-run')).code).toBe(0);
        expect(await schema(reader.url, 'migrate', '--yes')).toMatchObject({
          code: 4,
          stderr: expect.stringContaining(
            isPostgres
              ? 'the account lacks CREATE on the schema public'
              : 'the account lacks CREATE on the database',
          ) as unknown,
        });
        expect(await catalogueOf(database)).toEqual(before);

        await succeeds(schema(database.url, 'migrate', '--yes'));
        // Its bookkeeping is none of a reader's business.
        expect((await schema(reader.url, 'status', '--check')).code).toBe(0);
        const name = new URL(reader.url).username;
        const tables = ['sessionctl_migrations', 'sessionctl_migrations_lock', 'sessionctl_history'];
        if (isPostgres) await database.query(`GRANT CREATE ON SCHEMA public TO ${name}`);
        for (const table of tables) await reader.grant('SELECT, INSERT, UPDATE, DELETE', table);
        expect(await schema(reader.url, 'migrate', '--yes', '--expiry-index')).toMatchObject({
          code: 4,
          stderr: expect.stringMatching(
            isPostgres ? /lacks ownership of the table public\.session/ : /lacks INDEX on session/,
          ) as unknown,
        });
        expect(await schema(reader.url, 'rollback', '--yes')).toMatchObject({
          code: 4,
          stderr: expect.stringMatching(isPostgres ? /lacks ownership of/ : /lacks DROP on/) as unknown,
        });
        if (!isPostgres) {
          await reader.grant('INDEX', 'session');
          await succeeds(schema(reader.url, 'migrate', '--yes', '--expiry-index'));
        }
      });
    });
  }

  it.skipIf(isAllPowerful)('of a file', async () => {
    const { database } = await deployed(plainShape('sqlite'));
    if (database.dialect !== 'sqlite') throw new Error('for SQLite');
    await chmod(join(database.file, '..'), 0o555);
    await chmod(database.file, 0o444);
    const words = ['--url', database.url, 'schema'];
    expect((await runSessionctl([...words, 'status', '--check'], unprivileged)).code).toBe(5);
    expect(await runSessionctl([...words, 'migrate', '--yes'], unprivileged)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('cannot be written') as unknown,
    });
    await chmod(join(database.file, '..'), 0o755);
  });
});

it('a deployment is changed after a question only', async () => {
  const { database } = await deployed(plainShape('sqlite'));
  const before = await catalogueOf(database);
  expect(await schema(database.url, 'migrate')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('needs --yes') as unknown,
  });
  for (const [answer, code] of [
    ['n', 130],
    ['y', 0],
  ] as const) {
    expect(await catalogueOf(database)).toEqual(before);
    const terminal = runInTerminal(['--url', database.url, 'schema', 'migrate'], { columns: 100 });
    await terminal.shows(/create sessionctl's history table[^]*Change the schema\?/);
    terminal.type(`${answer}\r`);
    expect((await terminal.ended).code).toBe(code);
  }
  expect(await catalogueOf(database)).not.toEqual(before);
});

it('a table of the history’s name that is somebody else’s is left alone', async () => {
  const { database } = await deployed(plainShape('sqlite'));
  await database.query('CREATE TABLE sessionctl_history (id integer)');
  for (const words of [['status'], ['migrate', '--yes'], ['rollback', '--yes']]) {
    expect(await schema(database.url, ...words)).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("not sessionctl's") as unknown,
    });
  }
});

/** Runs a script as a person would: one statement after the other, on one connection. */
async function runScript(database: TestDatabase, script: string): Promise<void> {
  const statements = script
    .replaceAll(/^--.*$/gm, '')
    .split(/;\n/)
    .map((sql) => sql.trim())
    .filter((sql) => sql !== '');
  if (database.dialect === 'postgresql') {
    const client = await database.pool.connect();
    for (const sql of statements) await client.query(sql);
    client.release();
    return;
  }
  for (const sql of statements) await database.query(sql);
}

/** The text wherever a terminal's width breaks it. */
function onLines(text: string): RegExp {
  return new RegExp(text.replaceAll(' ', '\\s+'));
}

/** Does what another run does that changes the schema. */
async function holdLock(
  database: TestDatabase,
): Promise<{ readonly free: () => Promise<void>; readonly name: RegExp }> {
  if (database.dialect === 'postgresql') {
    const client = await database.pool.connect();
    const { rows } = await client.query<{ pid: number }>(
      'SELECT pg_advisory_lock(1935897708, 1), pg_backend_pid() AS pid',
    );
    return {
      name: onLines(`waiting for process ${String(rows[0]?.pid)}`),
      free: async () => {
        await client.query('SELECT pg_advisory_unlock_all()');
        client.release();
      },
    };
  }
  if (database.dialect === 'mysql') {
    const connection = await database.pool.getConnection();
    const name = new URL(database.url).pathname.slice(1);
    await connection.query(
      `SELECT GET_LOCK('sessionctl_schema_${hash('sha1', name, 'hex').slice(0, 32)}', 0)`,
    );
    return {
      name: onLines(`waiting for connection ${String(connection.threadId)}`),
      free: async () => {
        await connection.query('SELECT RELEASE_ALL_LOCKS()');
        connection.release();
      },
    };
  }
  database.connection.exec('BEGIN IMMEDIATE');
  return {
    name: onLines('another process is writing to the file'),
    free: () => {
      database.connection.exec('COMMIT');
      return Promise.resolve();
    },
  };
}

function recordAfter(head: HistoryRecord | null, reason: string): HistoryRecord {
  return sealRecord(
    {
      runId: `run ${reason}`,
      event: 'started',
      command: 'revoke-all',
      target: { profile: null, dialect: 'sqlite', database: '/a', redis: null },
      selection: '--everyone',
      reason,
      matched: 1,
      users: 1,
      revoked: null,
      remaining: null,
      outcome: null,
      detail: null,
    },
    head ?? emptyChain,
    { at: '2026-11-23T10:00:00.000Z', operator: { user: 'ada', host: 'engine' }, version: '1.0.0' },
  );
}

function settingsOf(url: string) {
  return {
    profile: null,
    url,
    timeZone: null,
    statementTimeout: 30_000,
    connectTimeout: 10_000,
    replicas: [],
    tls: null,
    schema: { databaseSchema: null, table: null, userTable: null, columns: {}, userColumns: {} },
    cwd: '/',
  };
}
