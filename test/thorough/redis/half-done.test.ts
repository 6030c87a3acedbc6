import { expect, it, type TestContext } from 'vitest';
import { manyInRedis, nobody } from '../../support/many-in-redis.ts';
import { operatorOn } from '../../support/operator.ts';
import { missingRedisServer, startPrivateRedis } from '../../support/private-redis.ts';
import { keySpaceIn } from '../../support/redis.ts';
import type { Mode } from '../../support/secondary.ts';
import { describeUnless } from '../../support/servers.ts';
import { startProxy } from '../../support/tcp-proxy.ts';

const PREFIX = 'app:';
const SESSIONS = 700;
const ALL = SESSIONS + 2;
const everyone = ['revoke-all', '--everyone', '--yes', '--json', '-q'];

/** More sessions than one step ends, in a Redis that the operator reaches by way of a proxy. */
async function stage(mode: Mode, { onTestFinished }: Pick<TestContext, 'onTestFinished'>) {
  const server = await startPrivateRedis();
  const many = await manyInRedis(
    { dialect: 'sqlite', mode, storage: 'official', space: keySpaceIn(server, PREFIX) },
    SESSIONS,
  );
  const proxy = await startProxy(server.address.url);
  onTestFinished(async () => {
    await many.deployment.drop();
    await proxy.stop().catch(() => undefined);
    await server.stop();
  });
  const { profile, database } = many.deployment;
  const comingBy = (url: string) =>
    operatorOn(database.url, { ...profile, redis: { url, keyPrefix: PREFIX, settle: '0s' } });
  return { many, proxy, operator: comingBy(proxy.url), again: comingBy(server.address.url) };
}

const holds = (word: string) => (chunk: Buffer) => chunk.includes(word);
/** The one command of the run that deletes more than a key of nobody. */
const isDeletion = (chunk: Buffer) => holds('unlink')(chunk) && chunk.length > 10_000;

describeUnless(missingRedisServer(), 'what ends in the middle of a step', () => {
  it.concurrent.for(['secondary only', 'preserved'] as const)(
    'the connection, for good, after keys were deleted (%s): they are counted',
    { timeout: 60_000 },
    async (mode, context) => {
      const { many, proxy, operator, again } = await stage(mode, context);
      let seen = false;
      proxy.cutWhen((chunk) => {
        if (seen && holds('eval')(chunk)) {
          void proxy.stop();
          return true;
        }
        seen ||= isDeletion(chunk);
        return false;
      }, 'before');
      const broken = await operator.run(everyone);
      expect(proxy.strikes()).toBe(1);
      expect(broken.code).toBe(4);
      const deleted = ALL - (await many.left()).inRedis;
      expect(deleted).toBe(500);
      expect(JSON.parse(broken.stdout)).toMatchObject({
        stoppedBecause: 'failed',
        revoked: mode === 'preserved' ? 0 : deleted,
        secondary: { deleted },
        remaining: null,
      });
      expect(broken.stderr).toMatch(
        mode === 'preserved' ? /in Redis alone 500 more/ : /500 sessions had been ended by then/,
      );
      expect(broken.stderr).toMatch(/[Rr]un the (same )?command again/);
      expect(await again.run(everyone)).toMatchObject({ code: 0 });
      expect(await many.left()).toMatchObject({ answering: 0, inRedis: 0 });
    },
  );

  it.concurrent(
    'the connection, for good, in place of an answer: nobody says that none had ended',
    { timeout: 60_000 },
    async (context) => {
      const { many, proxy, operator } = await stage('secondary only', context);
      proxy.cutWhen((chunk) => {
        if (!isDeletion(chunk)) return false;
        proxy.refuse(true);
        // Once the server has done it; refused at the door, the client tries again at once and sooner gives up.
        setTimeout(() => void proxy.stop(), 200);
        return true;
      }, 'after');
      const broken = await operator.run(everyone);
      expect(proxy.strikes()).toBe(1);
      expect(broken.code).toBe(4);
      expect((await many.left()).inRedis).toBe(ALL - 500);
      expect(JSON.parse(broken.stdout)).toMatchObject({
        stoppedBecause: 'failed',
        revoked: 0,
        uncertain: true,
      });
      expect(broken.stderr).toMatch(/an unknown number of sessions had been ended by then/);
      expect(broken.stderr).toMatch(/[Rr]un the (same )?command again/);
    },
  );

  it.concurrent(
    'the connection for a moment, in place of an answer: the number is a lower bound',
    async (context) => {
      const { many, proxy, operator } = await stage('secondary only', context);
      proxy.cutWhen(isDeletion, 'after');
      const done = await operator.run(everyone);
      expect(proxy.strikes()).toBe(1);
      expect(done.code).toBe(0);
      expect(await many.left()).toEqual({ ...nobody, indexed: false });
      expect(JSON.parse(done.stdout)).toMatchObject({
        stoppedBecause: 'complete',
        uncertain: true,
        remaining: 0,
      });
    },
  );

  it.concurrent.for(['both', 'preserved'] as const)(
    'SIGINT between keys and rows (%s): the rows go too, and are counted',
    async (mode, context) => {
      const { many, proxy, operator, again } = await stage(mode, context);
      const stop = new AbortController();
      proxy.cutWhen((chunk) => {
        if (isDeletion(chunk)) stop.abort('SIGINT');
        return false;
      }, 'before');
      const stopped = await operator.run(everyone, { signal: stop.signal });
      const { inRedis, rows } = await many.left();
      expect(inRedis).toBe(ALL - 500);
      if (mode === 'both') expect(rows).toBe(inRedis);
      expect(JSON.parse(stopped.stdout)).toMatchObject({
        stoppedBecause: 'signal',
        revoked: 500,
        remaining: inRedis,
        secondary: { deleted: 500, remaining: inRedis },
        uncertain: false,
      });
      expect(stopped.stderr).toMatch(/stopped by SIGINT after 500 sessions; 202 left/);
      expect(stopped.code).toBe(6);
      expect(await again.run(everyone)).toMatchObject({ code: 0 });
      expect(await many.left()).toMatchObject({ answering: 0, inRedis: 0 });
    },
  );
});
