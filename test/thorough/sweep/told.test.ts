import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { makeAccount } from '../../support/account.ts';
import { crowdOf, type Crowd } from '../../support/crowd.ts';
import { dialects, servers } from '../../support/faults.ts';
import { operatorOn, secretsOf, type Operator } from '../../support/operator.ts';
import { isAllPowerful, unprivileged } from '../../support/run-sessionctl.ts';
import { sceneOn } from '../../support/scene.ts';
import { describeOn } from '../../support/servers.ts';
import { deploy, plainShape, type Deployment } from '../../support/shapes.ts';
import {
  figuresIn,
  metricsPlace,
  reportOf,
  signInAged,
  sweepWith,
  sweptTo,
  type Aged,
} from '../../support/sweeping.ts';

describe.each(dialects)('what a sweep tells, on %s', (dialect) => {
  describeOn(dialect, 'it', () => {
    let deployment: Deployment;
    let crowd: Crowd;
    let operator: Operator;
    let aged: Aged;

    /** How many rows there are is known from the statistics. */
    const gather = async () => {
      await crowd.gather();
      if (dialect !== 'sqlite')
        await deployment.database.query(dialect === 'mysql' ? 'ANALYZE TABLE session' : 'ANALYZE session');
    };

    beforeAll(async () => {
      deployment = await deploy(plainShape(dialect));
      crowd = crowdOf(deployment, { sessions: 400, expired: true });
      aged = await signInAged(deployment, 'ada@example.com', [60_000, 86_400_000]);
    });
    beforeEach(async () => {
      await gather();
      aged = await signInAged(deployment, `ada-${String(Math.random())}@example.com`, [-2000, 86_400_000]);
      operator = operatorOn(deployment.database.url, { timeZone: 'UTC' });
    });
    afterAll(() => deployment.database.drop());

    it('is one line, with -q none where all is well', async () => {
      const told = await operator.run(['sweep']);
      expect(told).toMatchObject({ code: 0, stderr: '' });
      expect(told.stdout).toMatch(
        /^complete: 401 expired sessions deleted, 0 left, [\d.]+ s, \d+ batch(es)?, the longest \d+ ms \(.+\)\n$/,
      );
      expect(await operator.run(['sweep', '-q'])).toEqual({ code: 0, stdout: '', stderr: '' });
      await gather();
      const limited = await operator.run(['sweep', '-q', '--limit', '10']);
      expect(limited.code).toBe(6);
      expect(limited.stdout).toMatch(/^limit: 10 expired sessions deleted, 390 left, .*\)\n$/);
      expect(limited.stderr.trim().split('\n')[0]).toMatch(/^error: stopped by --limit 10/);
      expect(operator.sawAny(aged.signIns.flatMap(secretsOf))).toEqual([]);
      expect(operator.sawAny(['token-of-'])).toEqual([]);
    });

    it('is one object with every field of the contract', async () => {
      const ran = await operator.run(['sweep', '--json', '-q']);
      expect(ran).toMatchObject({ code: 0, stderr: '' });
      const text = expect.any(String) as unknown;
      const number = expect.any(Number) as unknown;
      expect(JSON.parse(ran.stdout)).toEqual({
        command: 'sweep',
        runId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
        dryRun: false,
        target: { profile: 'test', dialect, database: text, redis: null },
        deleted: 401,
        users: null,
        remaining: 0,
        notFound: [],
        secondary: null,
        oauthTokens: null,
        batches: number,
        startedAt: text,
        finishedAt: text,
        durationMs: number,
        stoppedBecause: 'complete',
        effectiveAt: null,
        expiredBy: text,
        graceMs: 0,
        verifications: null,
        remainingVerifications: null,
        kept: 0,
        longestBatchMs: number,
        way: 'walk',
        unreadable: 0,
        uncertain: false,
      });
    });

    it('is in the history, with counts, and not where nothing had expired', async () => {
      const report = await sweepWith(operator, '--grace', '1s');
      await sweepWith(operator);
      await sweepWith(operator, '--dry-run');
      expect(operator.history()).toMatchObject([
        { event: 'started', command: 'sweep', runId: report.runId, selection: 'expired --grace 1s' },
        { event: 'finished', runId: report.runId, revoked: 401, remaining: 0, outcome: 'complete' },
      ]);
      const { stdout, code } = await operator.run(['history', '--json', '--own']);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject([{ command: 'sweep', revoked: 401, outcome: 'complete' }]);
    });

    it('says where the backlog grows', async () => {
      const first = await operator.run(['sweep', '--json', '--limit', '300']);
      expect(first.code).toBe(6);
      expect(first.stderr).not.toContain('backlog');
      const shrinks = await operator.run(['sweep', '--json', '--limit', '60']);
      expect(shrinks.stderr).not.toContain('backlog');
      await gather();
      const grows = await operator.run(['sweep', '--json', '--limit', '5']);
      expect(grows.code).toBe(6);
      expect(grows.stderr).toMatch(
        /The backlog grows: \d+ expired rows are left, \d+ after the sweep of \S+Z\. Raise the limit, or sweep more often\. Run it again: each run starts at a random place/,
      );
    });

    it('is in the figures, which are whole at any time', async () => {
      const { path, read, figures } = metricsPlace();
      const sweep = ['sweep', '--json', '--metrics-file', path];
      const dry = await operator.run([...sweep, '--dry-run']);
      expect(dry.code).toBe(0);
      expect(readdirSync(dirname(path)), 'a dry run has swept nothing').toEqual([]);

      await operator.run([...sweep, '--limit', '5']);
      expect(figures()).toMatchObject({ exit_code: 6, deleted_sessions: 5 });
      expect(figures()).not.toHaveProperty('last_success_timestamp_seconds');
      let reads = 0;
      const over = new AbortController();
      const reading = (async () => {
        while (!over.signal.aborted) {
          figuresIn(read());
          reads += 1;
          await new Promise(setImmediate);
        }
      })();
      const begun = Math.floor(Date.now() / 1000);
      const done = reportOf(await operator.run(sweep));
      over.abort();
      await reading;
      expect(reads).toBeGreaterThan(0);
      const after = figures();
      expect(after).toMatchObject({
        exit_code: 0,
        deleted_sessions: done.deleted,
        deleted_verifications: 0,
        remaining_estimate: 0,
        batches: done.batches,
        longest_batch_seconds: done.longestBatchMs / 1000,
      });
      const success = after['last_success_timestamp_seconds'] ?? 0;
      expect(success).toBeGreaterThanOrEqual(begun);
      expect(success).toBeLessThanOrEqual(Date.now() / 1000 + 1);
      await crowd.gather();
      await operator.run([...sweep, '--limit', '5']);
      expect(figures()).toMatchObject({ exit_code: 6, last_success_timestamp_seconds: success });
      expect(read()).toMatch(/\{profile="test",database="[^"]+"\} /);
      // Nothing is left lying about.
      expect(readdirSync(dirname(path))).toEqual(['sessionctl.prom']);
    });

    it('and nothing is done where the figures cannot be written', async () => {
      const directory = mkdtempSync(join(inject('temporaryDirectory'), 'metrics-'));
      mkdirSync(join(directory, 'a.prom'));
      for (const path of [join(directory, 'a.prom'), join(directory, 'missing', 'b.prom')]) {
        const ran = await operator.run(['sweep', '--metrics-file', path]);
        expect(ran).toMatchObject({ code: 1, stdout: '' });
        expect(ran.stderr).toMatch(/the metrics file .* cannot be written/);
      }
      expect(operator.history()).toEqual([]);
      expect(await crowd.count()).toBeGreaterThanOrEqual(401);
    });

    it('a signal before anything is deleted is 130', async () => {
      const signal = AbortSignal.abort('SIGTERM');
      const { path, figures } = metricsPlace();
      const ran = await operator.run(['sweep', '--metrics-file', path], { signal });
      expect(ran).toMatchObject({ code: 130, stdout: '' });
      expect(figures()).toMatchObject({ exit_code: 130, deleted_sessions: 0 });
      expect(await crowd.count()).toBeGreaterThanOrEqual(401);
    });
  });
});

