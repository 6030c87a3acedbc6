import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { everySession, type SignIn, type Truth } from '../support/app.ts';
import type { Row } from '../support/databases.ts';
import { dumpTables } from '../support/dump.ts';
import { inZone } from '../support/in-zone.ts';
import { operatorOn, secretsOf, type Operator } from '../support/operator.ts';
import { populate, type Population } from '../support/population.ts';
import { describeOn } from '../support/servers.ts';
import { deploy, named, type Deployment, type Shape } from '../support/shapes.ts';

interface Kept {
  readonly name: string;
  readonly shape: Shape;
  /** Where the application lives, and what the operator says of it. */
  readonly zone: string;
  /** Run on the fresh tables. */
  readonly prepare: readonly string[];
  /** A moment says of itself which one it is. */
  readonly zoneKnown: boolean;
}

const kept = (shape: Shape, more: Partial<Kept> = {}): Kept => ({
  name: shape.name,
  shape,
  zone: 'UTC',
  prepare: [],
  zoneKnown: shape.dialect === 'sqlite' || shape.name === 'postgresql: own adapter',
  ...more,
});
const localMysql: Shape = { ...named('mysql: own adapter'), databaseOptions: { mysqlTimeZone: 'local' } };
const onUpdate = (...columns: readonly string[]) =>
  columns.map(
    (column) =>
      `ALTER TABLE session MODIFY ${column} timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)`,
  );

const deployments: readonly Kept[] = [
  kept(named('postgresql: own adapter')),
  kept(named('postgresql: Drizzle, timestamp, snake case')),
  kept(named('postgresql: Prisma, timestamp(3)')),
  kept(named('mysql: own adapter')),
  kept(named('mysql: Prisma, datetime(3)')),
  kept(named('mysql: own adapter'), {
    name: 'mysql: updatedAt with ON UPDATE CURRENT_TIMESTAMP',
    prepare: onUpdate('updatedAt'),
  }),
  kept(named('mysql: own adapter'), {
    name: 'mysql: all times with ON UPDATE CURRENT_TIMESTAMP',
    prepare: onUpdate('expiresAt', 'createdAt', 'updatedAt'),
  }),
  kept(localMysql, { name: 'mysql: an application in Kolkata', zone: 'Asia/Kolkata' }),
  kept(localMysql, { name: 'mysql: an application in New York', zone: 'America/New_York' }),
  kept(named('sqlite: own adapter')),
  kept(named('sqlite: Drizzle, integer milliseconds, snake case')),
  kept(named('sqlite: Drizzle, integer seconds, usePlural')),
  kept(named('sqlite: Prisma, text with an offset')),
];

const second = 1000;

