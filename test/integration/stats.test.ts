import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatsReport } from '../../src/output/stats-report.ts';
import { everySession, type Truth } from '../support/app.ts';
import { crowdInRedis } from '../support/crowd-in-redis.ts';
import { operatorOn, type Operator } from '../support/operator.ts';
import { populate, usePlugins } from '../support/population.ts';
import { sceneOn } from '../support/scene.ts';
import { modes } from '../support/secondary.ts';
import { describeOn, describeUnless, missingServer } from '../support/servers.ts';
import { deploy, named, type Deployment } from '../support/shapes.ts';

async function statsOf(operator: Operator, words: readonly string[] = []): Promise<StatsReport> {
  const { stdout, code } = await operator.run(['stats', '--json', ...words]);
  expect(code).toBe(0);
  return JSON.parse(stdout) as StatsReport;
}

type Told = Pick<Truth, 'id' | 'userId' | 'ipAddress' | 'userAgent' | 'impersonatedBy'> & {
  readonly createdAt: Date;
  readonly expiresAt: Date;
};

function tally(values: readonly (string | null)[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const value of values) if (value !== null) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

const byName = (rows: readonly Readonly<Record<string, unknown>>[], name: string) =>
  Object.fromEntries(rows.map((row) => [String(row[name]), row['sessions']]));
const present = (text: string | null) => (text === '' ? null : text);
const networkOf = (address: string | null) => {
  const ipv4 = /^(\d+\.\d+\.\d+)\.\d+$/.exec(address ?? '')?.[1];
  if (ipv4 !== undefined) return `${ipv4}.0/24`;
  return (address ?? '').startsWith('2001:0db8:aaaa:') ? '2001:db8:aaaa::/48' : null;
};

/** Compares what was counted with a count of our own. */
function expectFigures(
  report: StatsReport,
  all: readonly Told[],
  state: StatsReport['state'],
  now: number,
): void {
  const active = all.filter(({ expiresAt }) => expiresAt.getTime() > now);
  const expired = all.filter((one) => !active.includes(one));
  const looked = { active, expired, all }[state];
  expect(report.totals).toEqual({ sessions: all.length, active: active.length, expired: expired.length });
  expect(report.sessions).toBe(looked.length);
  expect(report.users).toBe(new Set(looked.map(({ userId }) => userId)).size);
  expect(byName(report.signIns.byDay, 'day')).toEqual(
    tally(looked.map(({ createdAt }) => createdAt.toISOString().slice(0, 10))),
  );
  expect(report.signIns.byHour).toEqual(
    Array.from(
      { length: 24 },
      (_, hour) => looked.filter(({ createdAt }) => createdAt.getUTCHours() === hour).length,
    ),
  );
  expect(report.signIns.undated).toBe(0);
  const ahead = looked.filter(({ expiresAt }) => expiresAt.getTime() > now);
  expect(byName(report.expiry.byDay, 'day')).toEqual(
    tally(ahead.map(({ expiresAt }) => expiresAt.toISOString().slice(0, 10))),
  );
  expect(byName(report.holders, 'userId')).toEqual(tally(looked.map(({ userId }) => userId)));
  expect(byName(report.addresses?.top ?? [], 'ipAddress')).toEqual(
    tally(looked.map(({ ipAddress }) => present(ipAddress))),
  );
  expect(report.addresses?.absent).toBe(looked.filter(({ ipAddress }) => present(ipAddress) === null).length);
  expect(byName(report.networks?.top ?? [], 'network')).toEqual(
    tally(looked.map(({ ipAddress }) => networkOf(ipAddress))),
  );
  expect(report.devices?.reduce((sum, { sessions }) => sum + sessions, 0)).toBe(
    looked.filter(({ userAgent }) => present(userAgent) !== null).length,
  );
  expect(report.userAgents).toEqual({
    distinct: new Set(looked.flatMap(({ userAgent }) => present(userAgent) ?? [])).size,
    absent: looked.filter(({ userAgent }) => present(userAgent) === null).length,
    unread: 0,
  });
}

describe('stats counts what Better Auth tells', () => {
  for (const shape of [
    'postgresql: own adapter, plugins and additional fields',
    'postgresql: Drizzle, timestamp, snake case',
    'mysql: own adapter, generateId serial',
    'mysql: Prisma, datetime(3)',
    'sqlite: own adapter',
    'sqlite: Drizzle, integer milliseconds, snake case',
    'sqlite: Drizzle, integer seconds, usePlural',
    'sqlite: Prisma, text with an offset',
  ].map(named)) {
    describeOn(shape.dialect, shape.name, () => {
      let deployment: Deployment;
      let ids: readonly string[];
      beforeAll(async () => {
        deployment = await deploy(shape);
        const population = await populate(deployment);
        if (shape.name.includes('plugins')) await usePlugins(deployment, population);
        ids = population.people.map(({ id }) => id);
      });
      afterAll(() => deployment.database.drop());

      it('in every state', async () => {
        const operator = operatorOn(deployment.database.url, { timeZone: 'UTC', ...shape.profile });
        const truths = await everySession(deployment.app, ids);
        for (const state of ['active', 'expired', 'all'] as const) {
          const report = await statsOf(operator, ['--state', state]);
          expectFigures(report, truths, state, Date.now());
          expect(report.backlog).toBe(report.totals.expired);
        }
        const [ada] = ids;
        const hers = await statsOf(operator, ['--state', 'all', '--user', ada ?? '']);
        expectFigures(
          hers,
          truths.filter(({ userId }) => userId === ada),
          'all',
          Date.now(),
        );
        const { impersonations } = await statsOf(operator);
        if (shape.name.includes('plugins'))
          expect(impersonations).toEqual({ sessions: 1, administrators: 1 });
      });

      it.each(['Asia/Kathmandu', 'America/New_York'])(
        'reads times as a list does, in %s',
        async (timeZone) => {
          const operator = operatorOn(deployment.database.url, { ...shape.profile, timeZone });
          const { stdout } = await operator.run(['list', '--state', 'all', '--json']);
          const listed = (JSON.parse(stdout) as readonly Told[]).map((one) => ({
            ...one,
            createdAt: new Date(one.createdAt),
            expiresAt: new Date(one.expiresAt),
          }));
          expectFigures(await statsOf(operator, ['--state', 'all']), listed, 'all', Date.now());
          const truths = await everySession(deployment.app, ids);
          const timesOf = (all: readonly Told[]) => all.map(({ expiresAt }) => expiresAt.getTime()).sort();
          // The zone changes what is read, except where the database says it with each time.
          const isSaid = shape.storedExpiry.test('2026-11-24 10:00:00+00') || shape.dialect === 'sqlite';
          expect(isDeepStrictEqual(timesOf(listed), timesOf(truths))).toBe(isSaid);
        },
      );
    });
  }
});

describe('stats of a crowd', () => {
  for (const dialect of ['postgresql', 'mysql', 'sqlite'] as const) {
    describeOn(dialect, dialect, () => {
      it('reads no more agents than are worth it, and draws what it found', async () => {
        await using scene = await sceneOn(dialect, { sessions: 2500 });
        const operator = operatorOn(scene.deployment.database.url, { timeZone: 'UTC' });
        const report = await statsOf(operator);
        expect(report).toMatchObject({
          sessions: 2500,
          users: 1,
          holders: [{ userId: 'crowd', userEmail: 'crowd@example.com', sessions: 2500 }],
          userAgents: { distinct: 2500, absent: 0, unread: 500 },
          addresses: { distinct: 1, absent: 0, top: [{ ipAddress: '192.0.2.1', sessions: 2500 }] },
          networks: { distinct: 1, top: [{ network: '192.0.2.0/24', sessions: 2500 }] },
        });
        const drawn = await operator.run(['stats', '--no-color'], {
          tty: { stdout: true },
          env: { LC_ALL: 'C.UTF-8' },
        });
        expect(drawn.stdout).toContain(`192.0.2.0/24  2,500  ${'█'.repeat(40)}`);
        const plain = await operator.run(['stats', '--no-color'], {
          tty: { stdout: true },
          env: { TERM: 'dumb' },
        });
        expect(plain.stdout).toContain(`192.0.2.0/24  2,500  ${'#'.repeat(40)}`);
        // eslint-disable-next-line no-control-regex -- that is what is asked
        expect(plain.stdout).toMatch(/^[\x00-\x7f]*$/);
      });
    });
  }
});

describe('stats with Redis', () => {
  const missing = missingServer('redis');
  describeUnless(missing, 'in every mode', () => {
    it.each(modes)('%s', async (mode) => {
      const crowd = await crowdInRedis({ dialect: 'sqlite', mode, storage: 'official' });
      try {
        const report = await statsOf(crowd.operator);
        expectFigures(
          report,
          crowd.members.map(({ truth }) => truth),
          'active',
          Date.now(),
        );
      } finally {
        await crowd.end();
      }
    });
  });
});
