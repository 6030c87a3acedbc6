import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { makeAccount } from '../../support/account.ts';
import {
  allowToEnd,
  done,
  everyone,
  expectAllEnded,
  expectReadOnly,
  expectToGoOn,
  expectUntouched,
  large,
  outcomes,
  servers,
  small,
  told,
} from '../../support/faults.ts';
import { isAllPowerful, unprivileged } from '../../support/run-sessionctl.ts';
import { sceneOn, stageOn, type How, type Scene } from '../../support/scene.ts';
import { describeOn } from '../../support/servers.ts';

// A file system that only the run sees, with no room left on it.
const fill = 'mount -t tmpfs -o size=16k none "$XDG_STATE_HOME" && ! cp "$0" "$XDG_STATE_HOME/" 2>&-';
const full = ['unshare', '--mount', '/bin/sh', '-c', `${fill}; exec "$0" "$@"`] as const;
const mount = ['--mount', 'mount', '-t', 'tmpfs', 'none', inject('temporaryDirectory')];
const noMount = spawnSync('unshare', mount).status !== 0;

for (const dialect of servers) {
  const stage = stageOn(dialect);

  describeOn(dialect, `${dialect}: rights`, () => {
    const refusal = async (scene: Scene, url: string, message: RegExp) => {
      const outcome = await scene.runHere(everyone, { url });
      expect(outcome).toMatchObject({
        code: 4,
        stdout: '',
        stderr: expect.stringMatching(message) as unknown,
      });
      expect(outcome.stderr, 'refused before there is a plan').not.toContain('to be ended');
      const rehearsal = await scene.runHere(['revoke-all', '--everyone', '--dry-run', '--json'], { url });
      expect(rehearsal).toMatchObject({ code: 0, report: { dryRun: true, revoked: 0 } });
    };

    it('an account that may not delete', async () => {
      const scene = await stage(small);
      await using account = await makeAccount(scene.deployment.database);
      await refusal(scene, account.url, /lacks the right to DELETE on [^ ]*session/);
      await account.grant('UPDATE', 'session');
      await refusal(scene, account.url, /lacks the right to DELETE on [^ ]*session/);
      await expectUntouched(scene, small.sessions);
      expect(await outcomes(scene)).toEqual(['refused', 'refused']);
    });

    it('an account that may not revoke tokens', async () => {
      const scene = await stage(small);
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
      const scene = await stage(small);
      await using account = await makeAccount(scene.deployment.database);
      await allowToEnd(account);
      const outcome = await scene.runHere(everyone, { url: account.url });
      expect(told(outcome)).toEqual(done());
      await expectAllEnded(scene);
    });

    it('a right that is taken away in the middle: what was ended is told', async () => {
      const scene = await stage(large);
      await using account = await makeAccount(scene.deployment.database);
      await allowToEnd(account);
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
      expect(outcome.stderr).toContain('nothing was changed');
      await expectUntouched(scene, small.sessions);
    };

    it.skipIf(noMount)(`the disk is full${noMount ? ' (skipped: no right to mount one)' : ''}`, async () => {
      const scene = await stage(small);
      await nothingEnded(scene, /no space left/, { through: full });
    });

    it.skipIf(isAllPowerful)(
      `its directory is read-only${isAllPowerful ? ' (skipped: root may write everywhere)' : ''}`,
      async () => {
        const scene = await stage(small);
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
        const scene = await stage(large);
        const run = scene.start(everyone, unprivileged);
        await scene.untilLeft(run, large.sessions - 1);
        chmodSync(join(scene.stateHome, 'sessionctl'), 0o555);
        const outcome = await run.ended;
        expect(told(outcome)).toEqual(done('complete', 1));
        expect(outcome.stderr).toContain('all sessions are ended, but the record of the end is not complete');
        await expectAllEnded(scene);
        expect(await outcomes(scene)).toEqual(['unfinished']);
      },
    );
  });
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
