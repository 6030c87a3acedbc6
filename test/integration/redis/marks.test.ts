import { expect, it } from 'vitest';
import { signIn, signUp } from '../../support/app.ts';
import { operatorOn } from '../../support/operator.ts';
import { deploySecondary, modes, whichAnswer, type Mode } from '../../support/secondary.ts';
import { describeWithRedis, type Dialect } from '../../support/servers.ts';

const dialects = ['postgresql', 'mysql', 'sqlite'] as const;
const markOf = (userId: string) => `revoked-sessions-before-${userId}`;

/** Ada is signed in with two browsers, Bob with one of them. */
async function scene(dialect: Dialect, mode: Mode, afterwards: (drop: () => Promise<void>) => void) {
  const deployment = await deploySecondary({ dialect, mode, storage: 'official' });
  afterwards(deployment.drop);
  const { app, space, database, profile } = deployment;
  const ada = await signUp(app, 'Ada', 'ada@example.com');
  const bob = await signUp(app, 'Bob', 'bob@example.com');
  const signIns = [
    await signIn(app, ada, { ip: '192.0.2.1', userAgent: 'Firefox' }),
    await signIn(app, ada, { ip: '192.0.2.2', userAgent: 'curl' }),
    await signIn(app, bob, { ip: '192.0.2.1', userAgent: 'Firefox' }),
  ] as const;
  const values = new Map<string, string>();
  for (const { token } of signIns) values.set(token, (await space.get(token)) ?? '');
  const operator = operatorOn(database.url, profile);
  return {
    ...{ app, space, ada, bob, signIns, deployment },
    revoke: async (...words: readonly string[]) => {
      const { code, stdout, stderr } = await operator.run([...words, '--yes', '--json', '-q']);
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout) as unknown;
    },
    /** As a refresh does that had read a session before it went, and is late. */
    writeBack: async () => {
      for (const [token, value] of values) await space.set(token, value, 3600);
    },
    answering: () => whichAnswer(app, signIns),
  };
}

for (const dialect of dialects) {
  describeWithRedis(dialect, `the mark of a user whose sessions have all ended, ${dialect}`, () => {
    it.concurrent.for(modes)('%s: nobody comes back late', async (mode, { onTestFinished }) => {
      const { app, space, ada, bob, revoke, writeBack, answering, signIns } = await scene(
        dialect,
        mode,
        onTestFinished,
      );
      const report = await revoke('revoke-all', '--user', 'ada@example.com');
      expect(report).toMatchObject({ revoked: 2, secondary: { marked: 1 } });
      await writeBack();
      expect(await answering()).toEqual([signIns[2]]);
      expect(await space.ttl(markOf(ada.id))).toBeGreaterThan(6 * 24 * 3600);
      expect(await space.get(markOf(bob.id))).toBeNull();
      const again = await signIn(app, ada, { ip: '192.0.2.1', userAgent: 'Firefox' });
      expect(await whichAnswer(app, [again])).toEqual([again]);

      expect(await revoke('revoke-all', '--everyone')).toMatchObject({ secondary: { marked: 2 } });
      await writeBack();
      expect(await whichAnswer(app, [...signIns, again])).toEqual([]);
    });

    it.concurrent.for(modes)(
      '%s: whoever has another session is not marked',
      async (mode, { onTestFinished }) => {
        const { space, ada, bob, revoke, writeBack, answering, signIns } = await scene(
          dialect,
          mode,
          onTestFinished,
        );
        // Where the application writes both, a row is a session also where Redis has lost it.
        if (mode === 'both') await space.unlink(signIns[1].token);
        const report = await revoke('revoke-all', '--user-agent', 'Firefox');
        expect(report).toMatchObject({ revoked: 2, secondary: { marked: 1 } });
        expect(await answering()).toEqual([signIns[1]]);
        expect(await space.get(markOf(ada.id))).toBeNull();
        expect(await space.get(markOf(bob.id))).toMatch(/^\d{13}$/);
        await writeBack();
        expect(await answering()).not.toContainEqual(signIns[2]);
        expect(await answering()).toContainEqual(signIns[1]);
      },
    );
  });
}