// A file system that only the run sees, with no room left on it.
const fill = (directory: string) =>
  `mount -t tmpfs -o size=16k none "${directory}" && ! cp "$0" "${directory}/" 2>&-; exec "$0" "$@"`;
const fullDisk = (directory: string) => ['unshare', '--mount', '/bin/sh', '-c', fill(directory)] as const;
const mount = ['--mount', 'mount', '-t', 'tmpfs', 'none', inject('temporaryDirectory')];
const noMount = spawnSync('unshare', mount).status !== 0;

describe('a sweep that is refused', () => {
  for (const dialect of servers) {
    describeOn(dialect, dialect, () => {
      it('an account that may not delete is told which right it lacks', async () => {
        await using scene = await sceneOn(dialect, { sessions: 30, expired: true });
        await using account = await makeAccount(scene.deployment.database);
        const { path, figures } = metricsPlace();
        const words = ['sweep', '--json', '--time-zone', 'UTC', '--metrics-file', path];
        const refused = await scene.run(words, { url: account.url });
        expect(refused).toMatchObject({ code: 4, stdout: '' });
        expect(refused.stderr).toMatch(/lacks the right to DELETE on [^ ]*session/);
        expect(refused.stderr).not.toContain(account.password);
        expect(figures()).toMatchObject({ exit_code: 4, deleted_sessions: 0 });
        const looked = await scene.runHere(['sweep', '--dry-run', '--json', '--time-zone', 'UTC'], {
          url: account.url,
        });
        expect(reportOf(looked)).toMatchObject({ remaining: 30 });

        await account.grant('DELETE', 'session');
        const others = await scene.run([...words, '--verifications'], { url: account.url });
        expect(others.code).toBe(4);
        expect(others.stderr).toMatch(/lacks the right to DELETE on [^ ]*verification/);
        expect(await scene.crowd.count()).toBe(30);
        const done = await scene.run(words, { url: account.url });
        expect(sweptTo(done)).toMatchObject({ code: 0, remaining: 0 });
        expect(figures()).toMatchObject({ exit_code: 0, deleted_sessions: 30 });
      });
    });
  }

  describeOn('postgresql', 'PostgreSQL', () => {
    it('a database that is read-only', async () => {
      await using scene = await sceneOn('postgresql', { sessions: 30, expired: true });
      const { query, url } = scene.deployment.database;
      await query(
        `ALTER DATABASE "${new URL(url).pathname.slice(1)}" SET default_transaction_read_only = on`,
      );
      const refused = await scene.run(['sweep']);
      expect(refused).toMatchObject({ code: 4, stdout: '' });
      expect(refused.stderr).toMatch(/cannot be written.*read-only/);
      expect(await scene.crowd.count()).toBe(30);
    });
  });

  it.skipIf(isAllPowerful)('a file of SQLite that may not be written', async () => {
    await using scene = await sceneOn('sqlite', { sessions: 30, expired: true });
    const { database } = scene.deployment;
    if (database.dialect !== 'sqlite') throw new Error('not SQLite');
    chmodSync(dirname(database.file), 0o755);
    for (const mode of [0o644, 0o666]) {
      chmodSync(database.file, mode);
      const refused = await scene.run(['sweep'], unprivileged);
      expect(refused).toMatchObject({ code: 4, stdout: '' });
      expect(refused.stderr).toMatch(/cannot (be written|open|lock)/);
    }
    expect(await scene.crowd.count()).toBe(30);
  });

  it.skipIf(noMount)('the disk of the history is full: nothing is deleted', async () => {
    await using scene = await sceneOn('sqlite', { sessions: 30, expired: true });
    const { path, figures } = metricsPlace();
    const refused = await scene.run(['sweep', '--metrics-file', path], {
      through: fullDisk(scene.stateHome),
    });
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/no space left/i);
    expect(refused.stderr).toContain('nothing was changed');
    expect(figures()).toMatchObject({ exit_code: 1, deleted_sessions: 0 });
    expect(await scene.crowd.count()).toBe(30);
  });

  it.skipIf(noMount)(
    'the disk of the figures is full: what was deleted is told, and what went wrong',
    async () => {
      await using scene = await sceneOn('sqlite', { sessions: 30, expired: true });
      const { path } = metricsPlace();
      const through = fullDisk(dirname(path));
      const ran = await scene.run(['sweep', '--json', '--limit', '10', '--metrics-file', path], { through });
      expect(ran.code).toBe(6);
      expect(reportOf(ran)).toMatchObject({ deleted: 10 });
      expect(ran.stderr).toMatch(/stopped by --limit 10/);
      expect(ran.stderr).toMatch(/warning: the metrics file .* cannot be written: .*no space left/i);
      const rest = await scene.run(['sweep', '--json', '--metrics-file', path], { through });
      expect(rest.code).toBe(1);
      expect(reportOf(rest)).toMatchObject({ deleted: 20, remaining: 0 });
      expect(rest.stderr).toMatch(/the metrics file .* cannot be written: .*no space left/i);
      expect(await scene.crowd.count()).toBe(0);
    },
  );

  it.skipIf(noMount)('the disk of SQLite is full', async () => {
    await using scene = await sceneOn('sqlite', { sessions: 30, expired: true });
    const { database } = scene.deployment;
    if (database.dialect !== 'sqlite') throw new Error('not SQLite');
    const directory = mkdtempSync(join(inject('temporaryDirectory'), 'full-'));
    const script = `mount -t tmpfs -o size=512k none "${directory}" && cp "${database.file}" "${directory}/auth.db" && ! cp "$0" "${directory}/rest" 2>&-; exec "$0" "$@"`;
    const through = ['unshare', '--mount', '/bin/sh', '-c', script];
    const { path, figures } = metricsPlace();
    const words = ['sweep', '--metrics-file', path];
    const refused = await scene.run(words, { url: `sqlite:${directory}/auth.db`, through });
    expect(refused.code).toBe(4);
    expect(refused.stderr).toMatch(/full/);
    expect(figures()).toMatchObject({ exit_code: 4, deleted_sessions: 0 });
    expect(readFileSync(path, 'utf8')).not.toContain('last_success');
  });
});
