import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { everySession, liveSessions } from './app.ts';
import { inZone } from './in-zone.ts';
import { operatorOn, type Operator } from './operator.ts';
import { byId, expectedList, populate, usePlugins, type Population } from './population.ts';
import { describeOn } from './servers.ts';
import { deploy, type Deployment, type Shape } from './shapes.ts';

type Listed = Readonly<Record<string, unknown>>;

const zones = ['America/Los_Angeles', 'Asia/Kolkata'] as const;

/** A suite for each of the shapes. */
export function describeListsOf(some: readonly Shape[]): void {
  for (const shape of some) {
    describeOn(shape.dialect, shape.name, () => {
      let deployment: Deployment;
      let population: Population;
      let operator: Operator;
      let expected: readonly Listed[];
      let secrets: readonly string[];

      beforeAll(async () => {
        deployment = await deploy(shape);
        population = await populate(deployment);
        if (shape.name.includes('plugins')) await usePlugins(deployment, population);
        expected = await expectedList(deployment, population);
        secrets = (await truths()).map(({ token }) => token);
        operator = operatorOn(deployment.database.url, shape.profile);
      });
      afterAll(async () => {
        await deployment.database.drop();
      });

      const truths = () =>
        everySession(
          deployment.app,
          population.people.map(({ id }) => id),
        );

      const list = async (...args: readonly string[]): Promise<readonly Listed[]> => {
        const { code, stdout, stderr } = await operator.run(['list', '--json', ...args]);
        expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringMatching(/error/i) as unknown });
        return JSON.parse(stdout) as Listed[];
      };

      afterEach(() => {
        expect(operator.sawAny(secrets)).toEqual([]);
      });

      it('is stored the way its name says', async () => {
        const text = { postgresql: 'text', mysql: 'char', sqlite: 'text' }[shape.dialect];
        const rows = await deployment.database.query(
          `SELECT CAST(${shape.column('expiresAt')} AS ${text}) AS expiry FROM ${shape.table('session')}`,
        );
        expect(rows).toHaveLength(expected.length);
        for (const row of rows) expect(row['expiry']).toMatch(shape.storedExpiry);
      });

      it('as a count', async () => {
        const [ada] = population.people;
        const own = expected.filter(({ userId }) => userId === ada?.id);
        const counted = (...words: readonly string[]) =>
          operator.run(['list', '--state', 'all', '-o', 'count', ...words]);
        expect(await counted()).toMatchObject({ code: 0, stdout: `${String(expected.length)}\n` });
        expect(await counted('--user', String(ada?.id))).toMatchObject({
          code: 0,
          stdout: `${String(own.length)}\n`,
        });
      });

      if (!shape.withoutUsers) {
        it('of a user as `show` prints one, with spaces around it', async () => {
          const [ada] = population.people;
          if (ada === undefined) throw new Error('nobody signed up');
          const own = expected.filter(({ userId }) => userId === ada.id);
          const listed = await list('--state', 'all', '--user', ` ${ada.name} <${ada.email}>\t`);
          expect(listed.map(({ id }) => id).sort()).toEqual(own.map(({ id }) => id).sort());
          expect(own).not.toEqual([]);
          expect(own.length).toBeLessThan(expected.length);
        });
      }

      it('every session, field by field and to the millisecond, in any time zone', async () => {
        const words = ['list', '--json', '--state', 'all'];
        const here = await operator.run(words);
        expect(here).toMatchObject({ code: 0 });
        const listed = JSON.parse(here.stdout) as Listed[];
        expect(byId(listed)).toMatchObject(expected);
        expect(listed).toHaveLength(expected.length);
        const activity = listed.map((session) => String(session['updatedAt']));
        expect(activity, 'newest activity first').toEqual([...activity].sort().reverse());

        for (const zone of zones)
          expect((await inZone(zone, () => operator.run(words))).stdout, zone).toBe(here.stdout);
      });

      if (shape.name.endsWith('own adapter')) {
        it('the same from a process that was started in another time zone', async () => {
          const words = ['list', '--json', '--state', 'all'];
          const [here, ...elsewhere] = await Promise.all([
            operator.run(words),
            ...zones.map((TZ) => operator.runBinary(words, { env: { TZ } })),
          ]);
          expect(here).toMatchObject({ code: 0 });
          for (const { stdout } of elsewhere) expect(stdout).toBe(here.stdout);
        });
      }

      it('the live ones alone by default', async () => {
        const now = Date.now();
        const unexpired = (await truths()).filter((truth) => truth.expiresAt.getTime() > now);
        // The admin plugin hides the sessions that it opened from their users; an administrator has to see them.
        const hidden = unexpired.filter((truth) => truth.impersonatedBy !== null);
        const live = shape.withoutUsers
          ? unexpired
          : [
              ...(
                await Promise.all(population.cookies.map((cookie) => liveSessions(deployment.app, cookie)))
              ).flat(),
              ...hidden,
            ];
        const listed = await list();
        expect(listed.map((session) => session['id']).sort()).toEqual(live.map(({ id }) => id).sort());
        expect(new Set(listed.map((session) => session['state']))).toEqual(new Set(['active']));
        expect(live.length).toBeGreaterThan(0);
        expect(live.length).toBeLessThan(expected.length);
      });
    });
  }
}
