import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everySession, signIn, signUp } from '../support/app.ts';
import type { TestDatabase } from '../support/databases.ts';
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
        const id = session?.id ?? '';
        const tokens = await issueTokens(deployment, { id, userId: person.id });
        const good = async () => {
          const kinds: string[] = [];
          for (const token of tokens) if (await isActive(deployment, token)) kinds.push(token.kind);
          return kinds;
        };
        return Object.assign(good, { sessionId: id });
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

      it('are counted and revoked where the row of the session stays as a record', async () => {
        const eva = await withTokens('eva@example.com');
        const keeping = operatorOn(deployment.database.url, { preserveInDatabase: true, timeZone: 'UTC' });
        const run = async (...words: readonly string[]) => {
          const ran = await keeping.run(['revoke-all', '--user', 'eva@example.com', '--json', ...words]);
          expect(ran.code, ran.stderr).toBe(0);
          return JSON.parse(ran.stdout) as unknown;
        };
        expect(await run('--yes')).toMatchObject({ revoked: 1, oauthTokens: { revoked: 4, offlineLeft: 1 } });
        const left = ['access, unbound', 'refresh, offline', 'refresh, unbound'];
        expect(await eva()).toEqual(left);
        expect(await run('--yes', '--include', 'oauth-tokens')).toMatchObject({
          revoked: 0,
          outlives: { 'oauth-tokens': { found: left.length, ended: left.length } },
        });
        expect(await eva()).toEqual([]);
      });

      it('are counted and revoked where they still name a session that is gone', async () => {
        const { app, database } = deployment;
        const cara = await withTokens('cara@example.com');
        const dora = await withTokens('dora@example.com');
        const good = await dora();
        // An application may have made its tables without foreign keys.
        await dropForeignKeys(database);
        const { adapter } = await app.$context;
        await adapter.delete({ model: 'session', where: [{ field: 'id', value: cara.sessionId }] });
        const left = await cara();
        expect(left).toEqual(good.filter((kind) => kind === 'access, unbound' || kind.startsWith('refresh')));

        const { stdout } = await operator.run(['revoke-all', '--user', 'cara@example.com', '--dry-run']);
        expect(stdout.replace(/\s+/g, ' ')).toContain(
          `${String(left.length)} OAuth tokens of this user bound to no session stay valid`,
        );
        expect(await reported('cara@example.com', '--yes', '--include', 'oauth-tokens')).toEqual({
          oauthTokens: { revoked: 0, offlineLeft: 0 },
          unbound: { found: left.length, ended: left.length },
        });
        expect(await cara()).toEqual([]);
        expect(await dora()).toEqual(good);
        const planned = await operator.run(['revoke-all', '--user', 'dora@example.com', '--dry-run']);
        expect(planned.stdout.replace(/\s+/g, ' ')).toContain(
          '2 OAuth tokens of this user bound to no session',
        );
      });
    });
  }
});

async function dropForeignKeys(database: TestDatabase): Promise<void> {
  if (database.dialect === 'sqlite') {
    await database.query('PRAGMA foreign_keys = OFF');
    return;
  }
  const keys = await database.query(
    database.dialect === 'postgresql'
      ? `SELECT conrelid::regclass AS owner, quote_ident(conname) AS name FROM pg_constraint
         WHERE contype = 'f' AND connamespace = current_schema()::regnamespace`
      : `SELECT CONCAT('\`', table_name, '\`') AS owner, CONCAT('\`', constraint_name, '\`') AS name
         FROM information_schema.referential_constraints WHERE constraint_schema = database()`,
  );
  const drop = database.dialect === 'postgresql' ? 'DROP CONSTRAINT' : 'DROP FOREIGN KEY';
  for (const { owner, name } of keys)
    await database.query(`ALTER TABLE ${String(owner)} ${drop} ${String(name)}`);
}
