import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { atRest } from '../../support/at-rest.ts';
import { crowdInRedis, type CrowdInRedis } from '../../support/crowd-in-redis.ts';
import { rounds } from '../../support/faults.ts';
import { manyInRedis, nobody, type ManyInRedis } from '../../support/many-in-redis.ts';
import { operatorOn, type Operator } from '../../support/operator.ts';
import {
  missingRedisServer,
  startPrivateRedis,
  type PrivateRedis,
  type PrivateRedisOptions,
} from '../../support/private-redis.ts';
import { createKeySpace, keySpaceIn } from '../../support/redis.ts';
import { storedTokens } from '../../support/secondary.ts';
import { describeUnless, missingServer } from '../../support/servers.ts';
import { startSessionctl } from '../../support/start-sessionctl.ts';

const PREFIX = 'app:';
const everyone = ['revoke-all', '--everyone', '--yes', '--json', '-q'] as const;

type Afterwards = (end: () => Promise<void>) => void;

/** A crowd in a Redis of its own, and how operators with other credentials come to it. */
async function stage(options: PrivateRedisOptions, afterwards: Afterwards) {
  const server = await startPrivateRedis(options);
  const crowd = await crowdInRedis({
    dialect: 'sqlite',
    mode: 'both',
    storage: 'official',
    space: keySpaceIn(server, PREFIX),
  });
  afterwards(async () => {
    await crowd.end();
    await server.stop();
  });
  const comingBy = (address: PrivateRedis['address']): Operator =>
    operatorOn(crowd.deployment.database.url, {
      ...crowd.deployment.profile,
      redis: { ...address, keyPrefix: PREFIX, settle: '0s' },
    });
  return { server, crowd, comingBy };
}

/** Exit 4 with these words, and everybody is signed in as before. */
async function refuses(operator: Operator, crowd: CrowdInRedis, words: readonly string[], says: RegExp) {
  const done = await operator.run(words);
  expect(done.code).toBe(4);
  expect(done.stdout).toBe('');
  expect(done.stderr).toMatch(says);
  await crowd.onlyLive(crowd.members);
}

