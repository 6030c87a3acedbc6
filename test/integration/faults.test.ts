import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { makeAccount } from '../support/account.ts';
import { signIn, signUp } from '../support/app.ts';
import type { TestDatabase } from '../support/databases.ts';
import { missingMariadb, startPrivateMariadb } from '../support/private-mariadb.ts';
import { missingInitdb, startPrivatePostgres } from '../support/private-postgres.ts';
import type { PrivateServer } from '../support/private-server.ts';
import { isAllPowerful, unprivileged, writeConfig } from '../support/run-sessionctl.ts';
import { sceneOn, sceneOnServer, stageOn, type How, type Outcome, type Scene } from '../support/scene.ts';
import { describeOn, type Dialect, type ServerDialect } from '../support/servers.ts';
import { startProxy } from '../support/tcp-proxy.ts';

const DEFAULT_ROUNDS = 3;
const rounds = Number(process.env['SESSIONCTL_TEST_ROUNDS'] ?? DEFAULT_ROUNDS);
/** What only waiting shows: sessionctl gives up after one to two minutes. */
const isPatient = rounds > DEFAULT_ROUNDS;
const patiently = isPatient ? '' : ' (skipped: takes minutes, see npm run test:stress)';

const servers = ['postgresql', 'mysql'] as const satisfies readonly ServerDialect[];
const dialects = [...servers, 'sqlite'] as const satisfies readonly Dialect[];

const everyone = ['revoke-all', '--everyone', '--yes', '--json'] as const;
const large = { sessions: 30_000, withTokens: 3000 } as const;
const middling = { sessions: 12_000, withTokens: 1200 } as const;
const small = { sessions: 200, withTokens: 20 } as const;

const stages = {
  postgresql: stageOn('postgresql'),
  mysql: stageOn('mysql'),
  sqlite: stageOn('sqlite'),
} as const satisfies Record<Dialect, unknown>;

/** One line of what happened, with all that is needed to understand a failure. */
const told = ({ code, report, stderr }: Outcome) => ({
  code,
  stoppedBecause: report?.stoppedBecause,
  remaining: report?.remaining,
  stderr,
});
const done = (stoppedBecause = 'complete', code = 0, remaining: unknown = 0) => ({
  code,
  stoppedBecause,
  remaining,
  stderr: expect.any(String) as unknown,
});

/** Everybody is gone, and with them what hung on their sessions. */
async function expectAllEnded({ crowd }: Scene): Promise<void> {
  expect({ left: await crowd.count(), halfDone: await crowd.halfDone() }).toEqual({ left: 0, halfDone: [] });
}

/** The same command again ends what is left. */
async function expectToGoOn(scene: Scene): Promise<void> {
  const left = await scene.crowd.count();
  const outcome = await scene.run(everyone);
  expect(told(outcome)).toEqual(done());
  expect(outcome.report?.revoked).toBe(left);
  await expectAllEnded(scene);
}

async function expectUntouched(scene: Scene, sessions: number): Promise<void> {
  const { crowd } = scene;
  expect({ left: await crowd.count(), halfDone: await crowd.halfDone() }).toEqual({
    left: sessions,
    halfDone: [],
  });
}

// A file system that only the run sees, with no room left on it.
const fill = 'mount -t tmpfs -o size=16k none "$XDG_STATE_HOME" && ! cp "$0" "$XDG_STATE_HOME/" 2>&-';
const full = ['unshare', '--mount', '/bin/sh', '-c', `${fill}; exec "$0" "$@"`] as const;
const mount = ['--mount', 'mount', '-t', 'tmpfs', 'none', inject('temporaryDirectory')];
const noMount = spawnSync('unshare', mount).status !== 0;

const outcomes = async (scene: Scene) => (await scene.history()).map(({ outcome }) => outcome);

