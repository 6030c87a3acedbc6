import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everySession, signIn, signUp } from '../support/app.ts';
import { allTokenKinds, isActive, issueTokens, oauthShapes, tokensOf } from '../support/oauth.ts';
import { operatorOn, type Operator } from '../support/operator.ts';
import { describeOn } from '../support/servers.ts';
import { deploy, type Deployment } from '../support/shapes.ts';

// A token names no session once its own has ended, unless it was revoked with it.
describe('OAuth tokens of a user that name no session', () => {
  for (const shape of oauthShapes) {
    describeOn(shape.dialect, shape.name, () => {
      let deployment: Deployment;
      let operator: Operator;
      beforeAll(async () => {
        deployment = await deploy(shape);
        operator = operatorOn(deployment.database.url);
      });
      afterAll(() => deployment.database.drop());

      const withTokens = async (email: string) => {
        const { app } = deployment;
        const person = await signUp(app, 'Ada', email);
        await signIn(app, person, { ip: '192.0.2.1', userAgent: 'Firefox' });
        const [session] = await everySession(app, [person.id]);
        const tokens = await issueTokens(deployment, { id: session?.id ?? '', userId: person.id });
        return async () => {
          const good: string[] = [];
          for (const token of tokens) if (await isActive(deployment, token)) good.push(token.kind);
          return good;
        };
      };
      const reported = async (...words: readonly string[]) => {
        const ran = await operator.run(['revoke-all', '--user', ...words, '--json']);
        expect(ran.code, ran.stderr).toBe(0);
        const { oauthTokens, outlives } = JSON.parse(ran.stdout) as {
          readonly oauthTokens: unknown;
          readonly outlives: Readonly<Record<string, unknown>>;
        };
        return { oauthTokens, unbound: outlives['oauth-tokens'] };
      };

      it('are counted, and revoked by --include oauth-tokens', async () => {
        const ada = await withTokens('ada@example.com');
        const bea = await withTokens('bea@example.com');
        const good = allTokenKinds.filter((kind) => !kind.includes('revoked before'));
        const { stdout } = await operator.run(['revoke-all', '--user', 'ada@example.com', '--dry-run']);
        expect(stdout.replace(/\s+/g, ' ')).toContain(
          '2 OAuth tokens of this user bound to no session stay valid: --include oauth-tokens ends them.',
        );
        expect(await reported('ada@example.com', '--yes')).toEqual({
          oauthTokens: { revoked: 4, offlineLeft: 1 },
          unbound: { found: 2, ended: 0 },
        });
        expect(await ada()).toEqual(['access, unbound', 'refresh, offline', 'refresh, unbound']);

        // The offline token has no session any more.
        const before = await tokensOf(deployment);
        expect(await reported('ada@example.com', '--yes', '--include', 'oauth-tokens')).toMatchObject({
          unbound: { found: 3, ended: 3 },
        });
        expect(await ada()).toEqual([]);
        expect(await tokensOf(deployment)).toHaveLength(before.length);
        expect(await bea()).toEqual(good);

        const planned = await operator.run(
          ['revoke-all', '--user', 'bea@example.com', '--dry-run', '--include', 'oauth-tokens'], // prettier-ignore
        );
        expect(planned.stdout).toContain('1 offline OAuth refresh token is revoked too');
        expect(await reported('bea@example.com', '--yes', '--include', 'oauth-tokens')).toEqual({
          oauthTokens: { revoked: 5, offlineLeft: 0 },
          unbound: { found: 2, ended: 2 },
        });
        expect(await bea()).toEqual([]);
      });
    });
  }
});
