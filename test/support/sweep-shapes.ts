import { toInstant } from '../../src/sessions/instant.ts';
import { expiredBy } from '../../src/sessions/sweep.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SignIn } from './app.ts';
import { operatorOn, secretsOf, type Operator } from './operator.ts';
import { populate, updateSession, type Population } from './population.ts';
import { describeOn } from './servers.ts';
import { deploy, type Deployment, type Shape } from './shapes.ts';
import {
  areIn,
  day,
  hour,
  removesExactly,
  second,
  signInAged,
  sweepWith,
  truthsOf,
  withStoreOf,
} from './sweeping.ts';

/** On both sides of every moment that decides; milliseconds from now. */
const ages = [
  -7 * day,
  -36 * hour,
  -12 * hour - 60 * second,
  -12 * hour + 60 * second,
  -11 * hour,
  -second,
  60 * second,
  11 * hour,
  7 * day,
];

/** A moment says of itself which one it is. */
const saysZone = (shape: Shape) =>
  shape.dialect === 'sqlite' || (shape.dialect === 'postgresql' && shape.name.includes('own adapter'));

/** A suite for each of the shapes. */
export function describeSweepsOf(some: readonly Shape[]): void {
  for (const shape of some) {
    describeOn(shape.dialect, shape.name, () => {
      let deployment: Deployment;
      let population: Population;
      let signIns: readonly SignIn[];
      let operator: Operator;
      let truths: ReturnType<typeof truthsOf>;

      /** The tokens of the sign-ins that have a row. */
      const living = async () => {
        const rows = await deployment.database.query(`SELECT * FROM ${shape.table('session')}`);
        const values = new Set(rows.flatMap((row) => Object.values(row)));
        return signIns.map(({ token }) => token).filter((token) => values.has(token));
      };

      beforeAll(async () => {
        deployment = await deploy(shape);
        const aged = shape.withoutUsers ? undefined : await signInAged(deployment, 'old@example.com', ages);
        population = await populate(deployment);
        signIns = [...population.signIns.flat(), ...(aged?.signIns ?? [])];
        truths = truthsOf(deployment, [...population.people, ...(aged === undefined ? [] : [aged.person])]);
        operator = operatorOn(deployment.database.url, { ...shape.profile, timeZone: 'UTC' });
      });
      afterAll(() => deployment.database.drop());

      it('what has expired is deleted, and nothing else', async () => {
        const expiredBy = ({ expiredBy: at }: { readonly expiredBy: string }) => Date.parse(at);
        const graced = await removesExactly(truths, expiredBy, () =>
          sweepWith(operator, '--grace', '34h', '--limit', '1000'),
        );
        expect(graced).toMatchObject({ remaining: 0, graceMs: 34 * hour, stoppedBecause: 'complete' });
        expect(graced.deleted).toBeGreaterThan(0);

        const untold = operatorOn(deployment.database.url, shape.profile);
        const margin = saysZone(shape) ? 0 : 12 * hour;
        const swept = await removesExactly(truths, expiredBy, () => sweepWith(untold));
        expect(Date.parse(swept.startedAt) - Date.parse(swept.expiredBy)).toBe(margin);
        expect(swept.deleted).toBeGreaterThan(0);

        const last = await removesExactly(truths, expiredBy, () => sweepWith(operator));
        expect(last.deleted > 0).toBe(margin > 0);
        expect(last).toMatchObject({
          remaining: 0,
          way: 'walk',
          expiredBy: last.startedAt,
          uncertain: false,
        });

        const left = await truths();
        expect(left.length).toBeGreaterThan(3);
        expect(left.filter(({ expiresAt }) => expiresAt.getTime() < Date.parse(last.startedAt))).toEqual([]);
        if (!shape.withoutUsers) {
          expect(await areIn(deployment, signIns)).toEqual(
            signIns.map(({ token }) => left.some((truth) => truth.token === token)),
          );
        }
        expect(operator.sawAny(signIns.flatMap(secretsOf))).toEqual([]);
        expect(untold.sawAny(signIns.flatMap(secretsOf))).toEqual([]);
      });

      // No command can be given the moment, since the database's clock counts, so the store is asked itself.
      it('what expires at the very moment is kept, and a moment earlier it is deleted', async () => {
        const tokens = (await living()).slice(0, 3);
        // Some columns hold whole seconds.
        const moment = Math.floor(Date.now() / second) * second - 30 * day;
        for (const [at, token] of tokens.entries())
          await updateSession(deployment, token, { expiresAt: new Date(moment + (at - 1) * second) });
        await withStoreOf(operator, async (store) => {
          const selection = expiredBy(toInstant(moment));
          expect(await store.lookAgain(selection, 0)).toMatchObject({ sessions: 1 });
          let ended = 0;
          const options = { preserveAt: null, offlineTokens: false, atMost: null, remark: () => undefined };
          for await (const batch of store.end(selection, options)) ended += batch.sessions;
          expect(ended).toBe(1);
        });
        const left = await living();
        expect(tokens.map((token) => left.includes(token))).toEqual([false, true, true]);
        for (const token of tokens)
          await updateSession(deployment, token, { expiresAt: new Date(Date.now() + day) });
      });

      it('so is what expires a moment later, while a time that means nothing stays', async () => {
        const [first = '', another = ''] = await living();
        const { query } = deployment.database;
        await updateSession(deployment, first, { expiresAt: new Date(Date.now() - 2 * second) });
        const strange = shape.dialect === 'sqlite' ? `'never'` : null;
        if (strange !== null)
          await query(
            `UPDATE ${shape.table('session')} SET ${shape.column('expiresAt')} = ${strange}
              WHERE ${shape.column('token')} = '${another}'`,
          );
        const report = await operator.run(['sweep', '--json']);
        expect(report.code, report.stderr).toBe(0);
        expect(JSON.parse(report.stdout)).toMatchObject({
          deleted: 1,
          remaining: 0,
          unreadable: strange === null ? 0 : 1,
        });
        expect(await living()).toContain(another);
      });
    });
  }
}