for (const dialect of dialects) {
  describeOn(dialect, `${dialect}: killed and stopped`, () => {
    it(
      `kill -9 at any moment leaves nothing half done (${String(rounds)} rounds)`,
      { timeout: 30_000 + rounds * 20_000 },
      async () => {
        const scene = await stages[dialect](large);
        for (let round = 0; round < rounds; round += 1) {
          if (round > 0) await scene.crowd.gather();
          const run = scene.start(everyone);
          // The last part is spared: the run would be at its end before the signal has come.
          await scene.untilLeft(run, large.sessions * (0.3 + 0.7 * Math.random()) - 1);
          // Looking has just seen a COMMIT; a batch takes so long.
          await sleep(50 * Math.random());
          run.child.kill('SIGKILL');
          expect(await run.ended).toMatchObject({ code: null, stdout: '' });
          expect(await scene.crowd.halfDone()).toEqual([]);
          await expectToGoOn(scene);
        }
        expect(await outcomes(scene)).toEqual(
          Array.from({ length: rounds }, () => ['unfinished', 'complete']).flat(),
        );
      },
    );

    it('SIGINT and SIGTERM finish the batch and tell what is left', async () => {
      const scene = await stages[dialect](large);
      const ended: (number | undefined)[] = [];
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        const before = await scene.crowd.count();
        const run = scene.start(everyone);
        await scene.untilLeft(run, before - 1);
        run.child.kill(signal);
        const outcome = await run.ended;
        const left = await scene.crowd.count();
        expect(told(outcome)).toEqual(done('signal', 6, left));
        expect(left).toBeGreaterThan(0);
        expect(outcome.report?.revoked).toBe(before - left);
        expect(outcome.stderr).toContain(signal);
        expect(await scene.crowd.halfDone()).toEqual([]);
        ended.push(outcome.report?.revoked);
      }
      const left = await scene.crowd.count();
      await expectToGoOn(scene);
      expect(await scene.history()).toMatchObject([
        { outcome: 'partial', matched: large.sessions, revoked: ended[0] },
        { outcome: 'partial', revoked: ended[1], remaining: left },
        { outcome: 'complete', matched: left, revoked: left, remaining: 0 },
      ]);
    });

    it('a second signal ends at once', async () => {
      const scene = await stages[dialect](middling);
      const run = scene.start(everyone);
      await scene.untilLeft(run, middling.sessions - 1);
      run.child.kill('SIGINT');
      run.child.kill('SIGTERM');
      expect(await run.ended).toMatchObject({ code: 130, stdout: '' });
      expect(await scene.crowd.halfDone()).toEqual([]);
      expect(await outcomes(scene)).toEqual(['unfinished']);
      await expectToGoOn(scene);
    });

    it('two at once end each session once', async () => {
      const scene = await stages[dialect](middling);
      const both = await Promise.all([scene.run(everyone), scene.run(everyone)]);
      expect(both.map(told)).toEqual([done(), done()]);
      expect(both.map(({ stdout, stderr }) => stdout + stderr).join('\n')).not.toMatch(/deadlock/i);
      const [first = 0, second = 0] = both.map(({ report }) => report?.revoked);
      expect(first + second).toBe(middling.sessions);
      await expectAllEnded(scene);
      expect(await outcomes(scene)).toEqual(['complete', 'complete']);
    });

    it('nobody reads what it says: the exit code tells the truth', async () => {
      const scene = await stages[dialect](middling);
      const stopped = scene.start(everyone);
      stopped.child.stdout.destroy();
      await scene.untilLeft(stopped, middling.sessions - 1);
      stopped.child.kill('SIGINT');
      expect(await stopped.ended).toMatchObject({ code: 6 });
      const finished = scene.start(everyone);
      finished.child.stdout.destroy();
      finished.child.stderr.destroy();
      expect(await finished.ended).toMatchObject({ code: 0 });
      await expectAllEnded(scene);
      expect(await outcomes(scene)).toEqual(['partial', 'complete']);
    });
  });
}

