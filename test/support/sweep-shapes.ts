import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SignIn } from './app.ts';
import { operatorOn, secretsOf, type Operator } from './operator.ts';
import { populate, updateSession, type Population } from './population.ts';
import { describeOn } from './servers.ts';
import { deploy, type Deployment, type Shape } from './shapes.ts';
import { areIn, day, hour, removesExactly, second, signInAged, sweepWith, truthsOf } from './sweeping.ts';

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

      it('so is what expires a moment later, while a time that means nothing stays', async () => {
        const [first, another] = signIns.filter((_, at) => at < 2);
        const { query } = deployment.database;
        await updateSession(deployment, first?.token ?? '', { expiresAt: new Date(Date.now() - 2 * second) });
        const strange = shape.dialect === 'sqlite' ? `'never'` : null;
        if (strange !== null)
          await query(
            `UPDATE ${shape.table('session')} SET ${shape.column('expiresAt')} = ${strange}
              WHERE ${shape.column('token')} = '${another?.token ?? ''}'`,
          );
        const report = await operator.run(['sweep', '--json']);
        expect(report.code, report.stderr).toBe(0);
        expect(JSON.parse(report.stdout)).toMatchObject({
          deleted: 1,
          remaining: 0,
          unreadable: strange === null ? 0 : 1,
        });
        const left = await deployment.database.query(`SELECT * FROM ${shape.table('session')}`);
        expect(left.some((row) => Object.values(row).includes(another?.token))).toBe(true);
      });
    });
  }
}
