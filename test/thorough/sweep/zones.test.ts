import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { inZone } from '../../support/in-zone.ts';
import { operatorOn } from '../../support/operator.ts';
import { describeOn } from '../../support/servers.ts';
import { deploy, named, type Deployment, type Shape } from '../../support/shapes.ts';
import { areIn, day, hour, second, signInAged, sweepWith, truthsOf } from '../../support/sweeping.ts';

/** An application that writes its own wall clock, as the drivers do by default. */
const local: Shape = { ...named('mysql: own adapter'), databaseOptions: { mysqlTimeZone: 'local' } };
const times = ['expiresAt', 'createdAt', 'updatedAt'] as const;

const columns: readonly {
  readonly name: string;
  readonly shape: Shape;
  readonly prepare: readonly string[];
}[] = [
  { name: 'timestamp(3), mysql2 with its default timezone', shape: local, prepare: [] },
  {
    name: 'datetime(3), mysql2 with its default timezone',
    shape: local,
    prepare: times.map((column) => `ALTER TABLE session MODIFY ${column} datetime(3) NOT NULL`),
  },
  {
    name: 'timestamp without time zone, node-postgres',
    shape: named('postgresql: own adapter'),
    prepare: times.map((column) => `ALTER TABLE session ALTER "${column}" TYPE timestamp`),
  },
];

const zones = ['America/Los_Angeles', 'Asia/Kolkata', 'Pacific/Kiritimati', 'Etc/GMT+12'] as const;
const ages = [
  -3 * day,
  -27 * hour,
  -11 * hour,
  -10 * 60 * second,
  -2 * second,
  60 * second,
  10 * hour,
  6 * day,
];

afterEach(() => {
  expect(new Date().getTimezoneOffset()).toBe(0);
});

for (const { name, shape, prepare } of columns) {
  describeOn(shape.dialect, name, () => {
    const deployed = async (zone: string) => {
      const deployment = await inZone(zone, () => deploy(shape));
      onTestFinished(() => deployment.database.drop());
      for (const statement of prepare) await deployment.database.query(statement);
      // The expiry as the application itself writes it.
      const aged = await inZone(zone, async () => {
        const made = await signInAged(
          deployment,
          'ada@example.com',
          ages.map(() => hour),
        );
        const { internalAdapter } = await deployment.app.$context;
        for (const [at, age] of ages.entries())
          await internalAdapter.updateSession(made.signIns[at]?.token ?? '', {
            expiresAt: new Date(Date.now() + age),
          });
        return made;
      });
      const left = async () =>
        (await inZone(zone, truthsOf(deployment, [aged.person]))).map(({ token }) => token);
      return { deployment, ...aged, left };
    };

    it.each(zones)(
      'an application in %s: with its zone named, exactly what has expired goes',
      async (zone) => {
        const { deployment, signIns, left } = await deployed(zone);
        const operator = operatorOn(deployment.database.url, { timeZone: zone });
        const expected = signIns.filter((_, at) => (ages[at] ?? 0) > 0).map(({ token }) => token);
        expect(await sweepWith(operator)).toMatchObject({ deleted: 5, remaining: 0 });
        expect((await left()).sort()).toEqual([...expected].sort());
        const alive = ages.map((age) => age > 0);
        expect(await inZone(zone, () => areIn(deployment, signIns))).toEqual(alive);
      },
    );

    it.each(zones)('an application in %s: without, nothing that lives goes', async (zone) => {
      const { deployment, signIns, left } = await deployed(zone);
      const operator = operatorOn(deployment.database.url);
      const ran = await operator.run(['sweep']);
      expect(ran.code, ran.stderr).toBe(0);
      expect(ran.stderr).toMatch(
        /stored without a zone.*12 h after they seem to have expired; set the zone with --time-zone/,
      );
      const kept = await left();
      const youngest = signIns.filter((_, at) => (ages[at] ?? 0) > 0).map(({ token }) => token);
      expect(kept).toEqual(expect.arrayContaining(youngest));
      expect(kept).not.toContain(signIns[0]?.token);
      expect(await inZone(zone, () => areIn(deployment, signIns))).toEqual(ages.map((age) => age > 0));
    });
  });
}

describe('where the zone is not known', () => {
  it.each(['mysql: Prisma, datetime(3)', 'postgresql: Drizzle, timestamp, snake case'])(
    '%s: nothing younger than 12 h after its seeming expiry goes',
    async (name) => {
      const shape = named(name);
      const deployment = await deploy(shape);
      onTestFinished(() => deployment.database.drop());
      const margins = [-12 * hour - 5 * second, -12 * hour + 30 * second, -hour];
      const { signIns, person } = await signInAged(deployment, 'ada@example.com', margins);
      expect(await sweepWith(operatorOn(deployment.database.url))).toMatchObject({
        deleted: 1,
        remaining: 0,
      });
      const left = await truthsOf(deployment, [person])();
      expect(left.map(({ token }) => token).sort()).toEqual(
        signIns
          .slice(1)
          .map(({ token }) => token)
          .sort(),
      );
    },
  );
});

describe('the hour that occurs twice', () => {
  // As a test cannot wait for autumn, the grace leads back to it.
  const cases = [
    { title: 'PostgreSQL', shape: named('postgresql: Drizzle, timestamp, snake case') },
    { title: 'MariaDB', shape: named('mysql: Prisma, datetime(3)') },
  ] as const;

  for (const { title, shape } of cases) {
    describeOn(shape.dialect, title, () => {
      it('a session of its second time is kept until that is over', async () => {
        const deployment: Deployment = await deploy(shape);
        onTestFinished(() => deployment.database.drop());
        const { query } = deployment.database;
        // 01:30 of 2026-11-01 in New York was 05:30Z and 06:30Z: the first is over, the second may be to come.
        const walls = ['00:29:00', '00:31:00', '01:29:00', '01:59:59'];
        const { signIns } = await signInAged(
          deployment,
          'ada@example.com',
          walls.map(() => hour),
        );
        for (const [at, wall] of walls.entries())
          await query(
            `UPDATE ${shape.table('session')} SET ${shape.column('expiresAt')} = '2025-11-02 ${wall}'
              WHERE ${shape.column('token')} = '${signIns[at]?.token ?? ''}'`,
          );
        const operator = operatorOn(deployment.database.url, { timeZone: 'America/New_York' });
        const left = async () =>
          (
            await query(
              `SELECT ${shape.column('expiresAt')} AS expiry FROM ${shape.table('session')} ORDER BY expiry`,
            )
          ).length;
        // The clock is set back at 06:00Z.
        const graceUntil = (instant: string) => [
          '--grace',
          `${String(Math.round((Date.now() - Date.parse(instant)) / second))}s`,
        ];
        await sweepWith(operator, ...graceUntil('2025-11-02T05:30:00Z'));
        expect(await left(), 'all that the clock may show again').toBe(3);
        await sweepWith(operator, ...graceUntil('2025-11-02T05:59:00Z'));
        expect(await left()).toBe(2);
        await sweepWith(operator, ...graceUntil('2025-11-02T06:28:00Z'));
        expect(await left()).toBe(2);
        await sweepWith(operator, ...graceUntil('2025-11-02T06:30:00Z'));
        expect(await left()).toBe(1);
        await sweepWith(operator, ...graceUntil('2025-11-02T07:00:00Z'));
        expect(await left()).toBe(0);
      });
    });
  }
});
