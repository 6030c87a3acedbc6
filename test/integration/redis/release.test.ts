import { expect, it } from 'vitest';
import { signIn, signUp } from '../../support/app.ts';
import { operatorOn } from '../../support/operator.ts';
import { deploySecondary, modes, whichAnswer, type Mode } from '../../support/secondary.ts';
import { describeOnRedis } from '../../support/servers.ts';

const markOf = (userId: string) => `revoked-sessions-before-${userId}`;

/** Ada is signed in, and a request that never ends writes her session back whenever it goes. */
async function scene(mode: Mode, release: string | null, afterwards: (drop: () => Promise<void>) => void) {
  const deployment = await deploySecondary({ dialect: 'sqlite', mode, storage: 'official' });
  afterwards(deployment.drop);
  const { app, space, database, profile } = deployment;
  const ada = await signUp(app, 'Ada', 'ada@example.com');
  const signedIn = await signIn(app, ada, { ip: '192.0.2.1', userAgent: 'Firefox' });
  const value = (await space.get(signedIn.token)) ?? '';
  const known = release === null ? {} : { auth: { release } };
  const operator = operatorOn(database.url, { ...profile, ...known });
  let isLate = true;
  const late = async () => {
    while (isLate) await space.set(signedIn.token, value, 3600);
  };
  return {
    space,
    ada,
    answering: async () => (await whichAnswer(app, [signedIn])).length,
    whileLate: async (...words: readonly string[]) => {
      const requests = late();
      const ran = await operator.run(words);
      isLate = false;
      await requests;
      return ran;
    },
    run: (...words: readonly string[]) => operator.run(words),
  };
}

const words = ['revoke-all', '--user', 'ada@example.com', '--yes'] as const;

describeOnRedis('a session that a late request writes back', () => {
  it.for(modes)('%s: is shut out by the mark from 1.7.16 on', async (mode, { onTestFinished }) => {
    const { answering, whileLate, run } = await scene(mode, '1.7.25', onTestFinished);
    const { code, stdout, stderr } = await whileLate(...words, '--json');
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      remaining: 0,
      survivors: [],
      effectiveAt: expect.any(String) as unknown,
      secondary: { marked: 1, heedsMarks: true, shutOut: 1 },
    });
    expect(await answering()).toBe(0);
    expect((await run('list', '-o', 'ids')).stdout).toBe('');
  });

  it('is said to be refused', async ({ onTestFinished }) => {
    const { whileLate } = await scene('secondary only', '1.7.25', onTestFinished);
    const { stdout } = await whileLate(...words);
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      '1 user is marked in Redis as signed out: no late request brings a session back. 1 session was written back, and Better Auth refuses it.',
    );
  });

  it('has survived where its row is there as well', async ({ onTestFinished }) => {
    const deployment = await deploySecondary({ dialect: 'sqlite', mode: 'both', storage: 'official' });
    onTestFinished(deployment.drop);
    const { app, database, profile, space } = deployment;
    const ada = await signUp(app, 'Ada', 'ada@example.com');
    const { token } = await signIn(app, ada, { ip: '192.0.2.1', userAgent: 'Firefox' });
    const value = (await space.get(token)) ?? '';
    await database.query(`CREATE TRIGGER keep BEFORE DELETE ON "session" BEGIN SELECT RAISE(IGNORE); END`);
    const operator = operatorOn(database.url, { ...profile, auth: { release: '1.7.25' } });
    const state = { isLate: true };
    const late = async () => {
      while (state.isLate) await space.set(token, value, 3600);
    };
    const requests = late();
    const ran = await operator.run([...words, '--json']);
    state.isLate = false;
    await requests;
    expect(ran.code, ran.stderr).toBe(9);
    expect(JSON.parse(ran.stdout)).toMatchObject({ remaining: 1 });
  });

  it.for(['1.7.15', null])('is a survivor with the release %s', async (release, { onTestFinished }) => {
    const { space, ada, whileLate, run } = await scene('secondary only', release, onTestFinished);
    const { code, stdout } = await whileLate(...words, '--json');
    expect(code).toBe(9);
    expect(JSON.parse(stdout)).toMatchObject({
      remaining: 1,
      secondary: { marked: release === null ? 1 : 0, heedsMarks: release === null ? null : false },
    });
    expect((await space.get(markOf(ada.id))) !== null).toBe(release === null);
    // Another release may have left a mark, which this one does not read: she is in.
    await space.set(markOf(ada.id), String(Date.now() + 1000), 3600);
    const listed = (await run('list', '-o', 'ids')).stdout;
    expect(listed === '').toBe(release === null);
  });
});
