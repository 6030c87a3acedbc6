import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import {
  missingBasebackup,
  startPostgresReplica,
  startPrivatePostgres,
  type PrivatePostgres,
} from '../../support/private-postgres.ts';
import {
  columns,
  isNone,
  isSome,
  open,
  openReplication,
  refusal,
  untilLag,
} from '../../support/replication.ts';
import { startProxy } from '../../support/tcp-proxy.ts';

const noBasebackup = missingBasebackup();
describe.skipIf(noBasebackup !== undefined)(
  `PostgreSQL with replicas${noBasebackup === undefined ? '' : ` (skipped: ${noBasebackup})`}`,
  () => {
    let primary: PrivatePostgres;
    let replica: PrivatePostgres;
    /** @returns the rows of the last statement */
    const query = async (server: { readonly url: string }, ...statements: readonly string[]) => {
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      try {
        let rows: readonly Record<string, unknown>[] = [];
        for (const sql of statements) ({ rows } = await client.query<Record<string, unknown>>(sql));
        return rows;
      } finally {
        await client.end();
      }
    };
    const write = () => query(primary, 'INSERT INTO work SELECT generate_series(1, 100)');

    beforeAll(async () => {
      primary = await startPrivatePostgres('right-password');
      await query(
        primary,
        'ALTER SYSTEM SET wal_level = logical',
        `CREATE TABLE session ${columns('timestamptz', 'text')}`,
        'CREATE TABLE work (i int)',
      );
      await primary.restart();
    });
    afterAll(async () => {
      await replica.stop();
      await primary.stop();
    });

    it('none is there: there is nothing to wait for', async () => {
      const replication = await openReplication(primary.url);
      expect(await replication.lag()).toBeNull();
      const [row] = await query(
        primary,
        `SELECT count(*)::int AS connections FROM pg_stat_activity WHERE application_name = 'sessionctl'`,
      );
      expect(row, 'it asks on the connection of the run').toEqual({ connections: 1 });
      replica = await startPostgresReplica(primary);
      await untilLag(replication, (lag) => lag !== null);
    });

    it('one that has caught up is not behind, however long ago that was measured', async () => {
      const replication = await openReplication(primary.url);
      await write();
      await untilLag(replication, isNone);
      // The view keeps a time that it measured while there was something to measure.
      await query(replica, 'SELECT pg_wal_replay_pause()');
      await write();
      await sleep(300);
      await query(replica, 'SELECT pg_wal_replay_resume()');
      await untilLag(replication, isNone);
      const [row] = await query(primary, 'SELECT replay_lag IS NOT NULL AS kept FROM pg_stat_replication');
      expect(row).toEqual({ kept: true });
      expect(await replication.lag()).toBe(0);
    });

    it('one that stands still is behind, further by the second, until it has caught up', async () => {
      const replication = await openReplication(primary.url);
      await untilLag(replication, isNone);
      await query(replica, 'SELECT pg_wal_replay_pause()');
      const begun = performance.now();
      await write();
      const lags = await untilLag(replication, isSome);
      expect(lags.at(-1)).toBeLessThanOrEqual(performance.now() - begun);
      const before = (await replication.lag()) ?? 0;
      await sleep(1000);
      // The replica reports every ten seconds only; what is behind must not seem to stand still meanwhile.
      const after = (await replication.lag()) ?? 0;
      expect(after - before).toBeGreaterThan(900);
      await query(replica, 'SELECT pg_wal_replay_resume()');
      await untilLag(replication, isNone);
    });

    it('one that has fallen silent is behind', async () => {
      const replication = await openReplication(primary.url);
      const begun = performance.now();
      await untilLag(replication, isNone);
      const [row] = await query(replica, 'SELECT pid FROM pg_stat_wal_receiver');
      const receiver = Number(row?.['pid']);
      process.kill(receiver, 'SIGSTOP');
      try {
        await write();
        // What the view has of the test before is not what this replica is behind.
        expect(await replication.lag()).toBeLessThan(performance.now() - begun);
        await untilLag(replication, isSome);
      } finally {
        process.kill(receiver, 'SIGCONT');
      }
      await untilLag(replication, isNone);
    });

    it('an archive of the log is no replica', async () => {
      const replication = await openReplication(primary.url);
      const directory = mkdtempSync(join(inject('temporaryDirectory'), 'archive-'));
      const archive = spawn('pg_receivewal', ['--dbname', primary.url, '--directory', directory], {
        stdio: 'ignore',
      });
      const gone = new Promise((resolve) => archive.once('exit', resolve));
      const reported = `SELECT 1 FROM pg_stat_replication WHERE application_name = 'pg_receivewal' AND write_lsn IS NOT NULL`;
      try {
        while ((await query(primary, reported)).length === 0) await sleep(50);
        archive.kill('SIGSTOP');
        await write();
        await untilLag(replication, isNone);
        await sleep(1200);
        expect(await replication.lag()).toBe(0);
      } finally {
        archive.kill('SIGKILL');
        await gone;
      }
    });

    it('a subscriber is one', async () => {
      await query(
        primary,
        'CREATE PUBLICATION everything FOR TABLE work',
        `SELECT pg_create_logical_replication_slot('subscriber', 'pgoutput')`,
        'CREATE DATABASE subscriber',
      );
      const subscriber = { ...primary, url: primary.url.replace(/postgres$/, 'subscriber') };
      await query(
        subscriber,
        'CREATE TABLE work (i int)',
        `CREATE SUBSCRIPTION subscriber CONNECTION '${primary.url}' PUBLICATION everything
           WITH (create_slot = false, copy_data = false)`,
      );
      const replication = await openReplication(primary.url);
      const holder = new pg.Client({ connectionString: subscriber.url });
      await holder.connect();
      try {
        const streaming = `SELECT 1 FROM pg_stat_replication WHERE application_name = 'subscriber' AND state = 'streaming'`;
        while ((await query(primary, streaming)).length === 0) await sleep(50);
        await untilLag(replication, isNone);
        await holder.query('BEGIN; LOCK TABLE work');
        await write();
        await untilLag(replication, isSome);
        await holder.query('COMMIT');
        await untilLag(replication, isNone);
      } finally {
        await holder.end();
        await query(subscriber, 'DROP SUBSCRIPTION subscriber');
      }
    });

    it('one that was behind before the run began is behind from the first question on', async () => {
      const setInterval = (length: string) =>
        query(
          replica,
          `ALTER SYSTEM SET wal_receiver_status_interval = '${length}'`,
          'SELECT pg_reload_conf(), pg_wal_replay_pause()',
        );
      await setInterval('1s');
      await write();
      await sleep(2500);
      const replication = await openReplication(primary.url);
      expect(await replication.lag()).toBeGreaterThan(1000);
      await setInterval('10s');
      await query(replica, 'SELECT pg_wal_replay_resume()');
      await untilLag(replication, isNone);
    });

    it('the connection breaks: it asks again on a new one', async () => {
      const proxy = await startProxy(primary.url);
      onTestFinished(() => proxy.stop());
      const replication = await openReplication(proxy.url);
      proxy.cut();
      expect(await replication.lag()).not.toBeNull();
    });

    it('the run is stopped: nobody is waited for', async () => {
      const stop = new AbortController();
      const replication = await openReplication(primary.url, [], stop.signal);
      stop.abort('SIGTERM');
      await expect(replication.lag()).rejects.toThrow('SIGTERM');
    });

    it('an account that may not see it is told which right it lacks', async () => {
      await query(primary, `CREATE ROLE sweeper LOGIN PASSWORD 'not-to-be-seen'`);
      await query(primary, 'GRANT SELECT, DELETE ON session TO sweeper');
      const url = new URL(primary.url);
      url.username = 'sweeper';
      url.password = 'not-to-be-seen';
      const store = await open(url.href);
      const error = await refusal(store.openReplication());
      expect(error).toMatchObject({ exitCode: 4 });
      expect(`${error.message}; ${String(error.hint)}`).toMatch(
        /does not show .* behind; .*GRANT pg_read_all_stats TO/,
      );
      await query(primary, 'GRANT pg_read_all_stats TO sweeper');
      const replication = await store.openReplication();
      expect(await replication.lag()).not.toBeNull();
      await query(primary, 'REVOKE pg_read_all_stats FROM sweeper');
      expect(await refusal(replication.lag())).toMatchObject({ exitCode: 4 });
    });
  },
);