for (const dialect of servers) {
  describeOn(dialect, `${dialect}: the connection breaks`, () => {
    const isDelete = (chunk: Buffer) => chunk.includes('DELETE') && !chunk.includes('1 = 0');
    const isCommit = (chunk: Buffer) => chunk.includes('COMMIT');

    it.each([
      ['before a DELETE reaches the server', isDelete, 'before', 0],
      ['after a COMMIT and before its answer', isCommit, 'after', 1],
    ] as const)('%s: it goes on by itself', async (_title, isIt, moment, uncounted) => {
      const scene = await stages[dialect](middling);
      const proxy = await startProxy(scene.deployment.database.url);
      try {
        let seen = 0;
        proxy.cutWhen((chunk) => {
          if (isIt(chunk)) seen += 1;
          return seen === 3;
        }, moment);
        const outcome = await scene.run(everyone, { url: proxy.url });
        expect(proxy.strikes()).toBe(1);
        expect(told(outcome)).toEqual(done());
        const missing = middling.sessions - (outcome.report?.revoked ?? 0);
        if (uncounted === 0) expect(missing).toBe(0);
        else expect(missing, 'what the lost answer would have told').toBeGreaterThan(0);
        await expectAllEnded(scene);
        expect(await outcomes(scene)).toEqual(['complete']);
      } finally {
        await proxy.stop();
      }
    });

    const cutForGood = async (then: (run: ReturnType<Scene['start']>) => void) => {
      const scene = await stages[dialect](middling);
      await using account = await makeAccount(scene.deployment.database);
      await account.grant('DELETE, UPDATE', 'session');
      for (const table of ['oauthAccessToken', 'oauthRefreshToken']) await account.grant('UPDATE', table);
      const proxy = await startProxy(account.url);
      try {
        const run = scene.start(everyone, { url: proxy.url });
        // Some batches have been answered by then.
        await scene.untilLeft(run, middling.sessions * 0.7);
        proxy.refuse(true);
        proxy.cut();
        then(run);
        const outcome = await run.ended;
        const left = await scene.crowd.count();
        expect(told(outcome)).toEqual(done('failed', 4, null));
        const { report, stdout, stderr } = outcome;
        const revoked = report?.revoked ?? 0;
        expect(stderr).toContain(`${revoked.toLocaleString('en-US')} sessions had been ended by then`);
        expect(stdout + stderr).not.toContain(account.password);
        expect(revoked).toBeGreaterThan(0);
        // The answer to the last batch may have been cut off, too.
        expect(revoked).toBeLessThanOrEqual(middling.sessions - left);
        expect(left).toBeGreaterThan(0);
        expect(await scene.crowd.halfDone()).toEqual([]);
        expect(await scene.history()).toMatchObject([{ outcome: 'failed', revoked, remaining: null }]);
        await expectToGoOn(scene);
      } finally {
        await proxy.stop();
      }
    };

    it('for good, and the operator does not wait: what was ended is told', () =>
      cutForGood((run) => {
        run.child.kill('SIGINT');
      }));

    it.skipIf(!isPatient)(
      `for good: it gives up and tells what was ended${patiently}`,
      { timeout: 240_000 },
      () => cutForGood(() => undefined),
    );
  });

  describeOn(dialect, `${dialect}: rights`, () => {
    const refusal = async (scene: Scene, url: string, message: RegExp) => {
      const outcome = await scene.run(everyone, { url });
      expect(outcome).toMatchObject({
        code: 4,
        stdout: '',
        stderr: expect.stringMatching(message) as unknown,
      });
      expect(outcome.stderr, 'refused before there is a plan').not.toContain('to be ended');
      const rehearsal = await scene.run(['revoke-all', '--everyone', '--dry-run', '--json'], { url });
      expect(rehearsal).toMatchObject({ code: 0, report: { dryRun: true, revoked: 0 } });
    };

    it('an account that may not delete', async () => {
      const scene = await stages[dialect](small);
      await using account = await makeAccount(scene.deployment.database);
      await refusal(scene, account.url, /lacks the right to DELETE on [^ ]*session/);
      await account.grant('UPDATE', 'session');
      await refusal(scene, account.url, /lacks the right to DELETE on [^ ]*session/);
      await expectUntouched(scene, small.sessions);
      expect(await outcomes(scene)).toEqual(['refused', 'refused']);
    });

    it('an account that may not revoke tokens', async () => {
      const scene = await stages[dialect](small);
      await using account = await makeAccount(scene.deployment.database);
      await account.grant('DELETE', 'session');
      // PostgreSQL lets nobody hold rows fast who may not update them.
      if (dialect === 'postgresql')
        await refusal(scene, account.url, /lacks the right to UPDATE on [^ ]*session/);
      await account.grant('UPDATE', 'session');
      await refusal(scene, account.url, /lacks the right to UPDATE on [^ ]*oauth(Access|Refresh)Token/);
      await account.grant('UPDATE', 'oauthAccessToken');
      await refusal(scene, account.url, /lacks the right to UPDATE on [^ ]*oauthRefreshToken/);
      await expectUntouched(scene, small.sessions);
    });

    it('an account with the rights that were asked for can end sessions and tokens', async () => {
      const scene = await stages[dialect](small);
      await using account = await makeAccount(scene.deployment.database);
      await account.grant('DELETE, UPDATE', 'session');
      for (const table of ['oauthAccessToken', 'oauthRefreshToken']) await account.grant('UPDATE', table);
      const outcome = await scene.run(everyone, { url: account.url });
      expect(told(outcome)).toEqual(done());
      await expectAllEnded(scene);
    });

    it('a right that is taken away in the middle: what was ended is told', async () => {
      const scene = await stages[dialect](large);
      await using account = await makeAccount(scene.deployment.database);
      await account.grant('DELETE, UPDATE', 'session');
      for (const table of ['oauthAccessToken', 'oauthRefreshToken']) await account.grant('UPDATE', table);
      const run = scene.start(everyone, { url: account.url });
      await scene.untilLeft(run, large.sessions - 1);
      await account.revoke('DELETE', 'session');
      const outcome = await run.ended;
      const left = await scene.crowd.count();
      expect(left).toBeGreaterThan(0);
      expect(told(outcome)).toEqual(done('failed', 4, left));
      const ended = (large.sessions - left).toLocaleString('en-US');
      expect(outcome.stderr).toMatch(new RegExp(`(denied|refuses).*${ended} sessions had been ended`));
      expect(await outcomes(scene)).toEqual(['failed']);
      await expectToGoOn(scene);
    });
  });

  describeOn(dialect, `${dialect}: the history cannot be written`, () => {
    const nothingEnded = async (scene: Scene, reason: RegExp, how: How) => {
      const outcome = await scene.run(everyone, how);
      expect(outcome).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(reason) as unknown,
      });
      expect(outcome.stderr).toContain('nothing was ended');
      await expectUntouched(scene, small.sessions);
    };

    it.skipIf(noMount)(`the disk is full${noMount ? ' (skipped: no right to mount one)' : ''}`, async () => {
      const scene = await stages[dialect](small);
      await nothingEnded(scene, /no space left/, { through: full });
    });

    it.skipIf(isAllPowerful)(
      `its directory is read-only${isAllPowerful ? ' (skipped: root may write everywhere)' : ''}`,
      async () => {
        const scene = await stages[dialect](small);
        chmodSync(scene.stateHome, 0o555);
        await nothingEnded(scene, /permission/, unprivileged);
        chmodSync(scene.stateHome, 0o755);
        const directory = join(scene.stateHome, 'sessionctl');
        mkdirSync(directory);
        chmodSync(directory, 0o555);
        await nothingEnded(scene, /permission/, unprivileged);
      },
    );

    it.skipIf(isAllPowerful)(
      `and only its end cannot: the sessions are ended${isAllPowerful ? ' (skipped: root may write everywhere)' : ''}`,
      async () => {
        const scene = await stages[dialect](large);
        const run = scene.start(everyone, unprivileged);
        await scene.untilLeft(run, large.sessions - 1);
        chmodSync(join(scene.stateHome, 'sessionctl'), 0o555);
        const outcome = await run.ended;
        expect(told(outcome)).toEqual(done('complete', 1));
        expect(outcome.stderr).toContain('all sessions are ended, but the history has no record of the end');
        await expectAllEnded(scene);
        expect(await outcomes(scene)).toEqual(['unfinished']);
      },
    );
  });
}

