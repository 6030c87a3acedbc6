import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { SessionctlError } from '../../../src/errors.ts';
import {
  followPrimary,
  missingMariadb,
  startPrivateMariadb,
  type PrivateMariadb,
} from '../../support/private-mariadb.ts';
import { freePort } from '../../support/private-postgres.ts';
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

const noMariadb = missingMariadb();
describe.skipIf(noMariadb !== undefined)(
  `MariaDB with replicas${noMariadb === undefined ? '' : ` (skipped: ${noMariadb})`}`,
  () => {
    let primary: PrivateMariadb;
    let replica: PrivateMariadb;
    const query = async (server: PrivateMariadb, ...statements: readonly string[]) => {
      const connection = await mysql.createConnection(server.url);
      try {
        for (const statement of statements) await connection.query(statement);
      } finally {
        await connection.end();
      }
    };
    const write = () => query(primary, 'INSERT INTO work VALUES (1)');
    const serverOnly = () => replica.url.replace(/\/auth$/, '');

    beforeAll(async () => {
      [primary, replica] = await Promise.all([
        startPrivateMariadb({ serverId: 1 }),
        startPrivateMariadb({ serverId: 2 }),
      ]);
      await followPrimary(replica, primary);
      await query(
        primary,
        `CREATE TABLE session ${columns('datetime(3)', 'varchar(255)')}`,
        'CREATE TABLE work (i int)',
        'CREATE TABLE tokens (token varchar(255) primary key)',
      );
    });
    afterAll(() => Promise.all([replica.stop(), primary.stop()]));

    it('one that follows is not behind; of its URL no database is needed', async () => {
      for (const url of [replica.url, serverOnly()]) {
        const replication = await openReplication(primary.url, [url]);
        await untilLag(replication, isNone);
      }
    });

    it('one that applies late is behind until it has caught up', async () => {
      const replication = await openReplication(primary.url, [replica.url]);
      await untilLag(replication, isNone);
      await query(replica, 'STOP SLAVE', 'CHANGE MASTER TO MASTER_DELAY = 3', 'START SLAVE');
      await untilLag(replication, isNone);
      await write();
      await untilLag(replication, isSome);
      await untilLag(replication, isNone);
      await query(replica, 'STOP SLAVE', 'CHANGE MASTER TO MASTER_DELAY = 0', 'START SLAVE');
    });

    it.each([
      ['STOP SLAVE SQL_THREAD', /is not replicating: receiving Yes, applying No$/],
      ['STOP SLAVE', /is not replicating: receiving No, applying No$/],
    ])('%s: that is no small lag, but unknown', async (statement, message) => {
      const replication = await openReplication(primary.url, [replica.url]);
      try {
        await query(replica, statement);
        const error = await refusal(replication.lag());
        expect(error).toMatchObject({ exitCode: 4 });
        expect(error.message).toMatch(message);
        expect(error.message).toContain(`the replica 127.0.0.1:${new URL(replica.url).port}/auth `);
      } finally {
        await query(replica, 'START SLAVE');
      }
      await untilLag(await openReplication(primary.url, [replica.url]), isNone);
    });

    it('one that broke is named with the number of the error, and without its text', async () => {
      const replication = await openReplication(primary.url, [replica.url]);
      const insert = `INSERT INTO tokens VALUES ('not-to-be-seen')`;
      await query(replica, insert);
      await query(primary, insert);
      let error: SessionctlError | undefined;
      for (let attempts = 0; attempts < 50 && error === undefined; attempts += 1) {
        await sleep(50);
        error = await replication.lag().then(
          () => undefined,
          (thrown: unknown) => thrown as SessionctlError,
        );
      }
      expect(error?.message).toMatch(/is not replicating: receiving Yes, applying No \(error 1062\)$/);
      expect(`${String(error?.message)}${String(error?.hint)}`).not.toContain('not-to-be-seen');
      await query(replica, 'DELETE FROM tokens', 'START SLAVE');
      await untilLag(await openReplication(primary.url, [replica.url]), isNone);
    });

    it('of several, the one furthest behind counts', async () => {
      const other = await startPrivateMariadb({ serverId: 3 });
      onTestFinished(() => other.stop());
      await query(other, 'CREATE TABLE work (i int)');
      await followPrimary(other, primary);
      const replication = await openReplication(primary.url, [replica.url, other.url]);
      await untilLag(replication, isNone);
      await query(other, 'STOP SLAVE', 'CHANGE MASTER TO MASTER_DELAY = 2', 'START SLAVE');
      await untilLag(replication, isNone);
      await write();
      await untilLag(replication, isSome);
      await untilLag(replication, isNone);
    });

    it('of several sources of one replica, all count', async () => {
      const replication = await openReplication(primary.url, [replica.url]);
      await query(replica, `CHANGE MASTER 'second' TO MASTER_HOST = '127.0.0.1', MASTER_PORT = 1`);
      const error = await refusal(replication.lag());
      expect(error.message).toMatch(/receiving No, applying No$/);
      await query(replica, `RESET SLAVE 'second' ALL`);
      await untilLag(replication, isNone);
    });

    it('the primary restarts: the replica finds it again, and is waited for', async () => {
      const replication = await openReplication(primary.url, [replica.url]);
      await primary.restart();
      await untilLag(replication, isNone);
    });

    it('the connection to the replica breaks: it asks again on a new one', async () => {
      const proxy = await startProxy(replica.url);
      onTestFinished(() => proxy.stop());
      const replication = await openReplication(primary.url, [proxy.url]);
      proxy.cut();
      await untilLag(replication, isNone);
    });

    it('a server that is no replica is named', async () => {
      const error = await refusal((await open(primary.url, [primary.url])).openReplication());
      expect(error).toMatchObject({ exitCode: 4 });
      expect(error.message).toBe(
        `the replica 127.0.0.1:${new URL(primary.url).port}/auth replicates from no server`,
      );
    });

    it('one that cannot be reached is named at once, without its password', async () => {
      const port = String(await freePort());
      const store = await open(primary.url, [replica.url, `mysql://root:not-to-be-seen@127.0.0.1:${port}`]);
      const error = await refusal(store.openReplication());
      expect(error).toMatchObject({ exitCode: 4 });
      expect(error.message).toBe(`cannot reach the replica 127.0.0.1:${port}: no server listens there`);
    });

    it('an account that may not ask the replica is told which right it lacks', async () => {
      await query(replica, `CREATE USER sweeper@localhost IDENTIFIED BY 'not-to-be-seen'`);
      const url = new URL(serverOnly());
      url.username = 'sweeper';
      url.password = 'not-to-be-seen';
      const store = await open(primary.url, [url.href]);
      const error = await refusal(store.openReplication());
      expect(error).toMatchObject({ exitCode: 4 });
      expect(error.message).toMatch(/^the replica .* refuses: Access denied; you need .*SLAVE MONITOR/);
      expect(error.message).not.toContain('not-to-be-seen');
      await query(replica, 'GRANT SLAVE MONITOR ON *.* TO sweeper@localhost');
      const replication = await store.openReplication();
      expect(await replication.lag()).not.toBeNull();
      await replication.close();
    });

    it('no replicas are configured: the key is named', async () => {
      const error = await refusal((await open(primary.url)).openReplication());
      expect(error).toMatchObject({ exitCode: 3 });
      expect(error.hint).toContain('replicas = [');
    });
  },
);
