import { admin } from 'better-auth/plugins';
import { expect, it } from 'vitest';
import { baseUrl, post, signIn, signUp } from '../support/app.ts';
import { operatorOn } from '../support/operator.ts';
import { deploySecondary } from '../support/secondary.ts';
import { describeOn, describeUnless, missingServer, type Dialect } from '../support/servers.ts';
import { deploy, ownShape } from '../support/shapes.ts';
import { oauthShapes } from '../support/oauth.ts';
import { crowdOf } from '../support/crowd.ts';

const client = { ip: '192.0.2.1', userAgent: 'Firefox' };
const dialects: readonly Dialect[] = ['postgresql', 'mysql', 'sqlite'];

interface Shown {
  readonly id: string;
  readonly userId: string;
  readonly expiresAt: string;
  readonly impersonatedBy: string | null;
  readonly impersonating: { readonly count: number; readonly sessions: readonly { readonly id: string }[] };
  readonly remainingMs: number;
  readonly fresh: boolean;
  readonly stores: { readonly agree: boolean | null; readonly differences: readonly string[] };
}

for (const dialect of dialects) {
  describeOn(dialect, `show, ${dialect}`, () => {
    it('impersonation in both directions, and freshness', async () => {
      const { app, database, shape } = await deploy(
        ownShape(dialect, 'own adapter, admin', { options: { plugins: [admin()] } }),
      );
      try {
        const ada = await signUp(app, 'Ada', 'ada@example.com');
        const root = await signUp(app, 'Root', 'root@example.com');
        const { internalAdapter } = await app.$context;
        await internalAdapter.updateUser(root.id, { role: 'admin' });
        const rootSession = await signIn(app, root, client);
        await post(app, '/admin/impersonate-user', rootSession.cookie, { userId: ada.id });
        const operator = operatorOn(database.url);
        const [opened] = await internalAdapter.listSessions(ada.id);
        const [own] = await internalAdapter.listSessions(root.id);
        const show = async (id = '') =>
          JSON.parse((await operator.run(['show', id, '--json'])).stdout) as Shown;
        expect(await show(own?.id)).toMatchObject({
          impersonating: {
            count: 1,
            sessions: [{ id: opened?.id, userId: ada.id, userEmail: 'ada@example.com' }],
          },
          fresh: true,
          stores: { secondary: null, agree: null },
        });
        expect(await show(opened?.id)).toMatchObject({
          impersonatedBy: root.id,
          impersonating: { count: 0 },
        });
        expect((await operator.run(['show', own?.id ?? ''])).stdout).toMatch(
          new RegExp(`^impersonates +ada@example\\.com \\(session ${opened?.id ?? ''}\\)$`, 'm'),
        );
        const shown = await show(own?.id);
        expect(Math.abs(shown.remainingMs - (Date.parse(shown.expiresAt) - Date.now()))).toBeLessThan(10_000);
        // Better Auth itself refuses what it is not fresh enough for.
        const made = shape.encode(new Date(Date.now() - 86_400_000 - 1000));
        await database.query(`UPDATE ${shape.table('session')} SET ${shape.column('createdAt')} = ${made}`);
        expect((await show(own?.id)).fresh).toBe(false);
        await expect(app.api.listSessions({ headers: { cookie: rootSession.cookie } })).rejects.toThrow(
          /fresh/i,
        );
      } finally {
        await database.drop();
      }
    });

    it('OAuth tokens that are bound to it', async () => {
      const shape = oauthShapes.find(({ name }) => name === `${dialect}: OAuth, own adapter`);
      if (shape === undefined) throw new Error('there is no such shape');
      const deployment = await deploy(shape);
      try {
        await crowdOf(deployment, { sessions: 3, withTokens: 3 }).gather();
        const operator = operatorOn(deployment.database.url);
        const ids = (await operator.run(['list', '-o', 'ids', '--state', 'all'])).stdout.split('\n');
        const { stdout } = await operator.run(['show', ids[0] ?? '', '--json']);
        const { oauthTokens } = JSON.parse(stdout) as { oauthTokens: { bound: number; offline: number } };
        expect(oauthTokens).toEqual({ bound: 2, offline: 1 });
      } finally {
        await deployment.database.drop();
      }
    });
  });
}

