import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everySession, post, signIn, signUp, type Person, type SignIn } from '../support/app.ts';
import { isStress } from '../support/faults.ts';
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
  type TokenKind,
} from '../support/oauth.ts';
import { operatorOn, secretsOf, type Operator } from '../support/operator.ts';
import { describeOn } from '../support/servers.ts';
import { deploy, type Deployment } from '../support/shapes.ts';

interface Signed extends SignIn {
  readonly id: string;
  readonly tokens: readonly IssuedToken[];
}

interface Report {
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly oauthTokens: unknown;
  readonly apiKeys: unknown;
}

/** Of each kind: the moment of an earlier revocation, `now`, or null for a token that stays good. */
type Fates = readonly (readonly [TokenKind, 'now' | Date | null])[];

const fates = (isOver: (kind: TokenKind) => boolean): Fates =>
  allTokenKinds.map((kind) => [
    kind,
    tokenKinds[kind].revokedBefore ? revokedLongAgo : isOver(kind) ? 'now' : null,
  ]);
const ended = fates((kind) => tokenKinds[kind].endsWithSession);
const endedWithOffline = fates((kind) => tokenKinds[kind].endsWithSession || kind === 'refresh, offline');
const untouched = fates(() => false);

/** So many shapes, one after the other, share what is not judged on every one of them, unless minutes do not count. */
const SHARING = 4;

