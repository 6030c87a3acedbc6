import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLockHolder } from '../../support/lock-holder.ts';
import { operatorOn } from '../../support/operator.ts';
import { missingPgbouncer, startPgbouncer, type Pgbouncer } from '../../support/private-pgbouncer.ts';
import { describeUnless, missingServer, serverUrl } from '../../support/servers.ts';
import { areIn, signedInThrice, type SignedIn } from '../../support/signed-in.ts';
import { plainShape } from '../../support/shapes.ts';
import { hour, signInAged } from '../../support/sweeping.ts';
import { until } from '../../support/until.ts';

const missing = missingServer('postgresql') ?? missingPgbouncer();

/** As most hosts have it: what a client asks for when it connects is dropped without a word. */
const DROPPED = 'extra_float_digits,options,statement_timeout,lock_timeout';

/** Somebody who is signed in, in a database whose connections are in New York unless they ask for something else. */
async function inNewYork(): Promise<SignedIn> {
  const scene = await signedInThrice(plainShape('postgresql'));
  const { database } = scene.deployment;
  const [row] = await database.query('SELECT current_database() AS name');
  await database.query(`ALTER DATABASE "${String(row?.['name'])}" SET timezone = 'America/New_York'`);
  return scene;
}

describe.each(['transaction', 'session'])('behind PgBouncer in %s mode', (mode) => {
  describeUnless(missing, 'that drops what is asked for at the start', () => {
    let pooler: Pgbouncer;
    beforeAll(async () => {
      pooler = await startPgbouncer(serverUrl('postgresql'), {
        pool_mode: mode,
        ignore_startup_parameters: DROPPED,
      });
    });
    afterAll(() => pooler.stop());

    it('lists and counts the same as without it', async () => {
      const { operator, deployment, ids } = await inNewYork();
      const behind = operatorOn(pooler.through(deployment.database.url));
      const seenBy = async ({ run }: typeof operator) => {
        const list = await run(['list', '--state', 'all', '--json']);
        const stats = await run(['stats', '--json']);
        expect([list.code, stats.code], list.stderr + stats.stderr).toEqual([0, 0]);
        const { totals, signIns } = JSON.parse(stats.stdout) as Record<string, unknown>;
        return { sessions: JSON.parse(list.stdout) as readonly unknown[], totals, signIns };
      };
      const seen = await seenBy(behind);
      expect(seen.sessions).toHaveLength(ids.length);
      expect(seen).toEqual(await seenBy(operator));
      const doctor = await behind.run(['doctor', '--json']);
      expect(doctor.code, doctor.stdout + doctor.stderr).toBe(0);
    });

    it('ends what is meant, and keeps a history there', async () => {
      const scene = await inNewYork();
      const { run } = operatorOn(pooler.through(scene.deployment.database.url), {
        timeZone: 'UTC',
        auth: { secret: 'long enough to be one of Better Auth', baseUrl: 'http://localhost:3000' },
      });
      const succeed = async (...words: readonly string[]) => {
        const { code, stdout, stderr } = await run(words);
        expect(code, `${words.join(' ')}: ${stderr}`).toBe(0);
        return stdout;
      };
      await succeed('schema', 'migrate', '--yes', '--expiry-index');
      await succeed('revoke', scene.stubborn, '--yes');
      expect(await areIn(scene)).toEqual([true, false, true]);
      await succeed('limit', '--max', '1', '--yes');
      expect(await areIn(scene)).toEqual([false, false, true]);
      await succeed('create', '--user', scene.ada.id, '--reason', 'a test', '--yes');
      await succeed('revoke-all', '--user', scene.ada.id, '--yes');
      expect(await areIn(scene)).toEqual([false, false, false]);
      expect(await succeed('history')).toContain('revoke-all');
    });

    it('sweeps what has expired, and no session that is live', async () => {
      const scene = await inNewYork();
      await signInAged(scene.deployment, 'eve@example.com', [-hour, -5 * hour, hour]);
      const { run } = operatorOn(pooler.through(scene.deployment.database.url));
      const { stdout, stderr } = await run(['sweep', '--json']);
      expect(JSON.parse(stdout), stderr).toMatchObject({ deleted: 2, remaining: 0 });
      expect(await areIn(scene)).toEqual([true, true, true]);
    });

    it('lets one sweep run at a time, which holds back no VACUUM and leaves no lock', async () => {
      const { deployment } = await inNewYork();
      const { database } = deployment;
      const url = pooler.through(database.url);
      const { run } = operatorOn(url);
      const holder = startLockHolder(
        {
          profile: null,
          url,
          timeZone: null,
          statementTimeout: 30_000,
          connectTimeout: 10_000,
          replicas: [],
          tls: null,
          schema: { databaseSchema: null, table: null, userTable: null, columns: {}, userColumns: {} },
          cwd: '/',
        },
        { who: 'ada@cron-1, pid 4711' },
      );
      expect(await holder.attempt).toMatchObject({ held: true });
      const { code, stderr } = await run(['sweep']);
      expect(code, stderr).toBe(8);
      expect(stderr).toContain('ada@cron-1, pid 4711');

      await database.query('CREATE TABLE dead AS SELECT generate_series(1, 1000) AS row');
      await database.query('DELETE FROM dead');
      await database.query('VACUUM dead');
      expect(await database.query(`SELECT pg_relation_size('dead')::int AS bytes`)).toEqual([{ bytes: 0 }]);

      await holder.kill();
      const locks = () =>
        database.query(
          `SELECT 1 FROM pg_locks WHERE locktype = 'advisory'
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        );
      await until('the lock is gone', async () => (await locks()).length === 0);
      expect((await run(['sweep'])).code).toBe(0);
      await until('the lock is gone again', async () => (await locks()).length === 0);
    });
  });
});

describeUnless(missing, 'behind PgBouncer with its own defaults', () => {
  it('asks for nothing that it refuses', async () => {
    const { deployment, ids } = await inNewYork();
    const pooler = await startPgbouncer(serverUrl('postgresql'), { pool_mode: 'transaction' });
    try {
      const { run } = operatorOn(pooler.through(deployment.database.url));
      const { stdout, stderr } = await run(['list', '-o', 'ids']);
      expect(stdout.split('\n').filter(Boolean).sort(), stderr).toEqual([...ids].sort());
    } finally {
      await pooler.stop();
    }
  });

  it('says that it takes two connections where there is one', async () => {
    const scene = await inNewYork();
    const pooler = await startPgbouncer(serverUrl('postgresql'), {
      pool_mode: 'transaction',
      default_pool_size: 1,
    });
    try {
      const url = pooler.through(scene.deployment.database.url);
      const { run } = operatorOn(url, { connectTimeout: '1s' });
      const { code, stderr } = await run(['sweep']);
      expect(stderr).toContain('gives sessionctl no second connection');
      expect(code).toBe(4);
      expect(await areIn(scene)).toEqual([true, true, true]);
    } finally {
      await pooler.stop();
    }
  });
});