for (const [dialect, mode] of [
  ['postgresql', 'both'],
  ['sqlite', 'preserved'],
  ['mysql', 'secondary only'],
] as const) {
  describeUnless(
    missingServer(dialect) ?? missingServer('redis'),
    `show with Redis, ${dialect}, ${mode}`,
    () => {
      it('says where it stands and whether the places agree', async () => {
        const deployment = await deploySecondary({ dialect, mode, storage: 'official' });
        const { app, space, shape, database, profile } = deployment;
        try {
          const ada = await signUp(app, 'Ada', 'ada@example.com');
          const { token } = await signIn(app, ada, client);
          const operator = operatorOn(database.url, profile);
          const [found] = JSON.parse(
            (await operator.run(['list', '--json', '--state', 'all'])).stdout,
          ) as Shown[];
          const id = found?.id ?? '';
          const show = async () =>
            (JSON.parse((await operator.run(['show', id, '--json'])).stdout) as Shown).stores;
          const agree = mode === 'secondary only' ? null : true;
          expect(await show()).toMatchObject({
            agree,
            differences: [],
            secondary: { id, userId: ada.id, state: 'active' },
          });
          if (mode === 'secondary only') return;
          await database.query(
            `UPDATE ${shape.table('session')} SET ${shape.column('expiresAt')} = ${shape.encode(new Date(Date.now() + 60_000))}`,
          );
          expect(await show()).toMatchObject({
            agree: false,
            differences: [expect.stringMatching(/^the expiry: /)],
          });
          expect((await operator.run(['show', id])).stdout).toMatch(/^stores agree +no: the expiry: /m);
          await space.unlink(token);
          expect(await show()).toMatchObject({
            agree: false,
            secondary: null,
            differences: [expect.stringMatching(/^secondary storage holds nothing of it/)],
          });
        } finally {
          await deployment.drop();
        }
      });
    },
  );
}

describeOn('sqlite', 'sqlite', () => {
  it('says that nothing refreshes a session where the application has disabled it', async ({
    onTestFinished,
  }) => {
    const { app, database } = await deploy(
      ownShape('sqlite', 'without refresh', {
        options: { session: { disableSessionRefresh: true, updateAge: 0 } },
      }),
    );
    onTestFinished(() => database.drop());
    const ada = await signUp(app, 'Ada', 'ada@example.com');
    const { cookie } = await signIn(app, ada, { ip: '192.0.2.1', userAgent: 'Firefox' });
    const expiry = async () => {
      const found = await app.api.getSession({ headers: new Headers({ cookie }) });
      return { id: found?.session.id ?? '', at: found?.session.expiresAt };
    };
    const { id, at } = await expiry();
    expect((await expiry()).at).toEqual(at);
    const operator = operatorOn(database.url, { disableRefresh: true });
    expect((await operator.run(['show', id])).stdout).toContain('no, the application refreshes no session');
    expect(JSON.parse((await operator.run(['show', id, '--json'])).stdout)).toMatchObject({
      refreshDueAt: null,
    });
    const due = await operatorOn(database.url).run(['show', id, '--json']);
    expect(JSON.parse(due.stdout)).not.toMatchObject({ refreshDueAt: null });
  });

  it('says which request refreshes a session where the application defers that', async ({
    onTestFinished,
  }) => {
    const { app, database } = await deploy(
      ownShape('sqlite', 'deferred refresh', {
        options: { session: { deferSessionRefresh: true } },
      }),
    );
    onTestFinished(() => database.drop());
    const ada = await signUp(app, 'Ada', 'ada@example.com');
    const { cookie } = await signIn(app, ada, { ip: '192.0.2.1', userAgent: 'Firefox' });
    const asks = async (method: 'GET' | 'POST') => {
      const headers = { cookie, origin: baseUrl };
      const answer = await app.handler(new Request(`${baseUrl}/api/auth/get-session`, { method, headers }));
      const { session } = (await answer.json()) as {
        readonly session: { readonly id: string; readonly expiresAt: string };
      };
      return session;
    };
    // It began three days ago, was last refreshed two days ago, and is due after one.
    const [began, expires] = [-3, 5].map((days) => new Date(Date.now() + days * 86_400_000).toISOString());
    await database.query(
      `UPDATE session SET "createdAt" = '${String(began)}', "expiresAt" = '${String(expires)}'`,
    );
    const { id, expiresAt } = await asks('GET');
    expect((await asks('GET')).expiresAt).toBe(expiresAt);
    const { stdout } = await operatorOn(database.url, { deferRefresh: true }).run(['show', id]);
    expect(stdout).toMatch(/^due for refresh +at its next POST to get-session \(since /m);
    expect((await asks('POST')).expiresAt).not.toBe(expiresAt);
  });
});
