import { expect, it } from 'vitest';
import { signIn, signUp } from '../../support/app.ts';
import type { SqliteDatabase } from '../../support/databases.ts';
import { operatorOn } from '../../support/operator.ts';
import { missingRedisServer, startPrivateRedis } from '../../support/private-redis.ts';
import { keySpaceIn } from '../../support/redis.ts';
import {
  deploySecondary,
  storedTokens,
  whichAnswer,
  type SecondaryOptions,
} from '../../support/secondary.ts';
import { describeOnRedis, describeUnless } from '../../support/servers.ts';

const past = new Date(Date.now() - 86_400_000).toISOString();

async function expiredVerification({ query }: Pick<SqliteDatabase, 'query'>): Promise<void> {
  await query(
    'CREATE TABLE verification (id text primary key, identifier text, value text, "expiresAt" date, "createdAt" date, "updatedAt" date)',
  );
  await query(`INSERT INTO verification VALUES ('v1', 'i', 'v', '${past}', '${past}', '${past}')`);
}

/** Ada has signed in three times. */
async function signedIn(options: Partial<SecondaryOptions> = {}) {
  const deployment = await deploySecondary({
    dialect: 'sqlite',
    mode: 'both',
    storage: 'official',
    ...options,
  });
  const { app, database, profile } = deployment;
  const ada = await signUp(app, 'Ada', 'ada@example.com');
  const client = { ip: '192.0.2.1', userAgent: 'Firefox' };
  const signIns = [
    await signIn(app, ada, client),
    await signIn(app, ada, client),
    await signIn(app, ada, client),
  ] as const;
  return { deployment, signIns, operator: operatorOn(database.url, profile) };
}

describeOnRedis('a sweep of both places', () => {
  const ways = [['sweep'], ['sweep', '--offline']] as const;
  it.concurrent.for(ways)(
    '%s: keeps an expired row whose session Redis holds alive',
    async (words, { onTestFinished }) => {
      const { deployment, signIns, operator } = await signedIn();
      onTestFinished(deployment.drop);
      const { app, database, shape, space } = deployment;
      const [alive, unread, dead] = signIns;
      // The application's write to the database failed, and the one to Redis did not.
      await database.query(`UPDATE ${shape.table('session')} SET ${shape.column('expiresAt')} = '${past}'`);
      await space.set(unread.token, 'nothing that is known', 3600);
      await space.set(
        dead.token,
        ((await space.get(dead.token)) ?? '').replace(/"expiresAt":"[^"]+"/, `"expiresAt":"${past}"`),
      );
      await expiredVerification(database);
      expect(await operator.run([...words, '--dry-run', '--json'])).toMatchObject({
        stderr: expect.stringContaining(
          '2 expired rows are kept, since Redis holds their sessions',
        ) as string,
      });
      const done = await operator.run([...words, '--json', '--verifications']);
      expect(done.code, done.stderr).toBe(0);
      expect(JSON.parse(done.stdout)).toMatchObject({
        deleted: 1,
        remaining: 0,
        verifications: 1,
        remainingVerifications: 0,
        secondary: { expired: 1, deleted: 1, remaining: 0, kept: 2 },
      });
      expect((await storedTokens(deployment)).toSorted()).toEqual([alive.token, unread.token].sort());
      expect(await space.get(dead.token)).toBeNull();
      expect(await whichAnswer(app, [alive])).toEqual([alive]);
    },
  );

  it.concurrent('--offline says what is left, by looking', async ({ onTestFinished }) => {
    const { deployment, operator } = await signedIn();
    onTestFinished(deployment.drop);
    const { database } = deployment;
    await expiredVerification(database);
    await database.query('CREATE TRIGGER kept BEFORE DELETE ON verification BEGIN SELECT RAISE(IGNORE); END');
    const done = await operator.run(['sweep', '--offline', '--verifications', '--json']);
    expect(done.code).toBe(1);
    expect(JSON.parse(done.stdout)).toMatchObject({ remaining: 1, remainingVerifications: 1 });
  });
});

describeUnless(missingRedisServer(), 'another number behind the host of Redis', () => {
  it('nothing is ended, and the number of the sessions is named', async ({ onTestFinished }) => {
    const server = await startPrivateRedis();
    onTestFinished(() => server.stop());
    for (const mode of ['both', 'secondary only'] as const) {
      const { deployment, signIns } = await signedIn({
        mode,
        space: keySpaceIn(server, `${mode.slice(0, 4)}:`),
      });
      onTestFinished(deployment.drop);
      const { profile, database, app } = deployment;
      if (profile.redis === undefined) throw new Error('the profile names no Redis');
      const url = `${profile.redis.url.replace(/\/\d*$/, '')}/3`;
      const lost = operatorOn(database.url, { ...profile, redis: { ...profile.redis, url } });
      const words = ['revoke-all', '--everyone', '--yes', '-q'];
      const done = await lost.run(words);
      expect(done).toMatchObject({ code: 7, stdout: '' });
      expect(done.stderr).toMatch(/in its database 0[^]*nothing was changed[^]*end its url with \/0/);
      expect((await lost.run(['doctor'])).stdout).toMatch(/^fail +store-mode[^]*ends with \/0/m);
      expect(await whichAnswer(app, signIns)).toHaveLength(3);
    }
  });
});
