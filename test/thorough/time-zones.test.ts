import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { everySession, liveSessions, signIn, signUp, type App, type Truth } from '../support/app.ts';
import type { TestDatabase } from '../support/databases.ts';
import { operatorOn } from '../support/operator.ts';
import { byId, expectedSession } from '../support/population.ts';
import { describeOn, type ServerDialect } from '../support/servers.ts';
import { deploy, named, type Shape } from '../support/shapes.ts';
import { inZone } from '../support/in-zone.ts';

const hour = 3_600_000;

/** The application's own zone: what a `Date` becomes in a column without one is the driver's local wall clock. */
const zones = ['Asia/Kolkata', 'America/New_York'] as const;

const columns: readonly {
  readonly dialect: ServerDialect;
  readonly name: string;
  readonly shape: Shape;
  readonly prepare: readonly string[];
}[] = [
  {
    dialect: 'mysql',
    name: 'timestamp(3), mysql2 with its default timezone',
    shape: { ...named('mysql: own adapter'), databaseOptions: { mysqlTimeZone: 'local' } },
    prepare: [],
  },
  {
    dialect: 'mysql',
    name: 'datetime(3), mysql2 with its default timezone',
    shape: { ...named('mysql: own adapter'), databaseOptions: { mysqlTimeZone: 'local' } },
    prepare: ['expiresAt', 'createdAt', 'updatedAt'].map(
      (column) => `ALTER TABLE session MODIFY ${column} datetime(3) NOT NULL`,
    ),
  },
  {
    dialect: 'postgresql',
    name: 'timestamp without time zone, node-postgres',
    shape: named('postgresql: own adapter'),
    prepare: ['expiresAt', 'createdAt', 'updatedAt'].map(
      (column) => `ALTER TABLE session ALTER "${column}" TYPE timestamp`,
    ),
  },
];

describe.each(zones)('an application in %s', (zone) => {
  for (const { dialect, name, shape, prepare } of columns) {
    describeOn(dialect, name, () => {
      let database: TestDatabase;
      let truths: readonly Truth[];
      let live: readonly Truth[];

      beforeAll(async () => {
        await inZone(zone, async () => {
          const deployment = await deploy(shape);
          database = deployment.database;
          for (const statement of prepare) await database.query(statement);
          ({ truths, live } = await populate(deployment.app));
        });
      });
      afterAll(async () => {
        await database.drop();
      });
      afterEach(() => {
        expect(new Date().getTimezoneOffset()).toBe(0);
      });

      const run = (...words: readonly string[]) => operatorOn(database.url).run(['list', '--json', ...words]);
      const idsOf = (sessions: readonly { readonly id: string }[]) => sessions.map(({ id }) => id).sort();
      const parsed = (stdout: string) => JSON.parse(stdout) as readonly { readonly id: string }[];

      it('is read to the millisecond where its zone is named', async () => {
        const { code, stdout, stderr } = await run('--state', 'all', '--time-zone', zone);
        expect({ code, stderr }).toMatchObject({ code: 0 });
        expect(stderr).not.toMatch(/assum/i);
        const listed = byId(JSON.parse(stdout) as Readonly<Record<string, unknown>>[]);
        const person = { id: truths[0]?.userId ?? '', email: 'ada@example.com', name: 'Ada' };
        expect(listed).toMatchObject(byId(truths.map((truth) => expectedSession(truth, person, Date.now()))));
      });

      it('is selected from by true instants', async () => {
        const actives = await run('--time-zone', zone);
        expect(idsOf(parsed(actives.stdout))).toEqual(idsOf(live));
        const expired = await run('--time-zone', zone, '--state', 'expired');
        expect(idsOf(parsed(expired.stdout))).toEqual(
          idsOf(truths.filter(({ id }) => !live.some((one) => one.id === id))),
        );
        const [first] = [...truths].sort((a, b) => b.expiresAt.getTime() - a.expiresAt.getTime());
        if (first === undefined) throw new Error('there are sessions');
        const after = (at: number) =>
          run('--state', 'all', '--time-zone', zone, '--expires-after', new Date(at).toISOString());
        expect(idsOf(parsed((await after(first.expiresAt.getTime() - 1)).stdout))).toEqual([first.id]);
        expect(parsed((await after(first.expiresAt.getTime())).stdout)).toEqual([]);
      });

      it('is read the same with the zone in the environment, in the configuration, or as the offset', async () => {
        const flag = await run('--state', 'all', '--time-zone', zone);
        const words = ['list', '--json', '--state', 'all'];
        const env = { SESSIONCTL_TIME_ZONE: zone };
        const variable = await operatorOn(database.url).runBinary(words, { env });
        expect(variable.stdout).toBe(flag.stdout);
        const configured = await operatorOn(database.url, { timeZone: zone }).runBinary(words);
        expect(configured.stdout).toBe(flag.stdout);
        if (zone === 'Asia/Kolkata')
          expect((await run('--state', 'all', '--time-zone', '+05:30')).stdout).toBe(flag.stdout);
      });

      it('is warned about where its zone is not named', async () => {
        const { code, stderr, stdout } = await run('--state', 'all');
        expect(code).toBe(0);
        expect(stderr).toMatch(/time.?zone/i);
        expect(stdout).not.toContain(truths[0]?.expiresAt.toISOString());
      });
    });
  }
});

/** Sessions on both sides of now, of the clock change, and of midnight, written by Better Auth in the process's zone. */
async function populate(
  app: App,
): Promise<{ readonly truths: readonly Truth[]; readonly live: readonly Truth[] }> {
  const person = await signUp(app, 'Ada', 'ada@example.com');
  const now = Date.now();
  const expiries = [now + hour, now + 11 * hour, now - hour, now - 11 * hour, now + 160 * hour];
  const creations = [
    '2025-03-09T06:59:59.999Z',
    '2025-03-09T07:00:00.001Z',
    '2025-11-02T05:59:59.998Z',
    '2025-11-02T06:30:00.003Z',
    '2025-12-31T23:59:59.999Z',
  ];
  const { internalAdapter } = await app.$context;
  for (const [index, expiry] of expiries.entries()) {
    const { token } = await signIn(app, person, { ip: '192.0.2.1', userAgent: `device ${String(index)}` });
    await internalAdapter.updateSession(token, {
      expiresAt: new Date(expiry),
      createdAt: new Date(creations[index] ?? now),
    });
  }
  // The list of one's own sessions is for those who signed in today.
  const { cookie } = await signIn(app, person, { ip: '192.0.2.1', userAgent: 'fresh' });
  return { truths: await everySession(app, [person.id]), live: await liveSessions(app, cookie) };
}
