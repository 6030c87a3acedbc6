import { afterAll, beforeAll, describe, it } from 'vitest';
import { everySession, post, signIn, signUp, type Person, type SignIn } from '../support/app.ts';
import { literal } from '../support/databases.ts';
import {
  allTokenKinds,
  createApiKey,
  isActive,
  issueTokens,
  oauthShapes,
  revokedLongAgo,
  tokenKinds,
  tokensOf,
  type IssuedToken,
  type StoredToken,
} from '../support/oauth.ts';
import { describeOn } from '../support/servers.ts';
import { deploy, type Deployment } from '../support/shapes.ts';

/** How Better Auth ends a session, given its cookie and another one of the same user's. */
const endings = {
  'revoking it from another device': (deployment, own, other) =>
    post(deployment.app, '/revoke-session', other.cookie, { token: own.token }),
  'signing out': (deployment, own) => post(deployment.app, '/sign-out', own.cookie, {}),
  'revoking all others': (deployment, _own, other) =>
    post(deployment.app, '/revoke-other-sessions', other.cookie, {}),
} as const satisfies Readonly<
  Record<string, (deployment: Deployment, own: SignIn, other: SignIn) => Promise<unknown>>
>;

// What sessionctl has to do to the tokens of a session that it ends, by the example of Better Auth.
describe.concurrent('Better Auth ends the tokens of a session', () => {
  for (const shape of oauthShapes) {
    describeOn(shape.dialect, shape.name, () => {
      let deployment: Deployment;
      let people = 0;

      beforeAll(async () => {
        deployment = await deploy(shape);
      });
      afterAll(async () => {
        await deployment.database.drop();
      });

      interface Signed extends SignIn {
        readonly id: string;
        readonly tokens: readonly IssuedToken[];
      }

      /** Somebody with two sessions, and tokens of every kind on each. */
      const signedInTwice = async (): Promise<readonly [Signed, Signed, Person]> => {
        people += 1;
        const person = await signUp(deployment.app, 'Ada', `ada${String(people)}@example.com`);
        const withTokens = async (): Promise<Signed> => {
          const signedIn = await signIn(deployment.app, person, { ip: '192.0.2.1', userAgent: 'Firefox' });
          const sessions = await everySession(deployment.app, [person.id]);
          const id = sessions.find(({ token }) => token === signedIn.token)?.id ?? '';
          return { ...signedIn, id, tokens: await issueTokens(deployment, { id, userId: person.id }) };
        };
        return [await withTokens(), await withTokens(), person];
      };

      const stored = async ({ tokens }: Signed): Promise<readonly (StoredToken | undefined)[]> => {
        const all = await tokensOf(deployment);
        return tokens.map(({ id, kind }) =>
          all.find((token) => token.id === id && token.model === tokenKinds[kind].model),
        );
      };

      const active = ({ tokens }: Signed) =>
        Promise.all(tokens.map(async (token) => [token.kind, await isActive(deployment, token)]));

      /** How tokens of every kind stand while their session lives. */
      const untouched = (sessionId: string) =>
        allTokenKinds.map((kind) => ({
          model: tokenKinds[kind].model,
          scopes: tokenKinds[kind].scopes,
          sessionId: tokenKinds[kind].bound ? sessionId : null,
          revoked: tokenKinds[kind].revokedBefore ? revokedLongAgo : null,
        }));

      it('tokens of every kind are issued and read back', async ({ expect }) => {
        const [session] = await signedInTwice();
        expect(await stored(session)).toMatchObject(untouched(session.id));
        expect(await active(session)).toEqual(
          allTokenKinds.map((kind) => [kind, !tokenKinds[kind].revokedBefore]),
        );
      });

      it('scopes are stored the way the shape says', async ({ expect }) => {
        const [{ tokens }] = await signedInTwice();
        const offline = tokens.find(({ kind }) => kind === 'refresh, offline');
        const text = shape.dialect === 'mysql' ? 'char' : 'text';
        const [row] = await deployment.database.query(
          `SELECT CAST(${shape.tokenColumn('scopes')} AS ${text}) AS scopes
           FROM ${shape.tokenTable('oauthRefreshToken')} WHERE id = ${literal(shape.dialect, offline?.id ?? '')}`,
        );
        expect(row?.['scopes']).toBe(shape.storedScopes);
      });

      for (const [how, end] of Object.entries(endings)) {
        it(`${how} revokes what is bound to it, refresh tokens with offline_access excepted`, async ({
          expect,
        }) => {
          const [ended, other] = await signedInTwice();
          const before = Date.now();
          await end(deployment, ended, other);
          const after = Date.now();

          const justNow = (revoked: Date | null | undefined) =>
            revoked instanceof Date && revoked.getTime() >= before && revoked.getTime() <= after;
          const tokens = await stored(ended);
          expect(
            tokens.map((token) => ({ ...token, revoked: justNow(token?.revoked) || token?.revoked })),
          ).toMatchObject(
            allTokenKinds.map((kind) => {
              const { model, scopes, revokedBefore, endsWithSession } = tokenKinds[kind];
              const revoked = endsWithSession || (revokedBefore ? revokedLongAgo : null);
              return { model, scopes, sessionId: null, revoked };
            }),
          );
          expect(await active(ended)).toEqual(
            allTokenKinds.map((kind) => {
              const { revokedBefore, endsWithSession } = tokenKinds[kind];
              return [kind, !revokedBefore && !endsWithSession];
            }),
          );
          expect(await stored(other), 'the tokens of the other session').toMatchObject(untouched(other.id));
        });
      }

      it('a row that is merely deleted leaves every token alive', async ({ expect }) => {
        const [session] = await signedInTwice();
        await deployment.database.query(
          `DELETE FROM ${shape.table('session')} WHERE ${shape.column('token')} = ${literal(shape.dialect, session.token)}`,
        );
        expect(await active(session)).toEqual(
          allTokenKinds.map((kind) => [kind, !tokenKinds[kind].revokedBefore]),
        );
        const links = (await stored(session)).map((token) => token?.sessionId);
        expect(new Set(links), 'and no link to find them by').toEqual(new Set([null]));
      });

      it('an API key belongs to a user and outlives the session', async ({ expect }) => {
        const [session, other, person] = await signedInTwice();
        const { id } = await createApiKey(deployment, person.id);
        await endings['signing out'](deployment, session);
        const { adapter } = await deployment.app.$context;
        const where = [{ field: 'id', value: id }];
        const key = await adapter.findOne({ model: 'apikey', where });
        expect(key).toMatchObject({ referenceId: person.id, enabled: true });
        expect(await stored(other)).toMatchObject(untouched(other.id));
      });
    });
  }
});