describe('sessionctl does to OAuth tokens what Better Auth does', () => {
  for (const [place, shape] of oauthShapes.entries()) {
    describeOn(shape.dialect, shape.name, () => {
      const isPlain = shape.name.endsWith('own adapter');
      const isTurn = (thing: number) => isStress || isPlain || place % SHARING === thing;
      let deployment: Deployment;
      let operator: Operator;
      const issued: string[] = [];
      const secrets: string[] = [];
      let people = 0;

      beforeAll(async () => {
        deployment = await deploy(shape);
        operator = operatorOn(deployment.database.url);
      });
      afterAll(async () => {
        await deployment.database.drop();
      });

      /** Somebody with two sessions, and tokens of every kind on each. */
      const signedInTwice = async (): Promise<readonly [Signed, Signed, Person]> => {
        people += 1;
        const person = await signUp(deployment.app, 'Ada', `ada${String(people)}@example.com`);
        const withTokens = async (): Promise<Signed> => {
          const signedIn = await signIn(deployment.app, person, { ip: '192.0.2.1', userAgent: 'Firefox' });
          const sessions = await everySession(deployment.app, [person.id]);
          const id = sessions.find(({ token }) => token === signedIn.token)?.id ?? '';
          const tokens = await issueTokens(deployment, { id, userId: person.id });
          issued.push(...tokens.map(({ value }) => value));
          secrets.push(...secretsOf(signedIn));
          return { ...signedIn, id, tokens };
        };
        return [await withTokens(), await withTokens(), person];
      };

      const reported = async (...words: readonly string[]): Promise<Report> => {
        const ran = await operator.run([...words, '--json']);
        expect(ran.code, ran.stderr).toBe(0);
        return JSON.parse(ran.stdout) as Report;
      };

      const stored = async ({ tokens }: Signed): Promise<readonly (StoredToken | undefined)[]> => {
        const all = await tokensOf(deployment);
        return tokens.map(({ id, kind }) =>
          all.find((token) => token.id === id && token.model === tokenKinds[kind].model),
        );
      };

      /** How the tokens of a session stand, and that those that ended by a run all did so at one moment within it. */
      const fatesOf = async (session: Signed, report?: Report): Promise<Fates> => {
        const moments = new Set<number>();
        const all = await stored(session);
        const found = session.tokens.map(({ kind }, index) => {
          const revoked = all[index]?.revoked;
          if (revoked === undefined) throw new Error(`a token is gone: ${kind}`);
          if (revoked === null || revoked.getTime() === revokedLongAgo.getTime())
            return [kind, revoked] as const;
          moments.add(revoked.getTime());
          return [kind, 'now'] as const;
        });
        if (report !== undefined) {
          const [moment = 0, ...others] = moments;
          expect(others, 'all in the same moment').toEqual([]);
          // Columns of whole seconds round down.
          expect(moment).toBeGreaterThan(Date.parse(report.startedAt) - 1000);
          expect(moment).toBeLessThanOrEqual(Date.parse(report.finishedAt));
        }
        return found;
      };

      const links = async (session: Signed) => (await stored(session)).map((token) => token?.sessionId);
      const boundTo = (id: string | null) =>
        allTokenKinds.map((kind) => (tokenKinds[kind].bound ? id : null));

      it('revoke <id>', async () => {
        const [doomed, other] = await signedInTwice();
        const [stranger] = await signedInTwice();
        const report = await reported('revoke', doomed.id, '--yes');
        expect(report.oauthTokens).toEqual({ revoked: 4, offlineLeft: 1 });
        expect(await fatesOf(doomed, report)).toEqual(ended);
        expect(await links(doomed)).toEqual(boundTo(null));
        for (const session of [other, stranger]) {
          expect(await fatesOf(session)).toEqual(untouched);
          expect(await links(session)).toEqual(boundTo(session.id));
        }
      });

      it('revoke-all --user', async () => {
        const [first, second, person] = await signedInTwice();
        const [stranger] = await signedInTwice();
        const report = await reported('revoke-all', '--user', person.email, '--yes');
        expect(report.oauthTokens).toEqual({ revoked: 8, offlineLeft: 2 });
        for (const session of [first, second]) expect(await fatesOf(session, report)).toEqual(ended);
        expect(await fatesOf(stranger)).toEqual(untouched);
        const isGood = (session: Signed) =>
          Promise.all(session.tokens.map((token) => isActive(deployment, token)));
        expect(await isGood(first)).toEqual(ended.map(([, fate]) => fate === null));
        expect(await isGood(stranger)).toEqual(untouched.map(([, fate]) => fate === null));
      });

      it('--include-offline-tokens', async () => {
        const [first, second, person] = await signedInTwice();
        const [stranger] = await signedInTwice();
        const words = ['--yes', '--include-offline-tokens'];
        const one = await reported('revoke', first.id, ...words);
        expect(one.oauthTokens).toEqual({ revoked: 5, offlineLeft: 0 });
        expect(await fatesOf(first, one)).toEqual(endedWithOffline);
        expect(await fatesOf(second)).toEqual(untouched);
        const limits = ['--max-affected', '7', '--until-quiet'];
        const all = await reported('revoke-all', '--user', person.email, ...limits, ...words);
        expect(all.oauthTokens).toEqual({ revoked: 5, offlineLeft: 0 });
        // What was done besides is kept as well, by the words that asked for it and by its number.
        const records = operator.history().slice(-4);
        expect(records[0]?.selection).toBe(`${first.id} --include-offline-tokens`);
        expect(records.at(-1)?.selection).toBe(
          `--user ${person.email} --max-affected 7 --until-quiet --include-offline-tokens`,
        );
        expect(records.map(({ oauthTokens }) => oauthTokens)).toEqual([undefined, 5, undefined, 5]);
        expect(await fatesOf(second, all)).toEqual(endedWithOffline);
        expect(await fatesOf(stranger)).toEqual(untouched);
      });

      it('leaves the tokens of a session as Better Auth leaves those of its twin', async () => {
        const [mine, theirs, person] = await signedInTwice();
        const witness = await signIn(deployment.app, person, { ip: '192.0.2.2', userAgent: 'Chrome' });
        await post(deployment.app, '/revoke-session', witness.cookie, { token: theirs.token });
        await reported('revoke', mine.id, '--yes');
        const withoutMoment = async (session: Signed) =>
          (await stored(session)).map((token) => ({
            ...token,
            id: 'its own',
            revoked: token?.revoked instanceof Date && token.revoked.getTime() !== revokedLongAgo.getTime() ? 'now' : token?.revoked,
          })); // prettier-ignore
        expect(await withoutMoment(mine)).toEqual(await withoutMoment(theirs));
        expect(await fatesOf(theirs)).toEqual(ended);
      });

      if (isTurn(0))
        it('the plan says what becomes of them, and changes nothing', async () => {
          const [first, second, person] = await signedInTwice();
          await createApiKey(deployment, person.id);
          await createApiKey(deployment, person.id);
          const words = ['revoke-all', '--user', person.email];
          const planned = await reported(...words, '--dry-run');
          expect(planned).toMatchObject({ oauthTokens: { revoked: 0, offlineLeft: 2 }, apiKeys: 2 });
          const { stdout } = await operator.run([...words, '--dry-run']);
          const text = stdout.replace(/\s+/g, ' ');
          expect(text).toContain('8 OAuth tokens bound to these sessions are revoked too.');
          expect(text).toContain(
            '2 offline OAuth refresh tokens stay valid: --include offline-tokens revokes them.',
          );
          expect(text).toContain('2 API keys of this user stay valid: --include api-keys disables them.');
          const asked = await operator.run([...words, '--dry-run', '--include-offline-tokens']);
          expect(asked.stdout.replace(/\s+/g, ' ')).toContain(
            '2 offline OAuth refresh tokens are revoked too',
          );
          for (const session of [first, second]) {
            expect(await fatesOf(session)).toEqual(untouched);
            expect(await links(session)).toEqual(boundTo(session.id));
          }
          expect(await reported(...words, '--yes')).toMatchObject({ apiKeys: 2 });
          const { adapter } = await deployment.app.$context;
          const where = [{ field: 'referenceId', value: person.id }];
          expect(await adapter.findMany({ model: 'apikey', where })).toHaveLength(2);
        });

      if (isTurn(1))
        it('a session without tokens, among those that have some', async () => {
          const [, , person] = await signedInTwice();
          await signIn(deployment.app, person, { ip: '198.51.100.9', userAgent: 'bare' });
          const report = await reported('revoke-all', '--ip', '198.51.100.9', '--yes');
          expect(report).toMatchObject({
            revoked: 1,
            remaining: 0,
            oauthTokens: { revoked: 0, offlineLeft: 0 },
          });
        });

      if (isTurn(2))
        it('where nothing matches there are none, which is not the same as having no such tables', async () => {
          const [, , person] = await signedInTwice();
          await createApiKey(deployment, person.id);
          const words = ['revoke-all', '--user', person.email, '--ip', '198.51.100.77'];
          for (const last of ['--dry-run', '--yes'])
            expect(await reported(...words, last)).toMatchObject({
              matched: 0,
              oauthTokens: { revoked: 0, offlineLeft: 0 },
              apiKeys: 0,
            });
        });

      if (isTurn(3))
        it('rows that are kept as records keep their tokens’ links', async () => {
          const keeper = operatorOn(deployment.database.url, { preserveInDatabase: true, timeZone: 'UTC' });
          const [doomed, other] = await signedInTwice();
          const ran = await keeper.run(['revoke', doomed.id, '--yes', '--json']);
          expect(ran.code, ran.stderr).toBe(0);
          const report = JSON.parse(ran.stdout) as Report;
          expect(report.oauthTokens).toEqual({ revoked: 4, offlineLeft: 1 });
          expect(await fatesOf(doomed, report)).toEqual(ended);
          expect(await links(doomed)).toEqual(boundTo(doomed.id));
          expect(await fatesOf(other)).toEqual(untouched);
          expect(keeper.sawAny([...secrets, ...issued])).toEqual([]);
        });

      it('and no token is seen', () => {
        expect(issued.length).toBeGreaterThan(50);
        expect(operator.sawAny([...secrets, ...issued])).toEqual([]);
      });
    });
  }
});
