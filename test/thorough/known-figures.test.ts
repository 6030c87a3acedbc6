import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signIn, signUp, type Person } from '../support/app.ts';
import { appSecret, examine } from '../support/doctor.ts';
import { operatorOn, type Operator } from '../support/operator.ts';
import { updateSession } from '../support/population.ts';
import { deploySecondary } from '../support/secondary.ts';
import { describeOn, describeWithRedis, type Dialect } from '../support/servers.ts';
import { deploy, plainShape, type Deployment } from '../support/shapes.ts';
import { metricsPlace } from '../support/sweeping.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Where sessions stand; in Redis none has expired, since it lets go of them itself. */
const places: readonly {
  readonly name: string;
  readonly dialect: Dialect;
  readonly redis: 'both' | 'secondary only' | null;
}[] = [
  { name: 'PostgreSQL', dialect: 'postgresql', redis: null },
  { name: 'MariaDB', dialect: 'mysql', redis: null },
  { name: 'SQLite', dialect: 'sqlite', redis: null },
  { name: 'SQLite and Redis', dialect: 'sqlite', redis: 'both' },
  { name: 'Redis beside PostgreSQL', dialect: 'postgresql', redis: 'secondary only' },
];

/** Seven sessions of Ada, five of Bob, one of Cyd; of Bob's, three have expired where a table holds them. */
describe.each(places)('every figure of a known population, in $name', ({ dialect, redis }) => {
  const describeHere = redis === null ? describeOn : describeWithRedis;
  describeHere(dialect, 'it', () => {
    let deployment: Deployment & { readonly drop?: () => Promise<void> };
    let operator: Operator;
    const people: Record<string, Person> = {};
    const expired = redis === null ? 3 : 0;
    const all = 13;
    const ids = { ada: '' };

    const enter = (who: string, ip: string, userAgent: string) => {
      const person = people[who];
      if (person === undefined) throw new Error(who);
      return signIn(deployment.app, person, { ip, userAgent });
    };
    const json = async (...words: readonly string[]) => {
      const { code, stdout, stderr } = await operator.run([...words, '--json']);
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout) as Readonly<Record<string, unknown>>;
    };

    beforeAll(async () => {
      deployment =
        redis === null
          ? await deploy(plainShape(dialect))
          : await deploySecondary({ dialect, mode: redis, storage: 'official' });
      for (const who of ['ada', 'bob', 'cyd'])
        people[who] = await signUp(deployment.app, who, `${who}@example.com`);
      for (let n = 0; n < 7; n += 1)
        await enter('ada', n < 2 ? '203.0.113.7' : '198.51.100.1', n < 4 ? 'curl/8.1' : 'Wget/1.2');
      const ofBob = [];
      for (let n = 0; n < 5; n += 1) ofBob.push(await enter('bob', '192.0.2.1', 'curl/8.1'));
      await enter('cyd', '192.0.2.1', 'Wget/1.2');
      const ages = redis === null ? [-10 * DAY, -HOUR, -2 * HOUR] : [];
      for (const [n, age] of ages.entries())
        await updateSession(deployment, ofBob[n]?.token ?? '', { expiresAt: new Date(Date.now() + age) });
      operator = operatorOn(deployment.database.url, {
        timeZone: 'UTC',
        auth: { secret: appSecret, baseUrl: 'http://localhost:3000' },
        ...(deployment.shape.profile ?? {}),
      });
    });
    afterAll(() => (deployment.drop ?? deployment.database.drop)());

    it('list, stats and show', async () => {
      const listed = JSON.parse((await operator.run(['list', '--json'])).stdout) as readonly {
        readonly id: string;
        readonly userEmail: string;
      }[];
      expect(listed).toHaveLength(all - expired);
      ids.ada = listed.find(({ userEmail }) => userEmail === 'ada@example.com')?.id ?? '';
      const some = await operator.run(['list', '--state', 'all', '--limit', '4']);
      expect(some.stdout.trim().split('\n')).toHaveLength(4 + 1);
      expect(some.stderr).toMatch(/9 more sessions: --limit 13 shows all/);
      expect(await json('stats', '--state', 'all')).toMatchObject({
        totals: { sessions: all, active: all - expired, expired },
        sessions: all,
        users: 3,
        holders: [
          { userEmail: 'ada@example.com', sessions: 7 },
          { userEmail: 'bob@example.com', sessions: 5 },
          { userEmail: 'cyd@example.com', sessions: 1 },
        ],
        userAgents: { distinct: 2, absent: 0 },
        addresses: {
          distinct: 3,
          absent: 0,
          top: [
            { ipAddress: '192.0.2.1', sessions: 6 },
            { ipAddress: '198.51.100.1', sessions: 5 },
            { ipAddress: '203.0.113.7', sessions: 2 },
          ],
        },
      });
      expect(await json('show', ids.ada)).toMatchObject({ otherActiveSessions: 6 });
    });

    it('plan, dry run and limit', async () => {
      const plan = await operator.run(['revoke-all', '--user', 'bob@example.com', '--dry-run']);
      expect(plan.stdout).toContain(
        `5 sessions of 1 user (${String(5 - expired)} active, ${String(expired)} expired)`,
      );
      expect(await json('revoke-all', '--everyone', '--dry-run')).toMatchObject({
        matched: all,
        revoked: 0,
        users: 3,
        remaining: all,
        states: { active: all - expired, expired },
      });
      expect(await json('limit', '--max', '4', '--dry-run')).toMatchObject(
        redis === null ? { matched: 3, users: 1 } : { matched: 4, users: 2 },
      );
    });

    it.skipIf(redis !== null)('doctor, and a sweep that keeps some', async () => {
      const { result } = (await examine(deployment.database.url)).of('expired-backlog');
      expect(result).toMatch(/^1 of 13 sessions expired more than a day ago;/);
      expect(await json('sweep', '--dry-run', '--grace', '1d')).toMatchObject({ remaining: 1, kept: 2 });
      const metrics = metricsPlace();
      const swept = await operator.run(['sweep', '--grace', '1d', '--metrics-file', metrics.path]);
      expect(swept.stdout).toMatch(
        /^complete: 1 expired session deleted, 0 left, 2 kept \(expired less than 1d ago\), /,
      );
      expect(metrics.figures()).toMatchObject({ deleted_sessions: 1, remaining_estimate: 0, kept_rows: 2 });
      expect(await json('sweep', '--grace', '1d')).toMatchObject({ deleted: 0, remaining: 0, kept: 2 });
      expect(await json('sweep')).toMatchObject({ deleted: 2, remaining: 0, kept: 0 });
    });

    it('create lasts as long as it says, and is fresh no longer', async () => {
      const words = ['--user', 'cyd@example.com', '--expires-in', '59m', '--reason', 'known'];
      const created = await json('create', ...words, '--yes');
      const { id } = created['session'] as { readonly id: string };
      const shown = (await json('show', id)) as Readonly<Record<string, string>>;
      const lasts = Date.parse(shown['expiresAt'] ?? '') - Date.parse(shown['createdAt'] ?? '');
      expect(Math.abs(lasts - 59 * 60_000)).toBeLessThan(1001);
      expect(shown['freshUntil']).toBe(shown['expiresAt']);
      const { stdout } = await operator.run(['show', id]);
      expect(stdout).toMatch(/^due for refresh +no, its lifetime is shorter than expires_in \(7d\)/m);
      expect(await json('revoke', id, '--yes')).toMatchObject({ matched: 1, revoked: 1, users: 1 });
    });

    it('a revocation until it is quiet counts the users of every pass, each once', async () => {
      const words = ['revoke-all', '--ip', '203.0.113.0/24', '--until-quiet', '--json'];
      const sitting = operator.sitDown(words);
      await sitting.shows(/End these 2 sessions\?/);
      await wait(5);
      await enter('ada', '203.0.113.9', 'curl/8.1');
      await enter('cyd', '203.0.113.9', 'curl/8.1');
      await enter('cyd', '203.0.113.9', 'curl/8.1');
      sitting.type('y\r');
      const { code, stdout } = await sitting.ended;
      expect(code).toBe(0);
      const figures = { matched: 5, revoked: 5, users: 2, remaining: 0 };
      expect(JSON.parse(stdout)).toMatchObject({ ...figures, states: { active: 5, expired: 0 } });
      const [last] = (await json('history', '--own', '--limit', '1')) as unknown as readonly unknown[];
      expect(last).toMatchObject(figures);
    });

    it('the report of what is left', async () => {
      const done = await operator.run(['revoke-all', '--user', 'ada@example.com', '--yes', '-q']);
      expect(done.stdout).toMatch(/^Ended 5 sessions of 1 user in /);
      const left = redis === null ? 3 : 6;
      expect(JSON.parse((await operator.run(['list', '--state', 'all', '--json'])).stdout)).toHaveLength(
        left,
      );
    });
  });
});