async function expectReadOnly(scene: Scene, how: How, message: RegExp): Promise<void> {
  const outcome = await scene.run(everyone, how);
  expect(outcome).toMatchObject({ code: 4, stdout: '', stderr: expect.stringMatching(message) as unknown });
  expect(outcome.stderr).not.toMatch(/unexpected|to be ended/);
  expect(await scene.run(['list', '--json', '--limit', '1'], how)).toMatchObject({ code: 0 });
}

describe('a database that cannot be written', () => {
  describeOn('postgresql', 'PostgreSQL', () => {
    it('read-only by default', async () => {
      await using scene = await sceneOn('postgresql', small);
      const { query, url } = scene.deployment.database;
      await query(
        `ALTER DATABASE "${new URL(url).pathname.slice(1)}" SET default_transaction_read_only = on`,
      );
      await expectReadOnly(scene, {}, /cannot be written.*read-only/);
      await expectUntouched(scene, small.sessions);
    });
  });

  it.skipIf(isAllPowerful)(
    `SQLite: a file, or its directory${isAllPowerful ? ' (skipped: root may write everywhere)' : ''}`,
    async () => {
      await using scene = await sceneOn('sqlite', small);
      const { database } = scene.deployment;
      if (database.dialect !== 'sqlite') throw new Error('not SQLite');
      const directory = dirname(database.file);
      chmodSync(directory, 0o755);
      chmodSync(database.file, 0o644);
      await expectReadOnly(scene, unprivileged, /cannot be written/);
      await expectUntouched(scene, small.sessions);
      // SQLite finds out only when it wants to write its journal there.
      chmodSync(database.file, 0o666);
      const outcome = await scene.run(everyone, unprivileged);
      expect(told(outcome)).toEqual(done('failed', 4, small.sessions));
      expect(outcome.stderr).toMatch(/cannot (be written|open)/);
      await expectUntouched(scene, small.sessions);
    },
  );
});

