import { expect, it } from 'vitest';
import { signIn, signUp, type SignIn } from '../../support/app.ts';
import { operatorOn, type Operator } from '../../support/operator.ts';
import { updateSession } from '../../support/population.ts';
import {
  deploySecondary,
  whichAnswer,
  type Mode,
  type SecondaryDeployment,
} from '../../support/secondary.ts';
import { describeWithRedis, type Dialect } from '../../support/servers.ts';

const day = 86_400_000;

const places: readonly (readonly [Dialect, Mode])[] = [
  ['postgresql', 'both'],
  ['mysql', 'both'],
  ['sqlite', 'both'],
  ['postgresql', 'secondary only'],
];

interface Age {
  /** In days ago. */
  readonly signedIn: number;
  readonly updated: number;
  /** In days from now on. */
  readonly expires: number;
}

/** Better Auth up to 1.2.8 wrote the last use into the expiry alone. */
const earlier: Readonly<Record<string, Age>> = {
  daily: { signedIn: 20, updated: 20, expires: 6.5 },
  weekly: { signedIn: 30, updated: 30, expires: 3.5 },
  gone: { signedIn: 6, updated: 6, expires: 1 },
  new: { signedIn: 0.1, updated: 0.1, expires: 6.9 },
};

for (const [dialect, mode] of places) {
  describeWithRedis(dialect, `activity, ${dialect}, ${mode}`, () => {
    /** Signs people in, and then lets time pass for their sessions in every place. */
    async function populate(deployment: SecondaryDeployment, ages: Readonly<Record<string, Age>>) {
      const { app, space } = deployment;
      const signIns = new Map<string, SignIn>();
      for (const [who, { signedIn, updated, expires }] of Object.entries(ages)) {
        const own = await signIn(app, await signUp(app, who, `${who}@example.com`), {
          ip: '192.0.2.1',
          userAgent: 'Firefox',
        });
        signIns.set(who, own);
        const times = {
          createdAt: new Date(Date.now() - signedIn * day),
          updatedAt: new Date(Date.now() - updated * day),
          expiresAt: new Date(Date.now() + expires * day),
        };
        const { session, ...rest } = JSON.parse((await space.get(own.token)) ?? '') as { session: object };
        const value = JSON.stringify({ session: { ...session, ...times }, ...rest });
        await space.set(own.token, value, Math.round(expires * 86_400));
        if (mode === 'both') await updateSession(deployment, own.token, times);
      }
      return signIns;
    }

    const namesIn = async (operator: Operator, ...words: readonly string[]) => {
      const { code, stdout, stderr } = await operator.run(['list', '--json', ...words]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const listed = JSON.parse(stdout) as readonly Readonly<Record<string, string>>[];
      return listed.map(({ userEmail = '' }) => userEmail.replace('@example.com', ''));
    };

    it('with a Better Auth that leaves updatedAt as it is', async () => {
      const deployment = await deploySecondary({ dialect, mode, storage: 'official' });
      try {
        const { app, space, database, profile } = deployment;
        const signIns = await populate(deployment, earlier);
        // Redis has lost these: their rows are sessions all the same.
        const lost = mode === 'both' ? ['weekly', 'daily'] : [];
        for (const who of lost) await space.unlink(signIns.get(who)?.token ?? '');
        const unaware = operatorOn(database.url, profile);
        for (const words of [
          ['list', '--active-after', '2d'],
          ['revoke-all', '--idle-since', '2d', '--yes'],
        ]) {
          const refused = await unaware.run(words);
          expect(refused).toMatchObject({ code: 3 });
          expect(refused.stderr).toContain('expires_in');
        }

        const operator = operatorOn(database.url, { ...profile, expiresIn: '7d' });
        expect(await namesIn(operator)).toEqual(['new', 'daily', 'weekly', 'gone']);
        expect(await namesIn(operator, '--sort', 'lastActiveAt:asc', '--limit', '2')).toEqual([
          'gone',
          'weekly',
        ]);
        expect(await namesIn(operator, '--idle-since', '2d')).toEqual(['weekly', 'gone']);
        expect(await namesIn(operator, '--active-after', '2d')).toEqual(['new', 'daily']);
        const done = await operator.run(['revoke-all', '--idle-since', '2d', '--yes', '--json']);
        expect(done).toMatchObject({ code: 0 });
        expect(JSON.parse(done.stdout)).toMatchObject({ matched: 2, revoked: 2, remaining: 0 });
        const answering = await whichAnswer(app, [...signIns.values()]);
        expect(answering).toEqual([signIns.get('daily'), signIns.get('new')]);
      } finally {
        await deployment.drop();
      }
    });

    it('with the Better Auth of today nothing is refused', async () => {
      const deployment = await deploySecondary({ dialect, mode, storage: 'official' });
      try {
        const { app, database, profile } = deployment;
        const signIns = await populate(deployment, {
          refreshed: { signedIn: 3.3, updated: 3.3, expires: 3.7 },
          idle: { signedIn: 6.2, updated: 6.2, expires: 0.8 },
          fresh: { signedIn: 0.1, updated: 0.1, expires: 6.9 },
          brief: { signedIn: 0.4, updated: 0.4, expires: 0.6 },
        });
        await app.api.getSession({ headers: { cookie: signIns.get('refreshed')?.cookie ?? '' } });
        for (const more of [{}, { expiresIn: '7d' }]) {
          const operator = operatorOn(database.url, { ...profile, ...more });
          expect(await namesIn(operator, '--idle-since', '2d')).toEqual(['idle']);
          expect(await namesIn(operator, '--active-after', '2d')).toEqual(['refreshed', 'fresh', 'brief']);
        }
      } finally {
        await deployment.drop();
      }
    });
  });
}
