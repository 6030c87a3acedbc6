import { expect, it } from 'vitest';
import { signIn, type Person } from '../../support/app.ts';
import { manyInRedis } from '../../support/many-in-redis.ts';
import { operatorOn } from '../../support/operator.ts';
import { indexedTokens, indexOf, whichAnswer } from '../../support/secondary.ts';
import { describeUnless, missingServer } from '../../support/servers.ts';

/** More than are fixed by their ids. */
const SESSIONS = 10_050;
const client = { ip: '192.0.2.9', userAgent: 'Chrome' };
const FOREIGN = 'another application';

describeUnless(missingServer('redis'), 'more sessions in Redis than are fixed by their ids', () => {
  it('end as they were counted, whatever comes and goes meanwhile', { timeout: 120_000 }, async () => {
    const many = await manyInRedis(
      { dialect: 'sqlite', mode: 'secondary only', storage: 'official' },
      SESSIONS,
    );
    const { deployment } = many;
    const { space, app } = deployment;
    const operator = operatorOn(deployment.database.url, deployment.profile);
    const begin = async (words: readonly string[]) => {
      const sitting = operator.sitDown(['revoke-all', ...words, '--json']);
      await sitting.shows(new RegExp(`Type ${(SESSIONS + 2).toLocaleString('en-US')}`));
      return async () => {
        sitting.type(`${String(SESSIONS + 2)}\r`);
        const { code, stdout, stderr } = await sitting.ended;
        // Keys that look like sessions and cannot be read may be meant.
        expect(stderr).toMatch(/cannot be read/);
        expect(code).toBe(6);
        return JSON.parse(stdout) as unknown;
      };
    };
    const [first, second] = many.signIns;
    if (first === undefined || second === undefined) throw new Error('nobody has signed in');
    const { user: ada } = JSON.parse((await space.get(first.token)) ?? '') as { readonly user: Person };
    const keysOfOthers = ['F', 'G'].map((letter) => letter.repeat(32));
    const [before = '', after = ''] = keysOfOthers;
    const change = async (token: string, changed: Readonly<Record<string, unknown>>) => {
      const value = JSON.parse((await space.get(token)) ?? '') as Readonly<Record<string, object>>;
      await space.set(
        token,
        JSON.stringify({ ...value, session: { ...value['session'], ...changed } }),
        3600,
      );
    };

    try {
      await space.set(before, FOREIGN);

      // Whoever ceases to match before they are reached lives on.
      const endActive = await begin(['--active-after', '1h']);
      await change(first.token, { updatedAt: new Date(Date.now() - 2 * 3600_000) });
      expect(await endActive()).toMatchObject({ matched: SESSIONS + 2, revoked: SESSIONS + 1, remaining: 0 });
      expect(await whichAnswer(app, many.signIns)).toEqual([first]);
      expect(await indexedTokens(space, ada.id)).toEqual([first.token]);
      await space.unlink(first.token);

      await many.gather();
      const [refreshed, signedOut] = many.signIns;
      if (refreshed === undefined || signedOut === undefined) throw new Error('nobody has signed in again');
      const endEveryone = await begin(['--everyone']);
      await space.set(after, FOREIGN);
      await change(refreshed.token, { updatedAt: new Date(Date.now() + 60_000) });
      await space.unlink(signedOut.token);
      const later = await signIn(app, ada, client);
      expect(await endEveryone()).toMatchObject({
        matched: SESSIONS + 2,
        revoked: SESSIONS + 1,
        remaining: 0,
        secondary: { deleted: SESSIONS + 1, remaining: 0 },
        arrivedLater: 1,
      });
      expect(await whichAnswer(app, [...many.signIns, later])).toEqual([later]);
      // Who signed out by the hand of the test has left an entry behind, as Better Auth itself does.
      expect(await indexedTokens(space, ada.id)).toEqual([later.token]);
      expect(await space.ttl(indexOf(ada.id))).toBeGreaterThan(0);
      for (const key of keysOfOthers) expect(await space.get(key)).toBe(FOREIGN);
      const mark = `revoked-sessions-before-${ada.id}`;
      expect(await space.keys()).toEqual([later.token, indexOf(ada.id), mark, ...keysOfOthers].sort());
    } finally {
      await deployment.drop();
    }
  });
});
