import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everySession, signIn, signUp } from '../support/app.ts';
import { quoteFor } from '../support/drizzle-tables.ts';
import { isActive, issueTokens, oauthShapes, type IssuedToken, type TokenKind } from '../support/oauth.ts';
import { operatorOn, type Operator } from '../support/operator.ts';
import { describeOn } from '../support/servers.ts';
import { deploy, type Deployment } from '../support/shapes.ts';

const kinds = [
  'access',
  'access, unbound',
  'refresh',
  'refresh, offline',
] as const satisfies readonly TokenKind[];

// Up to 1.6 an access token could not be marked as revoked: its table has no such column.
describe('access tokens of @better-auth/oauth-provider up to 1.6', () => {
  for (const shape of oauthShapes) {
    describeOn(shape.dialect, shape.name, () => {
      const revoked = shape.tokenColumn('revoked');
      const now = shape.tokenTable('oauthAccessToken');
      /** No name that tells what it is. */
      const then = quoteFor(shape.dialect)('what clients hold');
      const time = { postgresql: 'timestamp', mysql: 'timestamp(3) NULL', sqlite: 'date' }[shape.dialect];
      let deployment: Deployment;
      let operator: Operator;
      beforeAll(async () => {
        deployment = await deploy(shape);
        operator = operatorOn(deployment.database.url);
      });
      afterAll(() => deployment.database.drop());

      it('are counted with their session, and deleted with it', async () => {
        const { app, database } = deployment;
        const withSession = async (email: string) => {
          const person = await signUp(app, 'Ada', email);
          await signIn(app, person, { ip: '192.0.2.1', userAgent: 'Firefox' });
          const [session] = await everySession(app, [person.id]);
          const id = session?.id ?? '';
          return { id, tokens: await issueTokens(deployment, { id, userId: person.id }, kinds) };
        };
        const ada = await withSession('ada@example.com');
        const bea = await withSession('bea@example.com');
        const active = async ({ tokens }: { readonly tokens: readonly IssuedToken[] }) => {
          const good: TokenKind[] = [];
          for (const token of tokens) if (await isActive(deployment, token)) good.push(token.kind);
          return good;
        };
        const reported = async (...words: readonly string[]) => {
          const ran = await operator.run([...words, '--json']);
          expect(ran.code, ran.stderr).toBe(0);
          return JSON.parse(ran.stdout) as { readonly oauthTokens: unknown };
        };
        expect(await active(ada)).toEqual(kinds);

        await database.query(`ALTER TABLE ${now} DROP COLUMN ${revoked}`);
        await database.query(`ALTER TABLE ${now} RENAME TO ${then}`);
        const words = ['revoke-all', '--user', 'ada@example.com'];
        const planned = await operator.run([...words, '--dry-run']);
        expect(planned.stdout).toContain('2 OAuth tokens bound to');
        expect((await reported('show', ada.id)).oauthTokens).toEqual({ bound: 2, offline: 1 });
        expect((await reported(...words, '--yes')).oauthTokens).toEqual({ revoked: 2, offlineLeft: 1 });
        await database.query(`ALTER TABLE ${then} RENAME TO ${now}`);
        await database.query(`ALTER TABLE ${now} ADD COLUMN ${revoked} ${time}`);

        expect(await active(ada)).toEqual(['access, unbound', 'refresh, offline']);
        expect(await active(bea)).toEqual(kinds);
      });
    });
  }
});