describeUnless(missingRedisServer(), 'a Redis that refuses', () => {
  it.concurrent('wants another password', async ({ onTestFinished }) => {
    const { server, crowd, comingBy } = await stage({ password: 'right-password' }, onTestFinished);
    const without = comingBy(server.addressFor({}));
    await refuses(without, crowd, [...everyone], /Redis 127\.0\.0\.1:\d+\/0: it needs a password/);
    const wrong = comingBy(server.addressFor({ password: 'wrong-password' }));
    await refuses(
      wrong,
      crowd,
      [...everyone],
      /Redis 127\.0\.0\.1:\d+\/0: the user or the password is wrong/,
    );
    await refuses(wrong, crowd, ['list', '--json'], /the user or the password is wrong/);
    expect(wrong.sawAny(['right-password'])).toEqual([]);
    const shown = await wrong.run([...everyone, '--verbose']);
    expect(shown.stderr).not.toContain('wrong-password');
  });

  const neededRights = '+get +set +mget +getrange +exists +pttl +scan +unlink +eval';
  it.concurrent(
    'gives the user the rights that docs/redis.md names: all works',
    async ({ onTestFinished }) => {
      const users = [
        { name: 'app', password: 'app-password', rules: '~* +@all' },
        { name: 'ops', password: 'ops-password', rules: `~${PREFIX}* ${neededRights}` },
      ];
      const { server, crowd, comingBy } = await stage({ users }, onTestFinished);
      const ops = comingBy(server.addressFor({ username: 'ops', password: 'ops-password' }));
      expect(await ops.run(['list', '--json'])).toMatchObject({ code: 0, stderr: '' });
      expect(await ops.run(['sweep', '-q'])).toMatchObject({ code: 0, stderr: '' });
      const [first] = crowd.members;
      expect(await ops.run(['revoke', first?.truth.id ?? '', '--yes', '-q'])).toMatchObject({ code: 0 });
      await crowd.onlyLive(crowd.members.slice(1));
      expect(await ops.run([...everyone])).toMatchObject({ code: 0, stderr: '' });
      await crowd.onlyLive([]);
    },
  );

  it.concurrent.for(['unlink', 'eval', 'scan', 'set'])(
    'lets the user not %s',
    async (command, { onTestFinished }) => {
      const rights = neededRights.replace(`+${command}`, '');
      const users = [
        { name: 'app', password: 'app-password', rules: '~* +@all' },
        { name: 'ops', password: 'ops-password', rules: `~${PREFIX}* ${rights}` },
      ];
      const { server, crowd, comingBy } = await stage({ users }, onTestFinished);
      const ops = comingBy(server.addressFor({ username: 'ops', password: 'ops-password' }));
      await refuses(
        ops,
        crowd,
        [...everyone],
        /this user may not run a command, or may not run it on these keys/,
      );
      await refuses(ops, crowd, ['sweep', '-q'], /this user may not run a command/);
    },
  );

  it.concurrent('keeps the user from these keys', async ({ onTestFinished }) => {
    const users = [
      { name: 'app', password: 'app-password', rules: '~* +@all' },
      { name: 'ops', password: 'ops-password', rules: '~elsewhere:* +@all' },
    ];
    const { server, crowd, comingBy } = await stage({ users }, onTestFinished);
    const ops = comingBy(server.addressFor({ username: 'ops', password: 'ops-password' }));
    await refuses(ops, crowd, [...everyone], /may not run it on these keys/);
  });

  it.concurrent('is a replica: it may be looked at', async ({ onTestFinished }) => {
    const { server, crowd, comingBy } = await stage({}, onTestFinished);
    const replica = await startPrivateRedis({ replicaOf: server });
    onTestFinished(() => replica.stop());
    const ops = comingBy(replica.address);
    const listed = await ops.run(['list', '-o', 'ids']);
    expect(listed.stdout.trim().split('\n')).toHaveLength(crowd.members.length);
    await refuses(ops, crowd, [...everyone], /it is a replica, which accepts no writes/);
  });

  it.concurrent(
    'is out of memory: what is left is finished by the same command',
    async ({ onTestFinished }) => {
      const { server, crowd, comingBy } = await stage({}, onTestFinished);
      const ops = comingBy(server.address);
      const redis = server.connect();
      onTestFinished(() => {
        redis.disconnect();
      });
      await redis.config('SET', 'maxmemory', '1');
      const [first] = crowd.members;
      const done = await ops.run(['revoke', first?.truth.id ?? '', '--yes', '--json']);
      expect(done.code).toBe(4);
      expect(done.stderr).toMatch(/it is out of memory and accepts no writes/);
      await redis.config('SET', 'maxmemory', '0');
      expect(await ops.run(['revoke', first?.truth.id ?? '', '--yes', '-q'])).toMatchObject({ code: 0 });
      expect(await ops.run(['sweep', '-q'])).toMatchObject({ code: 0 });
      await crowd.onlyLive(crowd.members.slice(1));
    },
  );

  it.concurrent('listens for another protocol', async ({ onTestFinished }) => {
    const { server, crowd, comingBy } = await stage({ tls: 'server' }, onTestFinished);
    const clear = comingBy({ url: `redis://127.0.0.1:${String(server.port)}` });
    await refuses(clear, crowd, [...everyone], /Redis 127\.0\.0\.1:\d+\/0/);
    const untrusting = comingBy({ url: `rediss://localhost:${String(server.port)}` });
    await refuses(untrusting, crowd, [...everyone], /cannot trust Redis localhost:\d+\/0/);
    const misnamed = comingBy({ ...server.address, url: `rediss://127.0.0.1:${String(server.port)}` });
    await refuses(misnamed, crowd, [...everyone], /cannot trust Redis 127\.0\.0\.1:\d+\/0/);
  });
});

const SESSIONS = 5000;

