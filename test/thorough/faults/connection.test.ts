import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeAccount } from '../../support/account.ts';
import {
  allowToEnd,
  done,
  everyone,
  expectAllEnded,
  expectReadOnly,
  expectToGoOn,
  expectUntouched,
  isStress,
  middling,
  outcomes,
  onlyInStress,
  servers,
  told,
} from '../../support/faults.ts';
import { missingMariadb, startPrivateMariadb } from '../../support/private-mariadb.ts';
import { missingInitdb, startPrivatePostgres } from '../../support/private-postgres.ts';
import type { PrivateServer } from '../../support/private-server.ts';
import { sceneOnServer, stageOn, type Scene } from '../../support/scene.ts';
import { describeOn } from '../../support/servers.ts';
import { startProxy } from '../../support/tcp-proxy.ts';

for (const dialect of servers) {
  const stage = stageOn(dialect);

  describeOn(dialect, `${dialect}: the connection breaks`, () => {
    const isDelete = (chunk: Buffer) => chunk.includes('DELETE') && !chunk.includes('1 = 0');
    let isDeleting = false;
    /** Of a DELETE: what only reads is committed, too. */
    const isCommit = (chunk: Buffer) => {
      const isIt = isDeleting && chunk.includes('COMMIT');
      isDeleting = isDelete(chunk) || (isDeleting && !isIt);
      return isIt;
    };

    it.each([
      ['before a DELETE reaches the server', isDelete, 'before', 0],
      ['after a COMMIT and before its answer', isCommit, 'after', 1],
    ] as const)('%s: it goes on by itself', async (_title, isIt, moment, uncounted) => {
      const scene = await stage(middling);
      const proxy = await startProxy(scene.deployment.database.url);
      try {
        let seen = 0;
        proxy.cutWhen((chunk) => {
          if (isIt(chunk)) seen += 1;
          return seen === 3;
        }, moment);
        const outcome = await scene.runHere(everyone, { url: proxy.url });
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
      const scene = await stage(middling);
      await using account = await makeAccount(scene.deployment.database);
      await allowToEnd(account);
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

    it.skipIf(!isStress)(
      `for good: it gives up and tells what was ended${onlyInStress}`,
      { timeout: 240_000 },
      () => cutForGood(() => undefined),
    );
  });
}

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
          await allowToEnd(account);
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
