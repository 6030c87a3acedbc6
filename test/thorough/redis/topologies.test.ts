import { expect, it } from 'vitest';
import { crowdInRedis, type Member } from '../../support/crowd-in-redis.ts';
import { isStress } from '../../support/faults.ts';
import { startPrivateCluster } from '../../support/private-cluster.ts';
import { missingRedisServer, startPrivateRedis, type RedisPlace } from '../../support/private-redis.ts';
import { startPrivateSentinel } from '../../support/private-sentinel.ts';
import { keySpaceIn } from '../../support/redis.ts';
import { modes, type Mode } from '../../support/secondary.ts';
import { describeUnless } from '../../support/servers.ts';

/** Ways to run Redis. */
const topologies: readonly {
  readonly name: string;
  readonly start: () => Promise<RedisPlace & { readonly stop: () => Promise<void> }>;
}[] = [
  { name: 'a Cluster of three nodes', start: () => startPrivateCluster() },
  { name: 'a Cluster with a password', start: () => startPrivateCluster({ password: 'cluster-password' }) },
  { name: 'Sentinel', start: () => startPrivateSentinel() },
  { name: 'Sentinel with a password', start: () => startPrivateSentinel({ password: 'sentinel-password' }) },
  { name: 'TLS', start: () => startPrivateRedis({ tls: 'server' }) },
  { name: 'TLS with certificates of both', start: () => startPrivateRedis({ tls: 'mutual' }) },
  {
    name: 'an ACL user and TLS',
    start: () =>
      startPrivateRedis({
        tls: 'server',
        users: [{ name: 'app', password: 'p@ss/word#1', rules: '~* +@all' }],
      }),
  },
];

/** One after the other, on the same crowd: what is typed, what stdin holds, and who has ended afterwards. */
const steps: readonly {
  readonly words: (members: readonly Member[]) => readonly string[];
  readonly stdin?: (members: readonly Member[]) => string;
  readonly ends: readonly number[];
}[] = [
  { words: ([first]) => ['revoke', first?.truth.id ?? ''], ends: [0] },
  { words: () => ['revoke', '--token-stdin'], stdin: (members) => members[4]?.signIn.token ?? '', ends: [4] },
  { words: () => ['revoke-all', '--user', 'grace@example.com', '--user-agent', 'chrome'], ends: [6] },
  { words: () => ['revoke-all', '--ip', '203.0.113.0/24'], ends: [3] },
  { words: () => ['revoke-all', '--everyone', '--except-user', 'grace@example.com'], ends: [1, 2, 5] },
  { words: () => ['revoke-all', '--everyone'], ends: [7] },
];

/** A Cluster and Sentinel see every mode; passwords and TLS, which come before any of them, one each in turn. */
const walked = topologies.map((topology, place) => {
  const isWhole = isStress || !/with|TLS/.test(topology.name);
  const seen = isWhole ? modes : modes.filter((_, at) => at === place % modes.length);
  return { ...topology, title: `${topology.name} (${seen.join(', ')})`, seen };
});

describeUnless(missingRedisServer(), 'however Redis is run', () => {
  it.for(walked)('$title', { timeout: 90_000 }, async (topology, { onTestFinished }) => {
    const place = await topology.start();
    onTestFinished(() => place.stop());
    for (const mode of topology.seen) await walk(place, mode);
  });

  it(
    'Sentinel: another master takes over, and is the one that is written to',
    { timeout: 60_000 },
    async ({ onTestFinished }) => {
      const sentinel = await startPrivateSentinel();
      onTestFinished(() => sentinel.stop());
      await sentinel.failOver();
      await walk(sentinel, 'both');
    },
  );
});

async function walk(place: RedisPlace, mode: Mode): Promise<void> {
  const space = keySpaceIn(place, `${mode.slice(0, 3)}:`);
  const crowd = await crowdInRedis({ dialect: 'sqlite', mode, storage: 'official', space });
  const { operator, members, onlyLive } = crowd;
  const ended = new Set<number>();
  try {
    await onlyLive(members);
    for (const { words, stdin, ends } of steps) {
      const done = await operator.run([...words(members), '--yes', '--json', '-q'], {
        ...(stdin === undefined ? {} : { stdin: stdin(members) }),
      });
      expect(done).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(done.stdout)).toMatchObject({
        revoked: ends.length,
        remaining: 0,
        secondary: { deleted: ends.length, remaining: 0 },
      });
      for (const at of ends) ended.add(at);
      await onlyLive(members.filter((_, at) => !ended.has(at)));
    }
    const swept = await operator.run(['sweep', '--json', '--grace', '1d']);
    expect(swept).toMatchObject({ code: 0 });
    expect(JSON.parse(swept.stdout)).toMatchObject({ secondary: { deleted: 0, indexEntries: 0 } });
  } finally {
    await crowd.end();
  }
}
