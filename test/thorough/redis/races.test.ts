import { setTimeout as wait } from 'node:timers/promises';
import type { BetterAuthOptions } from 'better-auth';
import { expect, it } from 'vitest';
import { liveSessions, signIn, signUp } from '../../support/app.ts';
import { operatorOn } from '../../support/operator.ts';
import {
  deploySecondary,
  indexedTokens,
  indexOf,
  modes,
  readIndex,
  whichAnswer,
  writeIndex,
  type Mode,
} from '../../support/secondary.ts';
import { describeUnless, missingServer } from '../../support/servers.ts';
import { until } from '../../support/until.ts';

type SecondaryStorage = NonNullable<BetterAuthOptions['secondaryStorage']>;

const client = { ip: '192.0.2.1', userAgent: 'Firefox' };

/** Holds up what an application writes, as a slow network or a busy process would. */
function gate() {
  let held: ((key: string) => boolean) | null = null;
  let open: () => void = () => undefined;
  let arrive: () => void = () => undefined;
  let opened = Promise.resolve();
  let arrived = Promise.resolve();
  return {
    around: (storage: SecondaryStorage): SecondaryStorage => ({
      ...storage,
      get: (key) => storage.get(key),
      delete: (key) => storage.delete(key),
      set: async (key, value, lifetime) => {
        if (held?.(key) === true) {
          arrive();
          await opened;
        }
        await storage.set(key, value, lifetime);
      },
    }),
    /** From now on writes of such keys wait; told when the first of them does. */
    close: (keys: (key: string) => boolean): Promise<void> => {
      held = keys;
      opened = new Promise((resolve) => (open = resolve));
      arrived = new Promise((resolve) => (arrive = resolve));
      return arrived;
    },
    open: () => {
      held = null;
      open();
    },
  };
}

/** Ada has signed in twice to an application that refreshes a session at every request. */
async function scene(mode: Mode, afterwards: (drop: () => Promise<void>) => void) {
  const writes = gate();
  const deployment = await deploySecondary({
    dialect: 'sqlite',
    mode,
    storage: 'official',
    around: writes.around,
    options: { session: { updateAge: 0 } },
  });
  afterwards(deployment.drop);
  const { app, space, database, profile } = deployment;
  const ada = await signUp(app, 'Ada', 'ada@example.com');
  const signIns = [await signIn(app, ada, client), await signIn(app, ada, client)] as const;
  const ids = new Map(
    (await liveSessions(app, signIns[0].cookie)).map(({ id, token }) => [token, id] as const),
  );
  const patient = { ...profile, redis: { url: '', ...profile.redis, settle: '1s' } };
  const operator = operatorOn(database.url, patient);
  const idOf = (at: 0 | 1) => ids.get(signIns[at].token) ?? 'unknown';
  return { deployment, writes, app, space, ada, signIns, idOf, operator };
}

const isGone = (space: Awaited<ReturnType<typeof scene>>['space'], token: string) =>
  until('the key is gone', async () => (await space.get(token)) === null);

