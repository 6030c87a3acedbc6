import { expect, it } from 'vitest';
import { signIn, signUp } from '../../support/app.ts';
import { everyone, servers, small } from '../../support/faults.ts';
import { silentOnceSent } from '../../support/fake-server.ts';
import { writeConfig } from '../../support/run-sessionctl.ts';
import { holdRows } from '../../support/hold-rows.ts';
import { stageOn } from '../../support/scene.ts';
import { deploySecondary } from '../../support/secondary.ts';
import { describeOn, describeOnRedis, type ServerDialect } from '../../support/servers.ts';
import { startSessionctl } from '../../support/start-sessionctl.ts';
import { reportOf } from '../../support/sweeping.ts';
import { until } from '../../support/until.ts';

/** The statement that changes something, not the one that tries its right on no row. */
const isChange = (sent: string) => /DELETE(?: `?\w+`?)? FROM(?![^]*1 = 0)/i.test(sent);
const LAST_BATCH = /the server did not answer in time, so whether the last batch has ended is not known/;

// By itself, each of these runs would wait for the answer for 35 seconds, and then try again.
for (const dialect of servers) {
  const stage = stageOn(dialect, { withTokens: false });

  describeOn(dialect, `${dialect}: one SIGTERM while the server does not answer a change`, () => {
    it('ends a revocation, which says what is not known and how to find out', async () => {
      const scene = await stage({ sessions: small.sessions });
      const { url, isSilent } = await silentOnceSent(scene.deployment.database.url, isChange);
      const run = scene.start(everyone, { url });
      await isSilent;
      run.child.kill('SIGTERM');
      const { code, stderr, report } = await run.ended;
      expect(code, stderr).toBe(6);
      expect(stderr).toMatch(LAST_BATCH);
      expect(stderr).toMatch(
        /stopped by SIGTERM after an unknown number of sessions;.*how many are left is not known/,
      );
      expect(stderr).toMatch(/Run the same command with --dry-run to see what is left/);
      expect(report).toMatchObject({
        stoppedBecause: 'signal',
        revoked: 0,
        remaining: null,
        uncertain: true,
      });
      expect(await scene.history()).toMatchObject([{ outcome: 'partial', revoked: 0, remaining: null }]);
      expect(await scene.crowd.count()).toBe(small.sessions);
    });

    it('ends a sweep, whose next run begins where it stopped', async () => {
      const scene = await stage({ sessions: small.sessions, expired: true });
      const { url, isSilent } = await silentOnceSent(scene.deployment.database.url, isChange);
      const run = scene.start(['sweep', '--json', '--time-zone', 'UTC'], { url });
      await isSilent;
      run.child.kill('SIGTERM');
      const outcome = await run.ended;
      expect(outcome.code, outcome.stderr).toBe(6);
      expect(outcome.stderr).toMatch(LAST_BATCH);
      expect(reportOf(outcome)).toMatchObject({
        stoppedBecause: 'signal',
        deleted: 0,
        remaining: null,
        uncertain: true,
      });
      const next = await scene.runHere(['sweep', '--json', '--time-zone', 'UTC']);
      expect(reportOf(next)).toMatchObject({ deleted: small.sessions, remaining: 0 });
    });

    it('ends a revocation that asks in vain what is left', async () => {
      const scene = await stage({ sessions: small.sessions });
      let isChanged = false;
      const { url, isSilent } = await silentOnceSent(scene.deployment.database.url, (sent) => {
        isChanged ||= isChange(sent);
        return isChanged && /count\(/i.test(sent);
      });
      const run = scene.start(everyone, { url });
      await isSilent;
      run.child.kill('SIGTERM');
      const { code, stderr, report } = await run.ended;
      expect(code, stderr).toBe(6);
      expect(stderr).toMatch(/stopped by SIGTERM after 200 sessions; how many are left is not known/);
      expect(stderr).not.toMatch(LAST_BATCH);
      expect(report).toMatchObject({
        stoppedBecause: 'signal',
        revoked: small.sessions,
        remaining: null,
        uncertain: false,
      });
      expect(await scene.crowd.count()).toBe(0);
    });

    it('ends a revocation that waits for a row that is locked', async () => {
      const scene = await stage({ sessions: small.sessions });
      const { database } = scene.deployment;
      const release = await holdRows(database, `SELECT id FROM session FOR UPDATE`);
      const run = scene.start(everyone);
      await until('it waits', async () => (await database.query(WAITING[dialect])).length > 0);
      run.child.kill('SIGTERM');
      const { code, stderr, report } = await run.ended;
      await release();
      expect(code, stderr).toBe(130);
      expect(stderr).toContain('stopped by SIGTERM, nothing was changed');
      expect(report).toMatchObject({ stoppedBecause: 'signal', revoked: 0, remaining: small.sessions });
      expect(await scene.crowd.count()).toBe(small.sessions);
    });

    it('ends a revocation whose change the server takes a minute for, and nothing of that change stays', async () => {
      const scene = await stage({ sessions: small.sessions });
      const { query } = scene.deployment.database;
      for (const statement of sleepless[dialect]) await query(statement);
      const run = scene.start(everyone);
      const sleepers = () => query(SLEEPERS[dialect]);
      await until('the change is under way', async () => (await sleepers()).length > 0);
      run.child.kill('SIGTERM');
      const { code, stderr, report } = await run.ended;
      expect(code, stderr).toBe(6);
      expect(stderr).toMatch(LAST_BATCH);
      expect(report).toMatchObject({
        stoppedBecause: 'signal',
        revoked: 0,
        remaining: null,
        uncertain: true,
      });
      // PostgreSQL notices by itself that its client is gone.
      if (dialect === 'mysql') for (const { id } of await sleepers()) await query(`KILL ${String(id)}`);
      await until('the server has given it up', async () => (await sleepers()).length === 0);
      expect(await scene.crowd.count()).toBe(small.sessions);
    });
  });
}

describeOnRedis('Redis: one SIGTERM while the server does not answer a change', () => {
  it('ends a revocation, which says what is not known', async () => {
    const deployment = await deploySecondary({ dialect: 'sqlite', mode: 'both', storage: 'official' });
    try {
      const { app, space, profile, database } = deployment;
      const ada = await signUp(app, 'Ada', 'ada@example.com');
      const { token } = await signIn(app, ada, { ip: '192.0.2.1', userAgent: 'Firefox' });
      const { url, isSilent } = await silentOnceSent(
        space.place.address.url,
        (sent) => /unlink/i.test(sent) && sent.includes(token),
      );
      const config = writeConfig({ ...profile, redis: { ...profile.redis, url } });
      const run = startSessionctl(['--config', config, ...everyone], { env: { DATABASE_URL: database.url } });
      await isSilent;
      run.child.kill('SIGTERM');
      const { code, stderr } = await run.ended;
      expect(code, stderr).toBe(6);
      expect(stderr).toMatch(LAST_BATCH);
      expect(stderr).toMatch(/after an unknown number of sessions/);
    } finally {
      await deployment.drop();
    }
  });
});

/** Make the deletion of a session take a minute. */
const sleepless: Readonly<Record<ServerDialect, readonly string[]>> = {
  postgresql: [
    `CREATE OR REPLACE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN OLD; END $$`,
    `CREATE TRIGGER slowly BEFORE DELETE ON session FOR EACH ROW EXECUTE FUNCTION slowly()`,
  ],
  mysql: [`CREATE TRIGGER slowly BEFORE DELETE ON session FOR EACH ROW DO SLEEP(60)`],
};

/** Whoever sleeps in this database because of that. */
const SLEEPERS: Readonly<Record<ServerDialect, string>> = {
  postgresql: `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`,
  mysql: `SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND state = 'User sleep'`,
};

/** Whoever waits in this database for a row that is locked. */
const WAITING: Readonly<Record<ServerDialect, string>> = {
  postgresql: `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  mysql: `SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND info LIKE 'DELETE%' AND info NOT LIKE '%1 = 0%'`,
};