const privateServers = [
  {
    title: 'PostgreSQL',
    dialect: 'postgresql',
    missing: missingInitdb(),
    start: () => startPrivatePostgres('right-password'),
  },
  { title: 'MariaDB', dialect: 'mysql', missing: missingMariadb(), start: startPrivateMariadb },
] as const;

for (const { title, dialect, missing, start } of privateServers) {
  describe.skipIf(missing !== undefined)(
    `a ${title} of its own${missing === undefined ? '' : ` (skipped: ${missing})`}`,
    () => {
      let server: PrivateServer & { readonly url: string };
      beforeAll(async () => {
        server = await start();
      });
      afterAll(() => server.stop());

      it('is restarted in the middle: it goes on by itself', async () => {
        await using scene = await sceneOnServer(dialect, server.url, middling);
        const run = scene.start(everyone);
        await scene.untilLeft(run, middling.sessions - 1);
        await server.restart();
        expect(run.isRunning(), 'the restart came in time').toBe(true);
        expect(told(await run.ended)).toEqual(done());
        await expectAllEnded(scene);
        expect(await outcomes(scene)).toEqual(['complete']);

        if (dialect === 'mysql') {
          await using account = await makeAccount(scene.deployment.database);
          await account.grant('DELETE, UPDATE', 'session');
          for (const table of ['oauthAccessToken', 'oauthRefreshToken']) await account.grant('UPDATE', table);
          await scene.crowd.gather();
          await scene.deployment.database.query('SET GLOBAL read_only = 1');
          await expectReadOnly(scene, { url: account.url }, /cannot be written.*read.only/);
          await expectUntouched(scene, middling.sessions);
          await scene.deployment.database.query('SET GLOBAL read_only = 0');
        }
      });
    },
  );
}