describeUnless(missingServer('redis'), 'races of the application with a revocation', () => {
  it.concurrent.for(modes)(
    '%s: a refresh under way brings a session back, which is ended again',
    async (mode, { onTestFinished }) => {
      const { writes, app, space, signIns, idOf, operator } = await scene(mode, onTestFinished);
      const [first, second] = signIns;
      const isHeld = writes.close((key) => key === first.token);
      const refresh = app.api.getSession({ headers: { cookie: first.cookie } });
      await isHeld;
      const revocation = operator.run(['revoke', idOf(0), '--yes', '--json', '-q']);
      await isGone(space, first.token);
      writes.open();
      // With its row gone Better Auth fails in the end, when Redis has the session back already.
      await refresh.catch(() => null);
      expect(await space.get(first.token), 'it has come back').not.toBeNull();

      const done = await revocation;
      expect(done).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(done.stdout)).toMatchObject({
        remaining: 0,
        secondary: { deleted: 2, remaining: 0 },
      });
      expect(await whichAnswer(app, signIns)).toEqual([second]);
      expect(await indexedTokens(space, (await liveSessions(app, second.cookie))[0]?.userId ?? '')).toEqual([
        second.token,
      ]);
    },
  );

  it.concurrent.for(modes)(
    '%s: what comes back again and again is a survivor, by its id',
    async (mode, { onTestFinished }) => {
      const { app, space, signIns, idOf, operator } = await scene(mode, onTestFinished);
      const [first, second] = signIns;
      const value = (await space.get(first.token)) ?? '';
      const writer = new AbortController();
      const writing = (async () => {
        while (!writer.signal.aborted) {
          await space.set(first.token, value, 3600);
          await wait(5);
        }
      })();
      const done = await operator.run(['revoke', idOf(0), '--yes', '--json', '-q']).finally(() => {
        writer.abort();
      });
      await writing;
      expect(done.code).toBe(9);
      expect(JSON.parse(done.stdout)).toMatchObject({
        remaining: 1,
        survivors: [idOf(0)],
        effectiveAt: null,
      });
      expect(done.stderr).toContain(idOf(0));
      expect(await whichAnswer(app, signIns)).toEqual([first, second]);
    },
  );

  it.concurrent.for(modes)(
    '%s: a sign-in under way stays in its index, and lives',
    async (mode, { onTestFinished }) => {
      const { writes, app, space, ada, signIns, idOf, operator } = await scene(mode, onTestFinished);
      const known = signIns.map(({ token }) => token);
      // Better Auth writes the index first: by then the new session is named there and nowhere else.
      const isHeld = writes.close((key) => !known.includes(key) && key !== indexOf(ada.id));
      const signingIn = signIn(app, ada, client);
      await isHeld;
      const done = await operator.run(['revoke', idOf(0), idOf(1), '--yes', '--json', '-q']);
      writes.open();
      const third = await signingIn;
      expect(done.code).toBe(0);
      const answering = await whichAnswer(app, [...signIns, third]);
      const listed = (await liveSessions(app, third.cookie)).map(({ token }) => token);
      expect(answering).toEqual([third]);
      expect(listed.sort()).toEqual(answering.map(({ token }) => token).sort());
      expect(await indexedTokens(space, ada.id)).toContain(third.token);
    },
  );

  it.concurrent.for(modes)(
    '%s: --until-quiet ends whoever signs in meanwhile',
    async (mode, { onTestFinished }) => {
      const { writes, app, ada, signIns, operator } = await scene(mode, onTestFinished);
      const known = signIns.map(({ token }) => token);
      const isHeld = writes.close((key) => !known.includes(key) && key !== indexOf(ada.id));
      const signingIn = signIn(app, ada, client);
      await isHeld;
      const revocation = operator.run([
        'revoke-all',
        '--user',
        ada.email,
        '--until-quiet',
        '--yes',
        '--json',
        '-q',
      ]);
      await wait(300);
      writes.open();
      const third = await signingIn;
      expect(await revocation).toMatchObject({ code: 0, stderr: '' });
      expect(await whichAnswer(app, [...signIns, third])).toEqual([]);
    },
  );

  it.concurrent.for(modes)(
    '%s: a session that its index has lost is found',
    async (mode, { onTestFinished }) => {
      const { app, space, ada, signIns, operator } = await scene(mode, onTestFinished);
      const [first] = signIns;
      const entries = await readIndex(space, ada.id);
      await writeIndex(space, ada.id, entries.filter(({ token }) => token !== first.token)); // prettier-ignore
      const done = await operator.run(['revoke-all', '--user', 'ada@example.com', '--yes', '--json', '-q']);
      expect(JSON.parse(done.stdout)).toMatchObject({ matched: 2, revoked: 2, remaining: 0 });
      expect(await whichAnswer(app, signIns)).toEqual([]);
      expect(await space.get(indexOf(ada.id))).toBeNull();
    },
  );

  it.concurrent.for(modes)(
    '%s: an index names what is gone, until it is swept',
    async (mode, { onTestFinished }) => {
      const { app, space, ada, signIns, operator } = await scene(mode, onTestFinished);
      const [, second] = signIns;
      const entries = await readIndex(space, ada.id);
      const stale = { token: 'c'.repeat(32), expiresAt: Date.now() + 3_600_000 };
      await writeIndex(space, ada.id, [...entries, stale]);
      await space.client.persist(`${space.prefix}${indexOf(ada.id)}`);
      const ended = await operator.run(['revoke', '--token-stdin', '--yes', '-q', '--json'], {
        stdin: signIns[0].token,
      });
      expect(JSON.parse(ended.stdout)).toMatchObject({ revoked: 1, remaining: 0 });
      expect(await indexedTokens(space, ada.id)).toEqual([second.token, stale.token]);

      const grace = mode === 'preserved' ? ['--grace', '1d'] : [];
      const dry = await operator.run(['sweep', '--dry-run', '--json', ...grace]);
      const found = { expired: 0, orphans: 0, indexEntries: 1, immortalIndexes: 1 };
      expect(JSON.parse(dry.stdout)).toMatchObject({ secondary: found });
      expect(await indexedTokens(space, ada.id)).toContain(stale.token);
      const swept = await operator.run(['sweep', '--json', ...grace]);
      expect(JSON.parse(swept.stdout)).toMatchObject({ deleted: 0, secondary: found });
      expect(await indexedTokens(space, ada.id)).toEqual([second.token]);
      expect(await space.ttl(indexOf(ada.id))).toBeGreaterThan(3600);
      expect(await whichAnswer(app, signIns)).toEqual([second]);
    },
  );

  it('what Better Auth takes for revoked by its mark is not shown as active', async ({ onTestFinished }) => {
    const { app, space, ada, signIns, operator } = await scene('secondary only', onTestFinished);
    const [first] = signIns;
    const value = (await space.get(first.token)) ?? '';
    const { internalAdapter } = await app.$context;
    await internalAdapter.deleteUserSessions(ada.id);
    // As a refresh does that was under way.
    await space.set(first.token, value, 3600);
    const mark = await space.get(`revoked-sessions-before-${ada.id}`);
    expect(mark).not.toBeNull();
    expect(await whichAnswer(app, signIns)).toEqual([]);
    expect((await operator.run(['list', '-o', 'ids'])).stdout).toBe('');
    const all = await operator.run(['list', '--state', 'all', '--json']);
    expect(JSON.parse(all.stdout)).toMatchObject([{ state: 'expired', store: 'secondary' }]);
    const done = await operator.run(['revoke-all', '--user', ada.email, '--yes', '--json', '-q']);
    expect(JSON.parse(done.stdout)).toMatchObject({ revoked: 1, remaining: 0, survivors: [] });
    expect(await space.get(first.token)).toBeNull();
    expect(await space.get(`revoked-sessions-before-${ada.id}`)).toBe(mark);
  });
});