describeUnless(missingServer('redis'), 'a run that does not come to its end', () => {
  const begin = ({ share }: ManyInRedis, operator: Operator) => {
    const run = startSessionctl([...operator.where, ...everyone], { env: operator.env });
    return {
      ...run,
      /** Waits until less than this share is left, or the run has ended. */
      underWay: async (left: number) => {
        while (run.isRunning() && (await share()) >= left) await wait(2);
      },
    };
  };

  it.for(['postgresql', 'mysql', 'sqlite'] as const)(
    `kill -9 at any moment on %s, and the same command finishes (${String(rounds)} rounds)`,
    { timeout: 60_000 + rounds * 20_000 },
    async (dialect, { onTestFinished }) => {
      const many = await manyInRedis({ dialect, mode: 'both', storage: 'official' }, SESSIONS);
      onTestFinished(many.deployment.drop);
      const operator = operatorOn(many.deployment.database.url, many.deployment.profile);
      for (let round = 0; round < rounds; round += 1) {
        if (round > 0) await many.gather();
        const run = begin(many, operator);
        await run.underWay(0.2 + 0.8 * Math.random());
        await wait(20 * Math.random());
        run.child.kill('SIGKILL');
        await run.ended;
        await atRest(many.deployment.database);
        // Whoever is in Redis still has a row to be found by, and whoever has none is in neither.
        const { inRedis, rows } = await many.left();
        expect(rows).toBeGreaterThanOrEqual(inRedis);
        const again = await operator.run([...everyone]);
        expect(again).toMatchObject({ code: 0, stderr: '' });
        expect(JSON.parse(again.stdout)).toMatchObject({ revoked: rows, remaining: 0 });
        const swept = await operator.run(['sweep', '-q']);
        expect(swept).toMatchObject({ code: 0, stderr: '' });
        expect(await many.left()).toEqual(nobody);
      }
    },
  );

  it('SIGINT finishes the step at hand, and the same command goes on', async ({ onTestFinished }) => {
    const many = await manyInRedis({ dialect: 'sqlite', mode: 'both', storage: 'official' }, SESSIONS);
    onTestFinished(many.deployment.drop);
    const operator = operatorOn(many.deployment.database.url, many.deployment.profile);
    const run = begin(many, operator);
    // The first step of five hundred is done in both places by then.
    await run.underWay(0.85);
    run.child.kill('SIGINT');
    const stopped = await run.ended;
    expect(stopped.code, stopped.stderr).toBe(6);
    const { inRedis, rows } = await many.left();
    expect(inRedis).toBeLessThanOrEqual(rows);
    expect(JSON.parse(stopped.stdout)).toMatchObject({
      stoppedBecause: 'signal',
      revoked: SESSIONS + 2 - rows,
      remaining: rows,
      secondary: { deleted: SESSIONS + 2 - inRedis, remaining: inRedis },
    });
    expect(await operator.run([...everyone])).toMatchObject({ code: 0 });
    expect(await many.left()).toEqual(nobody);
  });

  it.for(['both', 'secondary only'] as const)(
    'Redis goes away in the middle (%s): exit 4, and the rows are there to go on with',
    { timeout: 90_000 },
    async (mode, { onTestFinished }) => {
      const server = await startPrivateRedis();
      const many = await manyInRedis(
        { dialect: 'sqlite', mode, storage: 'official', space: keySpaceIn(server, PREFIX) },
        SESSIONS,
      );
      onTestFinished(async () => {
        await many.deployment.drop();
        await server.stop();
      });
      const operator = operatorOn(many.deployment.database.url, many.deployment.profile);
      const run = begin(many, operator);
      await run.underWay(0.95);
      await server.stop();
      const broken = await run.ended;
      expect(broken.code).toBe(4);
      expect(broken.stderr).toMatch(/Redis 127\.0\.0\.1:\d+\/0/);
      const { revoked } = JSON.parse(broken.stdout) as { readonly revoked: number };
      expect(JSON.parse(broken.stdout)).toMatchObject({ stoppedBecause: 'failed' });
      const rows = (await storedTokens(many.deployment)).length;
      expect(rows).toBe(mode === 'both' ? SESSIONS + 2 - revoked : 0);
    },
  );
});

describeUnless(missingServer('redis'), 'a prefix', () => {
  it.each(['[a-z]*?\\:', '*', 'ünï cödé:'])('%j means itself and no other key', async (ending) => {
    const space = createKeySpace(ending);
    const crowd = await crowdInRedis({
      dialect: 'sqlite',
      mode: 'secondary only',
      storage: 'official',
      space,
    });
    const neighbour = `${space.prefix.slice(0, -ending.length)}x${'d'.repeat(32)}`;
    await space.client.set(neighbour, 'somebody else', 'EX', 60);
    try {
      expect(await crowd.operator.run([...everyone])).toMatchObject({ code: 0, stderr: '' });
      await crowd.onlyLive([]);
      expect(await space.client.get(neighbour)).toBe('somebody else');
    } finally {
      await space.client.unlink(neighbour);
      await crowd.end();
    }
  });
});