describe('somebody else holds a lock', () => {
  const HELD = 3000;

  it.each(['before it begins', 'in the middle'])('SQLite, %s: it waits', async (when) => {
    const scene = await stages.sqlite(large);
    const { query } = scene.deployment.database;
    const lock = () => query('BEGIN IMMEDIATE');
    if (when === 'before it begins') await lock();
    const run = scene.start(everyone);
    if (when === 'in the middle') {
      await scene.untilLeft(run, large.sessions - 1);
      await lock();
    }
    await sleep(HELD);
    expect(run.isRunning()).toBe(true);
    await query('COMMIT');
    expect(told(await run.ended)).toEqual(done());
    await expectAllEnded(scene);
  });

  it('SQLite, for longer than the connect timeout: nothing is changed', async () => {
    const scene = await stages.sqlite(small);
    const { query, url } = scene.deployment.database;
    await query('BEGIN IMMEDIATE');
    const config = writeConfig({ connectTimeout: '1s' });
    const outcome = await scene.run(['--config', config, ...everyone], {
      url: null,
      env: { DATABASE_URL: url },
    });
    await query('COMMIT');
    expect(outcome).toMatchObject({
      code: 4,
      stdout: '',
      stderr: expect.stringMatching(/locked/) as unknown,
    });
    await expectUntouched(scene, small.sessions);
  });

  it.skipIf(!isPatient)(
    `SQLite, in the middle and for ever: it gives up and tells what was ended${patiently}`,
    { timeout: 240_000 },
    async () => {
      const scene = await stages.sqlite(middling);
      const { query } = scene.deployment.database;
      const run = scene.start(everyone);
      await scene.untilLeft(run, middling.sessions - 1);
      await query('BEGIN IMMEDIATE');
      const outcome = await run.ended;
      await query('COMMIT');
      const left = await scene.crowd.count();
      expect(told(outcome)).toEqual(done('failed', 4, left));
      expect(outcome.stderr).toMatch(/locked by another process; [\d,]+ sessions had been ended/);
      await expectToGoOn(scene);
    },
  );

  for (const dialect of servers) {
    describeOn(dialect, dialect, () => {
      it('on some of the sessions: it waits, and nobody waits for it', async () => {
        const scene = await stages[dialect](middling);
        const { app, database } = scene.deployment;
        const person = await signUp(app, 'Ada', 'ada@example.com');
        const release = await holdRows(
          database,
          `SELECT id FROM session WHERE id LIKE 'session-%7' FOR UPDATE`,
        );
        const run = scene.start(everyone);
        const until = Date.now() + HELD;
        let slowest = 0;
        while (Date.now() < until) {
          const begun = performance.now();
          await signIn(app, person, { ip: '192.0.2.9', userAgent: 'Firefox' });
          slowest = Math.max(slowest, performance.now() - begun);
          await sleep(20);
        }
        expect(run.isRunning()).toBe(true);
        await release();
        const outcome = await run.ended;
        expect(told(outcome)).toEqual(done());
        expect(await scene.crowd.halfDone()).toEqual([]);
        expect(slowest, 'milliseconds of the slowest sign-in').toBeLessThan(250);
      });
    });
  }
});

/** Locks what a query finds, in a transaction of its own. @returns how to let go */
async function holdRows(database: TestDatabase, query: string): Promise<() => Promise<void>> {
  if (database.dialect === 'sqlite') throw new Error('SQLite locks no rows');
  const connection: { query(sql: string): Promise<unknown>; release(): void } =
    database.dialect === 'postgresql' ? await database.pool.connect() : await database.pool.getConnection();
  // The default of MySQL would lock the gaps beside the rows, too.
  const begin = ['SET TRANSACTION ISOLATION LEVEL READ COMMITTED', 'BEGIN'];
  if (database.dialect === 'postgresql') begin.reverse();
  for (const statement of [...begin, query]) await connection.query(statement);
  return async () => {
    await connection.query('COMMIT');
    connection.release();
  };
}