describe('a row that is kept as a record', () => {
  for (const { name, shape, zone, prepare, zoneKnown } of deployments) {
    describeOn(shape.dialect, name, () => {
      let deployment: Deployment;
      let population: Population;
      let operator: Operator;
      let signIns: readonly SignIn[];
      const expiry = shape.column('expiresAt').replace(/["`]/g, '');
      const table = shape.table('session').replace(/["`]/g, '');

      beforeAll(async () => {
        await inZone(zone, async () => {
          deployment = await deploy(shape);
          for (const statement of prepare) await deployment.database.query(statement);
          population = await populate(deployment);
        });
        signIns = population.signIns.flat();
        operator = operatorOn(deployment.database.url, {
          ...shape.profile,
          preserveInDatabase: true,
          timeZone: zone,
        });
        await deployment.database.query(`CREATE TABLE saved AS SELECT * FROM ${shape.table('session')}`);
      });
      beforeEach(async () => {
        await deployment.database.query(`DELETE FROM ${shape.table('session')}`);
        await deployment.database.query(`INSERT INTO ${shape.table('session')} SELECT * FROM saved`);
      });
      afterAll(async () => {
        await deployment.database.drop();
      });

      const truths = () =>
        inZone(zone, () =>
          everySession(
            deployment.app,
            population.people.map(({ id }) => id),
          ),
        );
      const reported = async (...words: readonly string[]): Promise<unknown> => {
        const ran = await operator.run([...words, '--json']);
        expect(ran.code, ran.stderr).toBe(0);
        return JSON.parse(ran.stdout);
      };
      /** Whether Better Auth lets each of the cookies in; it removes what has expired. */
      const areIn = () =>
        inZone(zone, () =>
          Promise.all(
            signIns.map(async ({ cookie }) => {
              const query = { disableRefresh: true };
              return (await deployment.app.api.getSession({ headers: { cookie }, query })) !== null;
            }),
          ),
        );
      const idOf = (row: Row) => String(row['id']);

      /** Exactly these rows have another expiry, which is the present; nothing else in the database differs. */
      const endsOnly = async (doomed: readonly Truth[], run: () => Promise<void>) => {
        const all = await truths();
        const before = await dumpTables(deployment.database);
        const begun = Date.now();
        await run();
        const ended = Date.now();
        const after = await dumpTables(deployment.database);
        const ids = new Set(doomed.map(({ id }) => id));
        const sorted = (rows: readonly Row[] = []) => [...rows].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
        const forgotten = (rows: readonly Row[] = []) =>
          sorted(rows).map((row) => (ids.has(idOf(row)) ? { ...row, [expiry]: 'changed' } : row));
        expect({ ...after, [table]: forgotten(after[table]) }).toEqual({
          ...before,
          [table]: forgotten(before[table]),
        });
        for (const truth of await truths()) {
          const old = all.find(({ id }) => id === truth.id)?.expiresAt;
          if (ids.has(truth.id)) {
            expect(truth.expiresAt.getTime()).toBeGreaterThan(begun - 2 * second);
            expect(truth.expiresAt.getTime()).toBeLessThanOrEqual(ended);
          } else expect(truth.expiresAt).toEqual(old);
        }
        expect(await areIn()).toEqual(
          signIns.map(({ token }) => {
            const truth = all.find((one) => one.token === token);
            if (truth === undefined) throw new Error('a sign-in has no session');
            return truth.expiresAt.getTime() > ended && !ids.has(truth.id);
          }),
        );
      };
      const isAlive = ({ expiresAt }: Truth) => expiresAt.getTime() > Date.now();

      it('expires at present, and those that had expired keep their moment', async () => {
        const [ada] = population.people;
        const words = ['revoke-all', '--user', ada?.id ?? '', '--yes'];
        const doomed = (await truths()).filter((truth) => truth.userId === ada?.id && isAlive(truth));
        expect(doomed.length).toBeGreaterThan(1);
        const matched = doomed.length;
        await endsOnly(doomed, async () => {
          const counts = { matched, users: 1, states: { active: matched, expired: 0 }, arrivedLater: 0 };
          const plan = await reported(...words.slice(0, -1), '--dry-run');
          expect(plan).toMatchObject({ ...counts, remaining: matched, effectiveAt: null });
          expect(await reported(...words)).toMatchObject({
            ...counts,
            revoked: matched,
            remaining: 0,
            survivors: [],
          });
          // Everything that it could end is a record by now.
          expect(await reported(...words)).toMatchObject({ matched: 0, revoked: 0, remaining: 0 });
        });
      });

      it('--everyone', async () => {
        const doomed = (await truths()).filter(isAlive);
        expect(doomed.length).toBeGreaterThan(4);
        const matched = doomed.length;
        await endsOnly(doomed, async () => {
          const words = ['revoke-all', '--everyone', '--yes'];
          expect(await reported(...words)).toMatchObject({
            matched,
            revoked: matched,
            users: 3,
            remaining: 0,
          });
          expect(await reported(...words)).toMatchObject({ matched: 0, revoked: 0, remaining: 0 });
        });
      });

      it('named by its id, also where it had expired', async () => {
        const all = await truths();
        const [alive] = all.filter(isAlive);
        const [expired] = all.filter((truth) => !isAlive(truth));
        if (alive === undefined || expired === undefined) throw new Error('there are some of each');
        await endsOnly([alive], async () => {
          expect(await reported('revoke', alive.id, expired.id, '--yes')).toMatchObject({
            matched: 1,
            revoked: 1,
            remaining: 0,
            notFound: [],
          });
        });
      });

      it('--until-quiet comes to an end', async () => {
        const [, , grace] = population.people;
        const doomed = (await truths()).filter((truth) => truth.userId === grace?.id);
        await endsOnly(doomed, async () => {
          const words = ['revoke-all', '--user', grace?.id ?? '', '--until-quiet', '--yes'];
          expect(await reported(...words)).toMatchObject({ matched: 1, revoked: 1, remaining: 0 });
        });
      });

      it('the plan says that rows are kept', async () => {
        const { stdout, code } = await operator.run(['revoke-all', '--everyone', '--dry-run']);
        expect(code).toBe(0);
        expect(stdout.replace(/\s+/g, ' ')).toContain('The rows are kept as records (preserve_in_database)');
      });

      it('is nothing to end, so that --state expired is refused', async () => {
        const before = await dumpTables(deployment.database);
        const words = ['revoke-all', '--everyone', '--state', 'expired', '--yes'];
        expect(await operator.run(words)).toMatchObject({ code: 2, stdout: '' });
        expect(await dumpTables(deployment.database)).toEqual(before);
      });

      it(
        zoneKnown
          ? 'needs no zone where the column says which moment it means'
          : 'is refused where the zone is not known',
        async () => {
          const untold = operatorOn(deployment.database.url, { ...shape.profile, preserveInDatabase: true });
          const before = await dumpTables(deployment.database);
          for (const words of [
            ['revoke-all', '--everyone'],
            ['revoke', (await truths()).find(isAlive)?.id ?? ''],
          ]) {
            const ran = await untold.run([...words, '--yes']);
            expect(ran.code, ran.stderr).toBe(zoneKnown ? 0 : 3);
            if (zoneKnown) continue;
            expect(ran.stderr).toMatch(/time_zone|--time-zone/);
            expect(await dumpTables(deployment.database)).toEqual(before);
            expect(untold.history()).toEqual([]);
          }
          if (zoneKnown) return;
          const told = await untold.run(['revoke-all', '--everyone', '--yes', '--time-zone', zone]);
          expect(told.code, told.stderr).toBe(0);
          expect(await areIn()).toEqual(signIns.map(() => false));
          expect(untold.sawAny(signIns.flatMap(secretsOf))).toEqual([]);
        },
      );

      it('and no token is seen', () => {
        expect(operator.sawAny(signIns.flatMap(secretsOf))).toEqual([]);
        expect(operator.history().every(({ event }) => event === 'started' || event === 'finished')).toBe(
          true,
        );
      });
    });
  }
});
