import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everySession, liveSessions } from '../support/app.ts';
import { byId, expectedList, populate, usePlugins, type Population } from '../support/population.ts';
import { runSessionctl, writeConfig } from '../support/run-sessionctl.ts';
import { describeOn } from '../support/servers.ts';
import { deploy, shapes, type Deployment } from '../support/shapes.ts';

type Listed = Readonly<Record<string, unknown>>;

describe.concurrent('list says what Better Auth says', () => {
  for (const shape of shapes) {
    describeOn(shape.dialect, shape.name, () => {
      let deployment: Deployment;
      let population: Population;
      let expected: readonly Listed[];
      let secrets: readonly string[];

      beforeAll(async () => {
        deployment = await deploy(shape);
        population = await populate(deployment);
        if (shape.name.includes('plugins')) await usePlugins(deployment, population);
        expected = await expectedList(deployment, population);
        secrets = (await truths()).map(({ token }) => token);
      });
      afterAll(async () => {
        await deployment.database.drop();
      });

      const truths = () =>
        everySession(
          deployment.app,
          population.people.map(({ id }) => id),
        );

      /** Runs sessionctl on the deployment, with a configuration where the shape needs one. */
      const run = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
        const { url } = deployment.database;
        const where = shape.profile === undefined ? ['--url', url] : ['--config', writeConfig(shape.profile)];
        const result = await runSessionctl([...where, ...args], { env: { DATABASE_URL: url, ...env } });
        for (const secret of secrets) expect(result.stdout + result.stderr).not.toContain(secret);
        return result;
      };

      const list = async (...args: readonly string[]): Promise<readonly Listed[]> => {
        const { code, stdout, stderr } = await run(['list', '--json', ...args]);
        expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringMatching(/error/i) as unknown });
        return JSON.parse(stdout) as Listed[];
      };

      it('is stored the way its name says', async ({ expect }) => {
        const text = { postgresql: 'text', mysql: 'char', sqlite: 'text' }[shape.dialect];
        const rows = await deployment.database.query(
          `SELECT CAST(${shape.column('expiresAt')} AS ${text}) AS expiry FROM ${shape.table('session')}`,
        );
        expect(rows).toHaveLength(expected.length);
        for (const row of rows) expect(row['expiry']).toMatch(shape.storedExpiry);
      });

      it('every session, field by field and to the millisecond, in any time zone', async ({ expect }) => {
        const [here, west, east] = await Promise.all([
          run(['list', '--json', '--state', 'all']),
          run(['list', '--json', '--state', 'all'], { TZ: 'America/Los_Angeles' }),
          run(['list', '--json', '--state', 'all'], { TZ: 'Asia/Kolkata' }),
        ]);
        expect(here).toMatchObject({ code: 0 });
        const listed = JSON.parse(here.stdout) as Listed[];
        expect(byId(listed)).toMatchObject(expected);
        expect(listed).toHaveLength(expected.length);
        const activity = listed.map((session) => String(session['updatedAt']));
        expect(activity, 'newest activity first').toEqual([...activity].sort().reverse());

        expect(west.stdout).toBe(here.stdout);
        expect(east.stdout).toBe(here.stdout);
      });

      it('the live ones alone by default', async ({ expect }) => {
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
});
